// What every chart has: a title, a legend, a drawing that says in words what it shows, a line that
// tells the value under the pointer, and its data as a table.

import { h, put, s } from "./dom.js";
import { t } from "./words.js";

const KEYS = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: -10,
  PageDown: 10,
  Home: -Infinity,
  End: Infinity,
};

export function limitLegend(low, high) {
  return low === null && high === null ? [] : [["limit", t("Limits")]];
}

export function padded(least, most) {
  const margin = (most - least) * 0.06 || Math.abs(most) * 0.1 || 1;
  return [least - margin, most + margin];
}

export function goodRange(along, low, high, box, upright = false) {
  if (low === null && high === null) return null;
  const [ends, other] = upright
    ? [
        [box.bottom, box.top],
        [box.left, box.right],
      ]
    : [
        [box.left, box.right],
        [box.top, box.bottom],
      ];
  const [a, b] = [low === null ? ends[0] : along(low), high === null ? ends[1] : along(high)];
  const [from, size] = [Math.min(a, b), Math.abs(b - a)];
  return s(
    "rect.good-range",
    upright
      ? { x: other[0], width: other[1] - other[0], y: from, height: size }
      : { x: from, width: size, y: other[0], height: other[1] - other[0] },
  );
}

// The drawing is made for the width it has, so that text keeps its size; printing scales it.
export function figure({
  title,
  height,
  items,
  said,
  legend,
  summary,
  head,
  rows: data,
  draw,
  pick = null,
}) {
  patterns();
  const svg = s("svg.chart", { role: "img", "aria-label": summary, tabindex: 0 });
  const reading = h("p.chart-reading", { "aria-live": "polite" });
  const swatch = ([kind, text]) =>
    h(
      "span.chart-key",
      s(
        "svg",
        { viewBox: "0 0 18 12", "aria-hidden": "true" },
        ["yield", "trend", "limit", "mean"].includes(kind)
          ? s(`line.${kind}`, { x1: 0, x2: 18, y1: 6, y2: 6 })
          : s("rect.area", {
              width: 18,
              height: 12,
              rx: 2,
              ...(["OK", "NG", "ERROR"].includes(kind)
                ? { "data-verdict": kind }
                : { "data-kind": kind }),
            }),
      ),
      text,
    );
  let plan = null;
  let at = null;
  const point = (to) => {
    at = to === null ? null : Math.max(0, Math.min(items.length - 1, to));
    reading.textContent = at === null ? "" : said(items[at]);
    const guide = svg.querySelector(".guide");
    guide.toggleAttribute("hidden", at === null);
    if (at !== null) for (const end of ["x1", "x2"]) guide.setAttribute(end, plan.at(at));
  };
  const paint = () => {
    // on very large screens, as all text
    const larger = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const width = Math.round((svg.parentElement?.clientWidth ?? 0) / larger);
    if (!width) return;
    const box = { left: 52, right: width - 12, top: 8, bottom: height - 26 };
    plan = draw(box);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    put(svg, plan.nodes, s("line.guide", { y1: box.top, y2: box.bottom, hidden: "" }));
    if (at !== null) point(at);
  };
  const nearest = (event) => {
    const bounds = svg.getBoundingClientRect();
    const x = ((event.clientX - bounds.left) / bounds.width) * svg.viewBox.baseVal.width;
    let best = 0;
    for (let each = 1; each < items.length; each += 1)
      if (Math.abs(plan.at(each) - x) < Math.abs(plan.at(best) - x)) best = each;
    return best;
  };
  svg.addEventListener("pointermove", (event) => plan && point(nearest(event)));
  svg.addEventListener("pointerleave", () => plan && document.activeElement !== svg && point(null));
  svg.addEventListener("blur", () => plan && point(null));
  svg.addEventListener("keydown", (event) => {
    if (pick && event.key === "Enter" && at !== null) return pick(items[at]);
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    event.stopPropagation();
    point(
      at === null
        ? ["ArrowLeft", "End"].includes(event.key)
          ? items.length - 1
          : 0
        : at + KEYS[event.key],
    );
  });
  if (pick) {
    svg.classList.add("picks");
    svg.addEventListener("click", (event) => plan && pick(items[nearest(event)]));
  }
  const table = h("details.chart-data", h("summary", t("Data as a table")));
  table.addEventListener("toggle", () => {
    if (table.open && table.children.length === 1)
      table.append(
        h(
          "div.table-scroll",
          { tabindex: 0, role: "region", "aria-label": title },
          h(
            "table",
            h("caption.visually-hidden", title),
            h(
              "thead",
              h(
                "tr",
                head.map((text, each) => h(each ? "th.number" : "th", { scope: "col" }, text)),
              ),
            ),
            h(
              "tbody",
              data.map((row) =>
                h(
                  "tr",
                  row.map((text, each) =>
                    each ? h("td.number", text) : h("th", { scope: "row" }, text),
                  ),
                ),
              ),
            ),
          ),
        ),
      );
  });
  const result = h(
    "figure.chart-figure",
    h("figcaption", h("span.chart-title", title), h("span.chart-keys", legend.map(swatch))),
    h("div.chart-box", svg),
    reading,
    table,
  );
  new ResizeObserver(paint).observe(svg.parentElement);
  return result;
}

// NG and ERROR are told apart by pattern too. The patterns are in the page once; nothing may be
// hidden around them.
function patterns() {
  if (document.getElementById("chart-ng")) return;
  const made = (id, ...lines) =>
    s("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, lines);
  document.body.append(
    s(
      "svg.chart-patterns",
      { "aria-hidden": "true", width: 0, height: 0 },
      s(
        "defs",
        made(
          "chart-ng",
          s("rect.chart-ng-ground", { width: 6, height: 6 }),
          s("path.chart-stroke", { d: "M-1 7L7 -1M-1 1L1 -1M5 7L7 5" }),
        ),
        made(
          "chart-error",
          s("rect.chart-error-ground", { width: 6, height: 6 }),
          s("path.chart-stroke", { d: "M0 3h6" }),
        ),
      ),
    ),
  );
}
