// The card of the calibration: none, a known length on the master, or what was learned from a
// checkerboard.

import { open } from "../dialog.js";
import { h, icon, put, s } from "../dom.js";
import { number, t } from "../words.js";
import { learnFromBoard } from "./checkerboard.js";
import { editor } from "./state.js";

/** The card; what must be drawn anew after a change is added to `draws`. */
export function calibrationCard(draws) {
  const body = h("div.form");
  const kinds = {
    none: t("Nothing is measured in mm"),
    scale: t("A known length"),
    checkerboard: t("A checkerboard"),
  };
  const radios = Object.entries(kinds).map(([kind, title]) =>
    h(
      "label.field.check",
      h("input", { type: "radio", name: "calibration", value: kind, onchange: () => choose(kind) }),
      h("span", title),
    ),
  );
  draws.push(() => {
    const { calibration } = editor.program;
    for (const radio of radios) {
      radio.firstChild.checked = radio.firstChild.value === (calibration?.kind ?? "none");
    }
    put(
      body,
      calibration?.kind === "scale" ? scale(calibration) : calibration ? board(calibration) : null,
      problem(),
    );
  });
  return h(
    "section.card.form",
    { dataset: { field: "calibration" } },
    h(
      "div",
      h("h2", t("Calibration")),
      h("p.help", t("From px to mm, for tools that measure lengths.")),
    ),
    h("div", { role: "radiogroup", "aria-label": t("Calibration") }, radios),
    body,
  );
}

let kept = null; // a checkerboard that was left for something else

function choose(kind) {
  const { calibration } = editor.program;
  if (calibration?.kind === "checkerboard") kept = calibration;
  if (kind === "checkerboard" && !kept) {
    // the choice stays what it was until something is learned
    editor.dispatchEvent(new CustomEvent("problems"));
    return learnFromBoard();
  }
  const next = {
    none: null,
    scale: { kind: "scale", mm_per_px: calibration?.mm_per_px ?? 0.1 },
    checkerboard: kept,
  }[kind];
  editor.change(t("Calibration"), (program) => (program.calibration = structuredClone(next)));
  if (kind === "scale" && editor.master) measure();
}

function problem() {
  const text = Object.entries(editor.problems.fields).find(([path]) =>
    path.startsWith("calibration"),
  )?.[1];
  const needs =
    !editor.program.calibration &&
    editor.program.tools
      .filter((tool) => tool.unit === "mm" || tool.length_unit === "mm")
      .map((tool) => tool.name);
  if (!text && !(needs && needs.length)) return null;
  return h(
    "p.wrong",
    text ?? t("These tools measure in mm: {names}.", { names: needs.join(", ") }),
  );
}

function scale({ mm_per_px }) {
  const input = h("input", {
    type: "number",
    name: "mm_per_px",
    min: 0,
    max: 1000,
    step: "any",
    inputmode: "decimal",
    value: Number(mm_per_px.toPrecision(6)),
  });
  input.addEventListener("change", () => {
    const value = Number(input.value);
    if (value > 0 && value <= 1000)
      editor.change(t("Calibration"), (program) => (program.calibration.mm_per_px = value));
    else input.value = mm_per_px;
  });
  const wide = editor.master
    ? t("The picture is {width} × {height} mm.", {
        width: number(editor.master.width * mm_per_px, 2),
        height: number(editor.master.height * mm_per_px, 2),
      })
    : "";
  return [
    h("label.field", h("span", t("Millimetres a px")), input, h("small", wide)),
    h(
      "div",
      h(
        "button.button",
        { type: "button", id: "measure-scale", disabled: !editor.master, onclick: measure },
        icon("pointer"),
        t("Measure it on the master"),
      ),
    ),
  ];
}

function board({ width, height, error_px, mm_per_px, plane }) {
  return [
    h(
      "dl.facts",
      h("dt", t("Pictures")),
      h("dd", `${width} × ${height} px`),
      h("dt", t("Scale")),
      h("dd", t("{scale} mm a px", { scale: number(mm_per_px, 5) })),
      h("dt", t("Error")),
      h("dd", error_px === null ? "–" : t("{error} px", { error: number(error_px, 3) })),
      h("dt", t("Plane")),
      h("dd", plane ? t("where the board lay") : t("parallel to the sensor")),
    ),
    h(
      "div",
      h(
        "button.button",
        { type: "button", id: "learn-board", onclick: learnFromBoard },
        icon("camera"),
        t("Learn it again"),
      ),
    ),
  ];
}

/** A dialog: two points on the master, and how far they are apart in mm. */
function measure() {
  const { width, height, url } = editor.master;
  const points = [
    { x: Math.round(width * 0.25), y: Math.round(height / 2) },
    { x: Math.round(width * 0.75), y: Math.round(height / 2) },
  ];
  const limits = { x: width - 1, y: height - 1 };
  const line = s("line.measure-line");
  const handles = points.map((point, which) => handle(point, which));
  const picture = s(
    "svg.measure",
    {
      viewBox: `-0.5 -0.5 ${width} ${height}`,
      role: "group",
      "aria-label": t("Master with two points"),
    },
    s("image", { href: url, x: -0.5, y: -0.5, width, height }),
    line,
    handles,
  );
  const inputs = points.map((point, which) =>
    ["x", "y"].map((axis) => {
      const input = h("input", {
        type: "number",
        step: "any",
        min: 0,
        max: limits[axis],
        "aria-label": t("Point {n}, {axis} in px", { n: which + 1, axis }),
      });
      input.addEventListener(
        "input",
        () => input.value !== "" && move(which, { [axis]: Number(input.value) }, input),
      );
      return input;
    }),
  );
  const length = h("input", {
    type: "number",
    min: 0,
    step: "any",
    required: true,
    inputmode: "decimal",
    name: "length_mm",
    autofocus: true,
  });
  const said = h("p", { role: "status" });
  const use = h("button.button.primary", { type: "submit" }, t("Use this scale"));
  length.addEventListener("input", draw);
  const form = h(
    "form.form",
    h(
      "p.help",
      t(
        "Put the two points on the ends of something whose length you know. Drag them, or use the arrow keys: 1 px, with Shift 10 px, with Alt 0.1 px.",
      ),
    ),
    picture,
    h(
      "div.measure-fields",
      inputs.map((pair, which) =>
        h("fieldset", h("legend", t("Point {n}", { n: which + 1 })), h("div.cluster", pair)),
      ),
      h("label.field", h("span", t("Length in mm")), length),
    ),
    said,
    h(
      "div.actions",
      h("button.button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
      use,
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    editor.change(
      t("Calibration"),
      (program) =>
        (program.calibration = { kind: "scale", mm_per_px: Number(length.value) / distance() }),
    );
    dialog.close();
  });
  const dialog = open(t("Known length"), form, { wide: true });
  draw();

  function distance() {
    return Math.hypot(points[1].x - points[0].x, points[1].y - points[0].y);
  }

  function move(which, place, typed = null) {
    for (const axis of ["x", "y"])
      if (axis in place) points[which][axis] = Math.min(limits[axis], Math.max(0, place[axis]));
    draw(typed);
  }

  function handle(point, which) {
    const radius = Math.max(width, height) / 60;
    const element = s(
      "g.measure-point",
      { tabindex: 0, role: "button", "aria-label": t("Point {n}", { n: which + 1 }) },
      s("circle.grip", { r: radius * 1.6 }),
      s("circle.ring", { r: radius }),
      s("path", { d: `M${-radius} 0H${radius}M0 ${-radius}V${radius}` }),
    );
    element.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 10 : event.altKey ? 0.1 : 1;
      const [dx, dy] =
        { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[
          event.key
        ] ?? [];
      if (dx === undefined) return;
      event.preventDefault();
      move(which, { x: Number((point.x + dx).toFixed(1)), y: Number((point.y + dy).toFixed(1)) });
    });
    element.addEventListener("pointerdown", (event) => element.setPointerCapture(event.pointerId));
    element.addEventListener("pointermove", (event) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(
        picture.getScreenCTM().inverse(),
      );
      move(which, { x: Number(at.x.toFixed(1)), y: Number(at.y.toFixed(1)) });
    });
    return element;
  }

  function draw(typed = null) {
    for (const [which, point] of points.entries()) {
      handles[which].setAttribute("transform", `translate(${point.x} ${point.y})`);
      for (const [n, axis] of ["x", "y"].entries())
        if (inputs[which][n] !== typed) inputs[which][n].value = point[axis];
    }
    for (const [key, value] of Object.entries({
      x1: points[0].x,
      y1: points[0].y,
      x2: points[1].x,
      y2: points[1].y,
    }))
      line.setAttribute(key, value);
    const mm = Number(length.value);
    use.disabled = !(mm > 0 && distance() >= 1);
    said.textContent =
      mm > 0 && distance() >= 1
        ? t("{px} px are {mm} mm: {scale} mm a px.", {
            px: number(distance(), 1),
            mm: number(mm, 3),
            scale: number(mm / distance(), 5),
          })
        : t("{px} px apart.", { px: number(distance(), 1) });
  }
}
