// The times of the steps of an inspection: one bar, stacked in the order of the steps, and the
// numbers beside their letters.

import { h } from "../dom.js";
import { number, t } from "../words.js";

const STEPS = ["wait", "acquire", "locate", "measure", "judge", "output"];

/** Bar and list; the whole is the duration, what no step accounts for is `rest`. */
export function timesBar({ timings_ms, duration_ms }) {
  const names = {
    wait: t("Wait"),
    acquire: t("Acquire"),
    locate: t("Locate"),
    measure: t("Measure"),
    judge: t("Judge"),
    output: t("Output"),
    rest: t("Rest"),
  };
  const known = STEPS.filter((step) => step in timings_ms);
  const steps = [...known, ...Object.keys(timings_ms).filter((step) => !STEPS.includes(step))].map(
    (step) => [step, timings_ms[step]],
  );
  const rest = duration_ms - steps.reduce((sum, [, ms]) => sum + ms, 0);
  if (rest > 0.02 * duration_ms && steps.length) steps.push(["rest", rest]);
  const whole = steps.reduce((sum, [, ms]) => sum + ms, 0) || 1;
  const letter = (step) => (names[step] ?? step).slice(0, 1).toUpperCase();
  return [
    h(
      "p",
      h("strong", `${number(duration_ms, 2)} ms`),
      " ",
      h("span.muted", t("from trigger to verdict")),
    ),
    steps.length
      ? h(
          "div.times-bar",
          { "aria-hidden": "true" },
          steps.map(([step, ms]) =>
            h(
              "span",
              {
                dataset: { step },
                title: `${names[step] ?? step} ${number(ms, 2)} ms`,
                style: { flex: `${ms} 0 0` },
              },
              ms / whole > 0.06 ? letter(step) : "",
            ),
          ),
        )
      : null,
    steps.length
      ? h(
          "ul.times-list",
          steps.map(([step, ms]) =>
            h(
              "li",
              h("span.key", { dataset: { step }, "aria-hidden": "true" }, letter(step)),
              h("span", names[step] ?? step),
              h("span", `${number(ms, 2)} ms`),
            ),
          ),
        )
      : null,
  ];
}
