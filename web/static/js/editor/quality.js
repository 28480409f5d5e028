// The figures of a picture: against the limits of its station, beyond which no part is judged, and
// against what to aim at. A bar each, with value and word. Sharpness aims at the best that was seen
// while the lens was turned, which is held until the scene is another one.

import { h, put } from "../dom.js";
import { number, percent, t } from "../words.js";

const SHARP = 0.9; // of the best that was seen: as sharp as it gets

/**
 * `aim` is what is best, [from, to]; what to do where a picture is good enough but not that.
 * @type {{name: string, top: (limits: any, value: number, peak: number) => number, low?: string, high?: string,
 *   show: (value: number) => string, aim: (peak: number) => [number, number],
 *   doubt: (value: number, from: number) => string}[]}
 */
const FIGURES = [
  {
    name: "brightness",
    top: () => 255,
    low: "brightness_low",
    high: "brightness_high",
    show: (value) => number(value, 0),
    aim: () => [70, 190],
    doubt: (value, from) => (value < from ? t("rather dark") : t("rather light")),
  },
  {
    name: "sharpness",
    top: (limits, value, peak) => 1.1 * Math.max(55, 3.6 * limits.sharpness_low, value, peak),
    low: "sharpness_low",
    show: (value) => number(value, 1),
    aim: (peak) => [SHARP * peak, Infinity],
    doubt: () => t("it was sharper: turn back a little"),
  },
  {
    name: "clipped",
    top: () => 1,
    high: "clipped_high",
    show: (value) => percent(value),
    aim: () => [0, 0.02],
    doubt: () => t("some is burnt out or black"),
  },
];

const titles = () => ({
  brightness: t("Brightness"),
  sharpness: t("Sharpness"),
  clipped: t("Burnt out or black"),
});
const advice = () => ({
  brightness: [
    t("too dark: more exposure, gain or light"),
    t("too light: less exposure, gain or light"),
  ],
  sharpness: [t("blurred: turn the focus of the lens"), ""],
  clipped: ["", t("burnt out or black: change exposure or light")],
});

/** Whether all figures are within their limits. */
export function good({ quality, limits }) {
  return FIGURES.every((figure) => outside(figure, quality[figure.name], limits) === null);
}

/** Draw the figures of a shot into an element; null empties the bars. `peak`: the best sharpness so far. */
export function drawQuality(element, shot, peak = 0) {
  put(
    element,
    FIGURES.map((figure) => row(figure, shot, peak)),
  );
}

// 0: below its limit, 1: above, null: within.
function outside(figure, value, limits) {
  const { low, high } = figure;
  if (low && value < limits[low]) return 0;
  return high && value > limits[high] ? 1 : null;
}

function row(figure, shot, peak) {
  const { name, low, high, show } = figure;
  const title = titles()[name];
  if (!shot)
    return h(
      "div.figure",
      h("div.figure-head", h("span", title), h("span.muted", "–")),
      h("div.bar"),
    );
  const value = shot.quality[name];
  const wrong = outside(figure, value, shot.limits);
  const top = figure.top(shot.limits, value, peak);
  const from = low ? shot.limits[low] : 0;
  const to = high ? shot.limits[high] : top;
  const [least, most] = figure.aim(peak);
  const doubt =
    wrong === null && (value < least || value > most) ? figure.doubt(value, least) : null;
  const held = figure.name === "sharpness" && peak > 0;
  const limits = [
    low ? t("at least {limit}", { limit: show(from) }) : null,
    high ? t("at most {limit}", { limit: show(to) }) : null,
    held ? t("best so far {value}", { value: show(peak) }) : null,
    figure.name === "brightness" ? t("aim at {from} to {to}", { from: least, to: most }) : null,
  ]
    .filter(Boolean)
    .join(", ");
  return h(
    "div.figure",
    { dataset: { figure: name, state: wrong === null ? "good" : "bad" } },
    h("div.figure-head", h("span", title), h("strong", show(value))),
    h(
      "div.bar",
      {
        role: "meter",
        "aria-label": title,
        "aria-valuemin": 0,
        "aria-valuemax": String(Math.round(top * 1000) / 1000),
        "aria-valuenow": String(Math.round(value * 1000) / 1000),
        "aria-valuetext": `${show(value)}, ${limits}`,
      },
      h("i.good", { style: { left: share(from, top), right: share(top - to, top) } }),
      h("i.aim", { style: { left: share(least, top), right: share(top - most, top) } }),
      held ? h("i.peak", { style: { left: share(peak, top) } }) : null,
      h("i.value", { style: { left: share(Math.min(value, top), top) } }),
    ),
    h(
      "div.figure-head",
      h("small.muted", limits),
      h(
        `span.tag.${wrong !== null ? "bad" : doubt ? "warn" : "good"}`,
        wrong !== null ? advice()[name][wrong] : (doubt ?? t("good")),
      ),
    ),
  );
}

const share = (part, whole) => `${Math.max(0, Math.min(100, (100 * part) / whole))}%`;
