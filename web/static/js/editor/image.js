// Step 1: the station, its live picture, and the camera's exposure, gain and brightness mode.

import { complain, busy, toast } from "../dialog.js";
import { $, $$, h, icon, put } from "../dom.js";
import { t } from "../words.js";
import { drawQuality, good } from "./quality.js";
import { stationField } from "./station.js";
import { editor, same } from "./state.js";
import { Viewfinder } from "./viewfinder.js";

const MODES = ["normal", "hdr", "high_gain"];
const SETTINGS = [
  { name: "exposure_ms", unit: "ms", first: 5, from: 0.1, to: 200, most: 10000, step: 0.1 },
  { name: "gain", unit: "×", first: 1, from: 0.5, to: 32, most: 1000, step: 0.1 },
];
const POSITIONS = 200; // of a slider, whose scale is logarithmic

let finder = null;
let seen = false;
let asked = null;
let peak = 0; // the best sharpness since camera or scene became another

/** Whether a picture was seen that is fit to be judged; a stored program needs none. */
export function done() {
  return seen || Boolean(editor.id);
}

export function enter(element) {
  if (!finder) build(element);
  draw();
  finder.start();
}

export function leave() {
  finder.stop();
}

const words = () => ({
  exposure_ms: [t("Exposure"), t("Longer is lighter; too long blurs what moves.")],
  gain: [t("Gain"), t("Lighter without blur, but noisier.")],
  mode: [t("Brightness mode"), t("HDR for gloss beside shadow; high gain for little light.")],
  normal: t("Normal"),
  hdr: t("HDR"),
  high_gain: t("High gain"),
});

function build(element) {
  finder = new Viewfinder();
  const hold = h(
    "button.button",
    { type: "button", id: "hold", "aria-pressed": "false" },
    icon("pause"),
    t("Hold"),
  );
  hold.addEventListener("click", () => {
    finder.hold(!finder.held);
    hold.setAttribute("aria-pressed", String(finder.held));
  });
  const best = h(
    "button.button.primary",
    { type: "button", id: "optimise", onclick: optimise },
    icon("eye"),
    t("Find the best light"),
  );
  put(
    element,
    h(
      "div.editor-split",
      h(
        "div.card.editor-stage",
        finder.element,
        h("div.figures", {
          id: "figures",
          role: "group",
          "aria-label": t("Quality of the picture"),
        }),
        h(
          "p.help",
          t("Turn the lens slowly: a line marks the best sharpness so far."),
          " ",
          h(
            "button.button.small",
            { type: "button", id: "peak-again", onclick: () => (peak = 0) },
            t("Forget it"),
          ),
        ),
      ),
      h(
        "div.card.form.editor-side",
        stationField(),
        h("div.cluster", best, hold),
        h("p.notice.warn", { id: "camera-fixed", hidden: true }),
        SETTINGS.map(setting),
        modes(),
        h(
          "p.help",
          t(
            "The line goes on meanwhile: it inspects with its own program, and pictures are taken between its parts. If parts come fast, pause the station while you try other camera settings.",
          ),
        ),
      ),
    ),
  );
  drawQuality($("#figures"), null);
  finder.addEventListener("shot", ({ detail }) => shot(detail));
  editor.addEventListener("change", () => {
    draw();
    if (!same(asked, editor.program.camera)) {
      finder.again();
      peak = 0;
    }
    asked = editor.program.camera;
  });
  let station = editor.station;
  editor.addEventListener("station", () => {
    if (station !== editor.station) {
      finder.forget();
      peak = 0;
    }
    station = editor.station;
  });
}

function shot(detail) {
  peak = Math.max(peak, detail.quality.sharpness);
  drawQuality($("#figures"), detail, peak);
  const fine = good(detail);
  if (fine && !seen) {
    seen = true;
    editor.dispatchEvent(new Event("step"));
  }
  draw();
}

// A setting: left to the camera, or a value by slider and number.
function setting({ name, unit, first, from, to, most, step }) {
  const [title, help] = words()[name];
  const put_ = (value) => editor.change(title, (program) => (program.camera[name] = value));
  const own = h("input", {
    type: "checkbox",
    id: `own-${name}`,
    onchange: ({ target }) => put_(target.checked ? first : null),
  });
  const slider = h("input", {
    type: "range",
    min: 0,
    max: POSITIONS,
    step: 1,
    id: `slider-${name}`,
    "aria-label": t("{name}, slider", { name: title }),
  });
  slider.addEventListener("input", () =>
    put_(rounded(from * (to / from) ** (slider.value / POSITIONS), step)),
  );
  const value = h("input", {
    type: "number",
    min: name === "gain" ? 0 : step,
    max: most,
    step: "any",
    name,
    id: `value-${name}`,
    "aria-label": title,
    inputmode: "decimal",
  });
  value.addEventListener("change", () => {
    const given = Number(value.value);
    const fits = value.value !== "" && given >= Number(value.min) && given <= most;
    if (fits) put_(given);
    else draw();
  });
  return h(
    "fieldset.setting",
    { dataset: { field: `camera.${name}` } },
    h("legend", title),
    h("label.field.check", own, h("span", t("Set by this program"))),
    h("div.setting-value", slider, h("span.with-unit", value, h("span", unit))),
    h("small.help", help),
  );
}

function modes() {
  const [title, help] = words().mode;
  return h(
    "fieldset.setting",
    { dataset: { field: "camera.mode" } },
    h("legend", title),
    h(
      "div.modes",
      MODES.map((mode) =>
        h(
          "label",
          h("input", {
            type: "radio",
            name: "mode",
            value: mode,
            onchange: () => editor.change(title, (program) => (program.camera.mode = mode)),
          }),
          h("span", words()[mode]),
        ),
      ),
    ),
    h("small.help", help),
  );
}

function draw() {
  const { camera } = editor.program;
  const controls = finder.shot?.controls ?? ["exposure_ms", "gain", "mode"];
  const missing = ["exposure_ms", "gain", "mode"].filter((name) => !controls.includes(name));
  for (const { name, from, to } of SETTINGS) {
    const value = camera[name];
    const able = controls.includes(name);
    $(`#own-${name}`).checked = value !== null;
    $(`#own-${name}`).disabled = !able && value === null;
    for (const input of [$(`#slider-${name}`), $(`#value-${name}`)])
      input.disabled = value === null || !able;
    if (document.activeElement !== $(`#value-${name}`)) $(`#value-${name}`).value = value ?? "";
    $(`#slider-${name}`).value =
      value === null
        ? 0
        : Math.round((POSITIONS * Math.log(Math.max(value, from) / from)) / Math.log(to / from));
    $(`#slider-${name}`).setAttribute(
      "aria-valuetext",
      value === null ? t("as the camera is") : String(value),
    );
    $(`#value-${name}`).placeholder = t("as it is");
    $(`[data-field="camera.${name}"]`).hidden = !able && value === null;
  }
  for (const input of $$("input[name=mode]")) {
    input.checked = input.value === camera.mode;
    input.disabled = !controls.includes("mode") && input.value !== camera.mode;
  }
  $('[data-field="camera.mode"]').hidden = !controls.includes("mode") && camera.mode === "normal";
  $("#camera-fixed").hidden = missing.length === 0;
  if (missing.length)
    $("#camera-fixed").textContent =
      missing.length === 3
        ? t("This camera takes no settings: change the light or the lens instead.")
        : t("This camera does not take: {what}.", {
            what: missing.map((name) => words()[name][0]).join(", "),
          });
  $("#optimise").disabled =
    !finder.shot ||
    missing.length === 3 ||
    (missing.includes("exposure_ms") && missing.includes("gain"));
}

/** The node searches exposure and gain; what it found becomes the program's. */
async function optimise({ currentTarget }) {
  try {
    const found = await busy(currentTarget, () => finder.take({ optimise: true }));
    const { exposure_ms, gain } = found.camera;
    const changed = editor.change(t("Best light"), (program) =>
      Object.assign(program.camera, { exposure_ms, gain }),
    );
    toast(
      changed
        ? t("Exposure and gain are set for what the camera saw just now: a part has to lie there.")
        : t("Exposure and gain were already the best for what the camera saw just now."),
    );
  } catch (error) {
    complain(error);
  }
  draw();
}

function rounded(value, step) {
  const fine = value < 10 ? step : value < 100 ? 1 : 5;
  return Number((Math.round(value / fine) * fine).toFixed(1));
}
