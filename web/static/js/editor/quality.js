// The figures of a picture against the limits of its station: a bar each, with value and word.

import { h, put } from "../dom.js";
import { number, percent, t } from "../words.js";

/**
 * @type {{name: string, top: (limits: any, value: number) => number, low?: string, high?: string,
 *   show: (value: number) => string, doubt?: (value: number) => string | null}[]}
 */
const FIGURES = [
  {
    name: "brightness",
    top: () => 255,
    low: "brightness_low",
    high: "brightness_high",
    show: (value) => number(value, 0),
    doubt: (value) => (value < 45 ? t("rather dark") : value > 215 ? t("rather light") : null),
  },
  {
    name: "sharpness",
    top: (limits, value) => Math.max(60, 4 * limits.sharpness_low, value * 1.1),
    low: "sharpness_low",
    show: (value) => number(value, 1),
  },
  { name: "clipped", top: () => 1, high: "clipped_high", show: (value) => percent(value) },
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

/** Draw the figures of a shot into an element; null empties the bars. */
export function drawQuality(element, shot) {
  put(
    element,
    FIGURES.map((figure) => row(figure, shot)),
  );
}

// 0: below its limit, 1: above, null: within.
function outside(figure, value, limits) {
  const { low, high } = figure;
  if (low && value < limits[low]) return 0;
  return high && value > limits[high] ? 1 : null;
}

function row(figure, shot) {
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
  const top = figure.top(shot.limits, value);
  const from = low ? shot.limits[low] : 0;
  const to = high ? shot.limits[high] : top;
  const doubt = wrong === null ? figure.doubt?.(value) : null;
  const limits = [
    low ? t("at least {limit}", { limit: show(from) }) : null,
    high ? t("at most {limit}", { limit: show(to) }) : null,
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
