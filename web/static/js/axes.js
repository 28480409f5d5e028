// Scales, ticks and the frame of charts, in px of the drawing.

import { s } from "./dom.js";
import { locale, number } from "./words.js";

/** Round values between two, about `count` of them. */
export function ticks(from, to, count = 5) {
  const span = to - from;
  if (!(span > 0)) return [from];
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999);
  const first = Math.ceil(from / step - 1e-9);
  return Array.from({ length: Math.floor(to / step + 1e-9) - first + 1 }, (_, each) =>
    Number(((first + each) * step).toPrecision(12)),
  );
}

/** How many decimals tell ticks apart. */
export function decimals(values) {
  const step = values.length > 1 ? Math.abs(values[1] - values[0]) : 1;
  return Math.max(0, Math.min(6, 1 - Math.floor(Math.log10(step))));
}

/**
 * The scale of times: seconds only where they tell something, the date only where there is more
 * than one day.
 */
export function clock(from, to) {
  const day = /** @type {const} */ ({ day: "2-digit", month: "2-digit" });
  const hour = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit" });
  const span = to - from;
  const sameDay = new Date(from).toDateString() === new Date(to).toDateString();
  const options =
    span < 5 * 60e3
      ? { ...hour, second: "2-digit" }
      : span > 10 * 86400e3
        ? day
        : sameDay || span < 20 * 3600e3
          ? hour
          : { ...day, ...hour };
  const format = new Intl.DateTimeFormat(locale, { ...options, hourCycle: "h23" });
  return (at) => format.format(at);
}

/** Times in round local steps between two, at most `count`. */
export function timeTicks(from, to, count) {
  const steps = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
    2 * 86400,
    7 * 86400,
    14 * 86400,
    30 * 86400,
    91 * 86400,
    365 * 86400,
  ].map((each) => each * 1000);
  const step = steps.find((each) => (to - from) / each <= count) ?? steps.at(-1);
  const shift = new Date(from).getTimezoneOffset() * 60e3;
  const found = [];
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step)
    found.push(at);
  return found;
}

/** A linear scale. */
export function scale([from, to], [first, last]) {
  const span = to - from || 1;
  return (value) => first + ((value - from) / span) * (last - first);
}

/** Horizontal lines with their numbers, left or right of the box {left, right, top, bottom}. */
export function rows(
  y,
  values,
  box,
  { side = "left", text = (value) => number(value, decimals(values)) } = {},
) {
  const at =
    side === "left"
      ? { x: box.left - 6, "text-anchor": "end" }
      : { x: box.right + 6, "text-anchor": "start" };
  return values.map((value) =>
    s(
      "g",
      side === "left"
        ? s("line.grid-line", { x1: box.left, x2: box.right, y1: y(value), y2: y(value) })
        : null,
      s("text", { ...at, y: y(value), dy: "0.32em" }, text(value)),
    ),
  );
}

/** Numbers or times below the box; those that would leave it move in. */
export function below(x, values, box, text) {
  return values.map((value) => {
    const at = x(value);
    const anchor = at < box.left + 24 ? "start" : at > box.right - 24 ? "end" : "middle";
    return s(
      "g",
      s("line.tick", { x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4 }),
      s(
        "text",
        {
          x:
            anchor === "start"
              ? Math.max(at - 8, box.left - 8)
              : anchor === "end"
                ? Math.min(at + 8, box.right + 8)
                : at,
          y: box.bottom + 17,
          "text-anchor": anchor,
        },
        text(value),
      ),
    );
  });
}
