// Lengths of tools in px or mm: changing the unit changes the numbers with it, by the calibration.

import { h } from "../dom.js";
import { t } from "../words.js";
import { rounded } from "./kinds.js";
import { editor } from "./state.js";

/** Give a tool (a copy that may be changed) another unit; its limits stay where they are. */
export function convert(tool, unit, calibration) {
  const scale = calibration?.mm_per_px;
  const known = scale && tool.unit !== unit && [tool.unit, unit].every(isLength);
  tool.unit = unit;
  if (!known) return;
  const factor = unit === "mm" ? scale : 1 / scale;
  for (const side of ["low", "high"])
    if (tool[side] !== null && tool[side] !== undefined)
      tool[side] = rounded(tool[side] * factor, (tool[side] * factor) / 100);
}

const isLength = (unit) => unit === "px" || unit === "mm";

/** The way to the calibration from the panel of a tool that measures lengths. */
export function calibrationLink() {
  const text = h("span.small");
  const go = h(
    "button.button.small",
    {
      type: "button",
      dataset: { go: "calibration" },
      onclick: (event) => {
        event.stopPropagation();
        editor.go("outputs", { field: "calibration" });
      },
    },
    t("Calibrate"),
  );
  const element = h("p.cluster", { hidden: true }, text, go);
  return {
    element,
    update(tool) {
      element.hidden = !isLength(tool.unit);
      const { calibration } = editor.program;
      const missing = tool.unit === "mm" && !calibration;
      element.classList.toggle("wrong", missing);
      text.textContent = missing
        ? t("It measures in mm, but the program has no calibration.")
        : calibration
          ? t("px and mm are converted by the program's calibration.")
          : t("Lengths in mm need a calibration.");
    },
  };
}
