// Charts as inline SVG that anybody can read: each is a <figure> with a title, a legend, a drawing
// that says in words what it shows,
// a line that tells the value under the pointer (arrow keys too), and its data as a table. Pages
// that use them load css/charts.css.
//
// One file: four kinds of chart, which share their frame and read alike.

import { below, clock, decimals, rows, scale, ticks, timeTicks } from "./axes.js";
import { figure, goodRange, limitLegend, padded } from "./chart_figure.js";
import { h, s } from "./dom.js";
import { number, percent, t, time } from "./words.js";

/**
 * Counts over time, stacked OK, NG, ERROR, with the yield as a line. buckets: [{at, total, OK, NG,
 * ERROR, yield}]; pick(bucket) is called for a click.
 */
export function countsChart({ title, buckets, bucket_s, height = 260, pick = null }) {
  const step = bucket_s * 1000;
  const starts = buckets.map(({ at }) => Date.parse(at));
  const [from, to] = [starts[0], starts.at(-1) + step];
  const most = Math.max(...buckets.map(({ total }) => total));
  const said = (bucket) =>
    t("{time}: {total} parts, OK {ok}, NG {ng}, ERROR {error}, yield {yield}", {
      time: time(bucket.at, { seconds: bucket_s < 60 }),
      total: number(bucket.total),
      ok: number(bucket.OK),
      ng: number(bucket.NG),
      error: number(bucket.ERROR),
      yield: percent(bucket.yield),
    });
  return figure({
    title,
    height,
    said,
    items: buckets,
    pick,
    legend: [
      ["OK", "OK"],
      ["NG", "NG"],
      ["ERROR", "ERROR"],
      ["yield", t("Yield")],
    ],
    summary: t("{title}: {count} steps from {first} to {last}", {
      title,
      count: buckets.length,
      first: time(buckets[0].at),
      last: time(new Date(to).toISOString()),
    }),
    head: [t("From"), t("Parts"), "OK", "NG", "ERROR", t("Yield")],
    rows: buckets.map((bucket) => [
      time(bucket.at),
      number(bucket.total),
      number(bucket.OK),
      number(bucket.NG),
      number(bucket.ERROR),
      percent(bucket.yield),
    ]),
    draw(box) {
      box = { ...box, right: box.right - 42 };
      const x = scale([from, to], [box.left, box.right]);
      const counts = ticks(0, most, 4);
      const y = scale([0, Math.max(most, counts.at(-1))], [box.bottom, box.top]);
      const worst = Math.min(...buckets.map((bucket) => bucket.yield));
      // good lines differ in the last few per cent
      const least = [0.98, 0.95, 0.9, 0.8, 0.5].find((each) => each < worst) ?? 0;
      const share = scale([least, 1], [box.bottom, box.top]);
      const place = x(from + step) - x(from);
      const wide = Math.min(96, Math.max(1, place - (place > 4 ? 1.5 : 0)));
      const left = (each) => x(starts[each]) + Math.max(0, (place - wide) / 2);
      const bars = buckets.map((bucket, each) => {
        let sum = 0;
        return ["OK", "NG", "ERROR"].map((verdict) => {
          if (!bucket[verdict]) return null;
          sum += bucket[verdict];
          return s("rect.area", {
            "data-verdict": verdict,
            x: left(each),
            width: wide,
            y: y(sum),
            height: Math.max(1, y(0) - y(bucket[verdict])),
          });
        });
      });
      const middle = (each) => left(each) + wide / 2;
      const runs = []; // a pause interrupts the line
      buckets.forEach((bucket, each) =>
        (each && starts[each] - starts[each - 1] < 1.5 * step
          ? runs.at(-1)
          : (runs.push([]), runs.at(-1))
        ).push([middle(each), share(bucket.yield)]),
      );
      return {
        at: middle,
        nodes: [
          rows(y, counts, box),
          rows(
            share,
            [0, 0.25, 0.5, 0.75, 1].map((part) => least + part * (1 - least)),
            box,
            { side: "right", text: (value) => percent(value, 1) },
          ),
          below(x, timeTicks(from, to, (box.right - box.left) / 90), box, clock(from, to)),
          bars,
          runs.map((points) => [
            s("polyline.yield-halo", { points: points.join(" ") }),
            s("polyline.yield", { points: points.join(" ") }),
            buckets.length < 60 || points.length === 1
              ? points.map(([cx, cy]) => s("circle.yield-dot", { cx, cy, r: 3 }))
              : null,
          ]),
        ],
      };
    },
  });
}

/** How often which value was measured, with the limits as lines. histogram: {from, to, counts}. */
export function histogramChart({
  title,
  histogram,
  low = null,
  high = null,
  unit = "",
  mean = null,
  height = 220,
}) {
  const { from, to, counts } = histogram;
  const width = (to - from) / counts.length;
  const bins = counts.map((count, each) => ({
    count,
    from: from + each * width,
    to: from + (each + 1) * width,
  }));
  const digits = decimals([from, from + (width || Math.abs(from) / 10 || 1)]) + 1;
  const range = (bin) =>
    width
      ? t("{from} to {to} {unit}", {
          from: number(bin.from, digits),
          to: number(bin.to, digits),
          unit,
        }).trim()
      : `${number(from, 4)} ${unit}`.trim();
  return figure({
    title,
    height,
    items: bins,
    said: (bin) => t("{range}: {count}", { range: range(bin), count: number(bin.count) }),
    legend: [
      ["count", t("Results")],
      ...limitLegend(low, high),
      ...(mean === null ? [] : [["mean", t("Mean")]]),
    ],
    summary: t("{title}: values from {from} to {to} {unit}", {
      title,
      from: number(from, 4),
      to: number(to, 4),
      unit,
    }),
    head: [t("Value"), t("Results")],
    rows: bins.map((bin) => [range(bin), number(bin.count)]),
    draw(box) {
      const known = [from, to, low, high].filter((each) => each !== null);
      const [least, most] = padded(Math.min(...known), Math.max(...known));
      const x = scale([least, most], [box.left, box.right]);
      const heights = ticks(0, Math.max(...counts), 4);
      const y = scale([0, Math.max(...counts, heights.at(-1))], [box.bottom, box.top]);
      const across = ticks(least, most, Math.max(3, (box.right - box.left) / 90));
      const outside = (bin) =>
        (low !== null && bin.to <= low) || (high !== null && bin.from >= high);
      const left = (bin) => (width ? x(bin.from) : x(from) - 6);
      const wide = width ? Math.max(1, x(from + width) - x(from) - 1) : 12;
      return {
        at: (each) => left(bins[each]) + wide / 2,
        nodes: [
          goodRange(x, low, high, box),
          rows(y, heights, box),
          below(x, across, box, (value) => number(value, decimals(across))),
          bins.map((bin) =>
            bin.count
              ? s("rect.area", {
                  "data-kind": outside(bin) ? "outside" : "count",
                  x: left(bin),
                  width: wide,
                  y: y(bin.count),
                  height: y(0) - y(bin.count),
                })
              : null,
          ),
          [low, high].map((limit) =>
            limit === null
              ? null
              : s("line.limit", { x1: x(limit), x2: x(limit), y1: box.top, y2: box.bottom }),
          ),
          mean === null
            ? null
            : s("line.mean", { x1: x(mean), x2: x(mean), y1: box.top, y2: box.bottom }),
        ],
      };
    },
  });
}

/**
 * Values one after the other: the mean as a line, least and greatest as a band, the limits as
 * lines. points: [{at, min, mean, max}].
 */
export function trendChart({ title, points, low = null, high = null, unit = "", height = 220 }) {
  const single = points.every((point) => point.min === point.max);
  return figure({
    title,
    height,
    items: points,
    said: (point) =>
      single
        ? t("{time}: {value} {unit}", { time: time(point.at), value: number(point.mean, 4), unit })
        : t("{time}: mean {mean}, {min} to {max} {unit}", {
            time: time(point.at),
            mean: number(point.mean, 4),
            min: number(point.min, 4),
            max: number(point.max, 4),
            unit,
          }),
    legend: [
      ["trend", single ? t("Value") : t("Mean")],
      ...(single ? [] : [["band", t("Least to greatest")]]),
      ...limitLegend(low, high),
    ],
    summary: t("{title}: {count} points from {first} to {last}", {
      title,
      count: points.length,
      first: time(points[0].at),
      last: time(points.at(-1).at),
    }),
    head: [t("Until"), t("Min"), t("Mean"), t("Max")],
    rows: points.map((point) => [
      time(point.at),
      number(point.min, 4),
      number(point.mean, 4),
      number(point.max, 4),
    ]),
    draw(box) {
      const known = [...points.flatMap(({ min, max }) => [min, max]), low, high].filter(
        (each) => each !== null,
      );
      const [least, most] = padded(Math.min(...known), Math.max(...known));
      const up = ticks(least, most, 4);
      const y = scale([least, most], [box.bottom, box.top]);
      // parts one after the other: a pause takes no room
      const x = scale([0, Math.max(1, points.length - 1)], [box.left + 4, box.right - 4]);
      const times = points.map(({ at }) => Date.parse(at));
      const label = clock(times[0], times.at(-1));
      const every = Math.max(
        1,
        Math.ceil(points.length / Math.max(2, (box.right - box.left) / 90)),
      );
      const shown = points.map((_, each) => each).filter((each) => each % every === 0);
      const band = [
        ...points.map((point, each) => [x(each), y(point.max)]),
        ...points.map((point, each) => [x(each), y(point.min)]).reverse(),
      ];
      return {
        at: x,
        nodes: [
          goodRange(y, low, high, box, true),
          rows(y, up, box),
          below(x, shown, box, (each) => label(times[each])),
          single ? null : s("polygon.band", { points: band.join(" ") }),
          [low, high].map((limit) =>
            limit === null
              ? null
              : s("line.limit", { x1: box.left, x2: box.right, y1: y(limit), y2: y(limit) }),
          ),
          s("polyline.trend", {
            points: points.map((point, each) => [x(each), y(point.mean)]).join(" "),
          }),
          points.length < 80
            ? points.map((point, each) =>
                s("circle.trend-dot", { cx: x(each), cy: y(point.mean), r: 2.5 }),
              )
            : null,
        ],
      };
    },
  });
}

/** A list of the most frequent things as bars: [{label, count, href, note}]. */
export function ranking(items, { of = null } = {}) {
  const most = Math.max(...items.map(({ count }) => count), 1);
  return h(
    "ol.ranking",
    items.map(({ label, count, href, note }) =>
      h(
        "li",
        h(
          href ? "a" : "span",
          { href },
          h("span.ranking-label", label, note ? h("small", note) : null),
          h(
            "span.ranking-bar",
            { "aria-hidden": "true" },
            h("i", { style: { width: `${(100 * count) / most}%` } }),
          ),
          h("span.ranking-count", number(count), of ? h("small", percent(count / of, 0)) : null),
        ),
      ),
    ),
  );
}
