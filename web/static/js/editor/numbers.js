// One region in numbers: its shape, its place and size, the corners of a polygon; and the ways to
// draw it anew or leave it out.

import { h, icon, put } from "../dom.js";
import { t } from "../words.js";
import {
  centre,
  converted,
  handles,
  dragged,
  inside,
  into,
  shapeOf,
  sound,
  without,
} from "./geometry.js";
import { shapeNames } from "./marks.js";

const ROWS = {
  rectangle: [
    ["x", "x", "px", 0],
    ["y", "y", "px", 0],
    ["width", t("Width"), "px", 1],
    ["height", t("Height"), "px", 1],
  ],
  rotated: [
    ["x", t("Centre x"), "px", 0],
    ["y", t("Centre y"), "px", 0],
    ["width", t("Width"), "px", 1],
    ["height", t("Height"), "px", 1],
    ["angle_deg", t("Angle"), "°", -180],
  ],
  circle: [
    ["x", t("Centre x"), "px", 0],
    ["y", t("Centre y"), "px", 0],
    ["radius", t("Radius"), "px", 1],
  ],
  ring: [
    ["x", t("Centre x"), "px", 0],
    ["y", t("Centre y"), "px", 0],
    ["radius", t("Outer radius"), "px", 1.5],
    ["inner_radius", t("Inner radius"), "px", 0],
  ],
};
const WHOLE = ["width", "height"];

/**
 * on: {frame() of the picture, commit(region), choose() it in the picture, draw(shape)}. Gives
 * {element, update(region)}.
 */
export function numbers({ shapes, label, on }) {
  const body = h("div.region-numbers");
  const wrong = h("p.wrong", { role: "alert", hidden: true });
  const element = h("div.stack-tight", { onfocusin: on.choose }, body, wrong);
  let region = null;
  let built = null;
  let inputs = [];

  const give = (next) => {
    const problem = !sound(next)
      ? t("This is no region: check sizes and corners")
      : !inside(next, on.frame())
        ? t("It would leave the picture")
        : "";
    wrong.textContent = problem;
    wrong.hidden = !problem;
    if (!problem) on.commit(next);
  };
  const field = (name, unit, get, set, whole, least) => {
    const input = h("input", {
      type: "number",
      inputmode: "decimal",
      step: whole ? 1 : 0.1,
      min: least,
      "aria-label": `${label}: ${name}`,
    });
    input.addEventListener(
      "input",
      () =>
        input.value !== "" &&
        Number.isFinite(input.valueAsNumber) &&
        give(set(whole ? Math.round(input.valueAsNumber) : input.valueAsNumber)),
    );
    inputs.push({ input, get, shown: null });
    input.addEventListener("blur", () => {
      wrong.hidden = true;
      input.value = get() ?? "";
    });
    return h("label.region-number", h("span", name), h("span.with-unit", input, h("span", unit)));
  };
  const build = () => {
    const shape = shapeOf(region);
    inputs = [];
    const shapesRow =
      shapes.length > 1
        ? h(
            "div.segments",
            { role: "group", "aria-label": t("Shape") },
            shapes.map((other) =>
              h(
                "button.button.icon-only.small",
                {
                  type: "button",
                  "aria-pressed": String(other === shape),
                  "aria-label": shapeNames[other],
                  title: shapeNames[other],
                  onclick: () => give(into(converted(region, other), on.frame())),
                },
                icon(other),
              ),
            ),
          )
        : null;
    const draw = h(
      "button.button.small",
      { type: "button", onclick: () => on.draw(shape) },
      icon("edit"),
      t("Draw again"),
    );
    const rows =
      shape === "polygon"
        ? polygonRows()
        : ROWS[shape].map(([key, name, unit, least]) =>
            field(
              name,
              unit,
              () => region[key],
              (value) => ({ ...region, [key]: value }),
              shape === "rectangle" || WHOLE.includes(key),
              least,
            ),
          );
    put(
      body,
      h("div.row", shapesRow, draw),
      h(shape === "polygon" ? "details.region-corners" : "div.region-grid", rows),
    );
    built = form(region);
  };
  const polygonRows = () => {
    const { points } = region;
    const at = (n, axis) => (value) => ({
      ...region,
      points: region.points.map((point, m) => (m === n ? { ...point, [axis]: value } : point)),
    });
    const add = (n) =>
      give(
        dragged(
          region,
          `m${n}`,
          handles(region).find(({ id }) => id === `m${n}`) ?? centre(region),
        ),
      );
    return [
      h("summary", t("{count} corners", { count: points.length })),
      points.map((_, n) =>
        h(
          "div.region-corner",
          h("span.small", n + 1),
          field("x", "px", () => region.points[n]?.x, at(n, "x"), false, 0),
          field("y", "px", () => region.points[n]?.y, at(n, "y"), false, 0),
          h(
            "button.button.quiet.icon-only.small",
            {
              type: "button",
              "aria-label": t("Add a corner after {n}", { n: n + 1 }),
              onclick: () => add(n),
            },
            icon("plus"),
          ),
          h(
            "button.button.quiet.icon-only.small",
            {
              type: "button",
              disabled: points.length <= 3,
              "aria-label": t("Remove corner {n}", { n: n + 1 }),
              onclick: () => give(without(region, n)),
            },
            icon("trash"),
          ),
        ),
      ),
    ];
  };
  const form = (value) => `${shapeOf(value)} ${value.points?.length ?? ""}`;

  return {
    element,
    update(value) {
      region = value;
      if (!region) return;
      const open = body.querySelector("details")?.open;
      if (form(region) !== built) build();
      if (open && body.querySelector("details")) body.querySelector("details").open = true;
      for (const one of inputs) {
        const now = one.get() ?? "";
        if (
          one.input !== document.activeElement ||
          (one.shown !== now && one.input.valueAsNumber !== now)
        )
          one.input.value = now;
        if (one.shown !== now) wrong.hidden = true;
        one.shown = now;
      }
    },
  };
}
