// The limits of a tool as two thumbs on a bar with the measured value, and as numbers; each limit
// can be left out.

import { h, put } from "../dom.js";
import { translated } from "../told.js";
import { number, t, unitText } from "../words.js";
import { rounded } from "./kinds.js";

const FIXED = { score: [0, 1], gray: [0, 255], grade: [0, 4], "L*": [0, 100] };
const MOST_DOTS = 100;
const SIDES = { low: t("Least good value"), high: t("Greatest good value") };

/**
 * on: {preview({low, high}), commit({low, high}), settle() before what was dragged, first() gives
 * limits by the value}. Gives {element, update(state)}; state: {low, high, unit, value, verdict,
 * values: [{value, verdict}], problems}.
 */
export function limits(on) {
  let now = { low: null, high: null, values: [] };
  let domain = [0, 1];
  let dragging = false;
  let typed = ""; // what is wrong with what is being typed

  const good = h("i.limits-good");
  const mark = h("i.limits-value", { hidden: true });
  const dots = h("div.limits-dots", { "aria-hidden": "true" });
  const ends = [h("span"), h("span")];
  const wrong = h("p.wrong", { role: "alert", hidden: true });
  const sides = Object.fromEntries(
    Object.entries(SIDES).map(([side, label]) => [side, part(side, label)]),
  );
  const bar = h(
    "div.limits-bar",
    h("div.limits-track", { "aria-hidden": "true" }, good, dots, mark),
    sides.low.slider,
    sides.high.slider,
  );
  const element = h(
    "div.limits",
    { dataset: { field: "limits" } },
    bar,
    h("div.limits-ends", { "aria-hidden": "true" }, ends),
    h("div.limits-fields", sides.low.element, sides.high.element),
    wrong,
  );

  function part(side, label) {
    const slider = h("input", {
      type: "range",
      step: "any",
      "aria-label": t("{side}, on the bar", { side: label }),
      dataset: { side },
    });
    const input = h("input", {
      type: "number",
      step: "any",
      inputmode: "decimal",
      "aria-label": label,
      dataset: { field: side },
    });
    const use = h("input", { type: "checkbox", "aria-label": t("Use {field}", { field: label }) });
    const unit = h("span.limits-unit");
    const none = h("span.muted", t("no limit"));
    slider.addEventListener("input", () => {
      dragging = true;
      now = { ...now, [side]: between(side, snapped(slider.valueAsNumber)) };
      paint();
      on.preview({ low: now.low, high: now.high });
    });
    slider.addEventListener("change", () => {
      dragging = false;
      on.settle();
      on.commit({ low: now.low, high: now.high });
    });
    slider.addEventListener("keydown", (event) => {
      const way = {
        ArrowLeft: -1,
        ArrowDown: -1,
        ArrowRight: 1,
        ArrowUp: 1,
        PageUp: 10,
        PageDown: -10,
      }[event.key];
      if (!way) return;
      event.preventDefault();
      on.commit({
        low: now.low,
        high: now.high,
        [side]: between(side, snapped(now[side] + way * step())),
      });
    });
    input.addEventListener("input", () => {
      if (input.value === "" || !Number.isFinite(input.valueAsNumber))
        return complain(t("Give a number, or switch the limit off"));
      const next = { low: now.low, high: now.high, [side]: input.valueAsNumber };
      if (next.low !== null && next.high !== null && next.low > next.high)
        return complain(t("The least good value is above the greatest"));
      complain("");
      on.commit(next);
    });
    input.addEventListener("keydown", (event) => {
      if (!["ArrowUp", "ArrowDown"].includes(event.key) || input.value === "") return;
      event.preventDefault();
      on.commit({
        low: now.low,
        high: now.high,
        [side]: between(side, snapped(now[side] + (event.key === "ArrowUp" ? step() : -step()))),
      });
    });
    use.addEventListener("change", () => {
      const other = side === "low" ? "high" : "low";
      if (!use.checked && now[other] === null) {
        use.checked = true;
        return complain(t("A tool needs a least or a greatest good value"));
      }
      complain("");
      const begin = on.first()?.[side] ?? snapped(side === "low" ? domain[0] : domain[1]);
      on.commit({
        low: now.low,
        high: now.high,
        [side]: use.checked ? between(side, begin) : null,
      });
    });
    input.addEventListener("blur", () => typed && (complain(""), (input.value = now[side] ?? "")));
    return {
      side,
      slider,
      input,
      use,
      unit,
      none,
      shown: null,
      element: h(
        "div.limits-field",
        h("label.label-switch", use, h("span", label)),
        h("span.with-unit", input, unit),
        none,
      ),
    };
  }

  const step = () =>
    now.unit === "count" || now.unit === "grade"
      ? 1
      : 10 ** Math.round(Math.log10((domain[1] - domain[0]) / 200));
  const snapped = (value) => Number((Math.round(value / step()) * step()).toFixed(6));
  const between = (side, value) =>
    side === "low" ? Math.min(value, now.high ?? Infinity) : Math.max(value, now.low ?? -Infinity);
  const place = (value) =>
    `${Math.min(Math.max(((value - domain[0]) / (domain[1] - domain[0])) * 100, 0), 100)}%`;

  function complain(text) {
    typed = text;
    say(text);
  }

  function say(text) {
    wrong.textContent = text;
    wrong.hidden = !text;
  }

  function scale() {
    const measured = [now.value, ...now.values.map(({ value }) => value)].filter(Number.isFinite);
    const wanted = [now.low, now.high].filter(Number.isFinite);
    const span = measured.length ? Math.max(...measured) - Math.min(...measured) : 0;
    const near = measured.length
      ? wanted.filter(
          (value) => Math.abs(value - measured[0]) <= 20 * Math.max(span, Math.abs(measured[0]), 1),
        )
      : wanted;
    const all = [...measured, ...near];
    if (FIXED[now.unit])
      return [Math.min(FIXED[now.unit][0], ...all), Math.max(FIXED[now.unit][1], ...all)];
    if (!all.length) return [0, 1];
    const [least, greatest] = [Math.min(...all), Math.max(...all)];
    const room = Math.max(
      (greatest - least) * 0.3,
      Math.abs(greatest) * 0.15,
      now.unit === "count" ? 2 : measured.length ? 1e-3 : 1,
    );
    const whole = ["ratio", "count", "dE2000"].includes(now.unit) || least >= 0;
    const to =
      now.unit === "ratio" && all.every((value) => value > 0.1 && value < 1.9)
        ? 2
        : greatest + room;
    const from = whole
      ? least - room > greatest * 0.4 && now.unit !== "ratio"
        ? least - room
        : Math.min(0, least)
      : least - room;
    return [rounded(from, to - from), rounded(to, to - from)];
  }

  function paint() {
    good.style.setProperty("left", now.low === null ? "0%" : place(now.low));
    good.style.setProperty("right", now.high === null ? "0%" : `calc(100% - ${place(now.high)})`);
    const measured = Number.isFinite(now.value);
    mark.hidden = !measured;
    if (measured) mark.style.setProperty("left", place(now.value));
    ends.forEach((end, n) => (end.textContent = number(domain[n], 3)));
    for (const part of Object.values(sides)) {
      const { side, slider, input, use, unit, none } = part;
      const value = now[side];
      const given = value !== null && value !== undefined;
      use.checked = given;
      slider.hidden = !given;
      input.parentNode.hidden = !given;
      none.hidden = given;
      unit.textContent = unitText(now.unit ?? "");
      if (!given) continue;
      [slider.min, slider.max] = domain;
      if (!dragging || !slider.matches(":active")) slider.value = value;
      slider.setAttribute("aria-valuetext", `${number(value, 4)} ${unitText(now.unit ?? "")}`);
      if (
        input !== document.activeElement ||
        (part.shown !== value && input.valueAsNumber !== value)
      )
        input.value = value;
      part.shown = value;
    }
  }

  return {
    element,
    update(state) {
      if (dragging && element.querySelector("input[type=range]:active")) {
        now = { ...state, low: now.low, high: now.high };
        return paint();
      }
      dragging = false;
      now = state;
      domain = scale();
      bar.dataset.verdict = state.verdict ?? "";
      put(
        dots,
        now.values
          .slice(0, MOST_DOTS)
          .filter(({ value }) => Number.isFinite(value))
          .map(({ value, verdict }) =>
            h("i", { dataset: { verdict: verdict ?? "" }, style: { left: place(value) } }),
          ),
      );
      const problems = (state.problems ?? []).map((problem) => translated(problem.text)).join(" ");
      say(typed || problems);
      paint();
    },
  };
}
