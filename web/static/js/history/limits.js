// A value against its limits as a small drawing: the good range, its limits as lines, the value as
// a mark.

import { h, s } from "../dom.js";
import { number, t, unitText } from "../words.js";

const WIDE = 200;
const HIGH = 18;

/** The drawing, with the limits below; null without a limit. */
export function limits({ value, low, high, unit }) {
  if (low === null && high === null) return null;
  const [from, to] = scale(value, low, high);
  const x = (at) => 4 + ((at - from) / (to - from)) * (WIDE - 8);
  const [left, right] = [low === null ? 4 : x(low), high === null ? WIDE - 4 : x(high)];
  const outside =
    value !== null && ((low !== null && value < low) || (high !== null && value > high));
  const line = (at) => s("line.limit", { x1: at, x2: at, y1: 1, y2: HIGH - 1 });
  return h(
    "div.limits",
    s(
      "svg",
      {
        viewBox: `0 0 ${WIDE} ${HIGH}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": said(value, low, high, unit),
      },
      s("rect.track", { x: 0.5, y: 5, width: WIDE - 1, height: HIGH - 10, rx: 2 }),
      s("rect.good", { x: left, y: 5, width: Math.max(0, right - left), height: HIGH - 10 }),
      low === null ? null : line(left),
      high === null ? null : line(right),
      value === null
        ? null
        : s(`path.value${outside ? ".outside" : ""}`, { d: `M${x(value)} 0l4 5v8l-4 5l-4-5v-8z` }),
    ),
    h(
      "div.ends",
      { "aria-hidden": "true" },
      h("span", low === null ? "" : `≥ ${number(low, 4)}`),
      h("span", high === null ? "" : `≤ ${number(high, 4)}`),
    ),
  );
}

/** The limits in words. */
export function said(value, low, high, unit) {
  const values = {
    value: number(value, 4),
    low: number(low, 4),
    high: number(high, 4),
    unit: unitText(unit),
  };
  if (low === null) return t("{value} {unit}, at most {high}", values);
  if (high === null) return t("{value} {unit}, at least {low}", values);
  return t("{value} {unit}, from {low} to {high}", values);
}

// The good range takes the middle; a value far outside stretches the scale no further than it must.
function scale(value, low, high) {
  const known = [value, low, high].filter((each) => each !== null);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const margin = (most - least) * 0.15 || Math.abs(most) * 0.15 || 1;
  return [least - margin, most + margin];
}
