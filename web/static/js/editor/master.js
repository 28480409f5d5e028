// Step 2: the picture of a good part that the tools compare with: taken by the camera, or uploaded.

import { busy, complain, confirm, toast } from "../dialog.js";
import { $, h, icon, put } from "../dom.js";
import { t } from "../words.js";
import { stationField } from "./station.js";
import { editor } from "./state.js";
import { pictureOf } from "./upload.js";
import { Viewfinder } from "./viewfinder.js";

let finder = null;
let looking = false; // through the camera, instead of at the master
let inside = false;

export function enter(element) {
  if (!finder) build(element);
  inside = true;
  looking = !editor.master;
  draw();
}

export function leave() {
  inside = false;
  finder.stop();
}

function build(element) {
  finder = new Viewfinder({ exact: true });
  const file = h("input.visually-hidden", {
    type: "file",
    accept: "image/*",
    id: "master-file",
    tabindex: -1,
    "aria-hidden": "true",
  });
  file.addEventListener(
    "change",
    () => file.files[0] && upload(file.files[0]).finally(() => (file.value = "")),
  );
  const stage = h("div.card.editor-stage", { id: "master-stage", dataset: { field: "master" } });
  for (const kind of ["dragover", "dragleave", "drop"])
    stage.addEventListener(kind, (event) => {
      event.preventDefault();
      stage.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files[0]) upload(event.dataTransfer.files[0]);
    });
  put(
    element,
    h(
      "div.editor-split",
      stage,
      h(
        "div.card.form.editor-side",
        h("div", { id: "master-camera" }, stationField()),
        h("div.actions", { id: "master-actions" }),
        h("dl.facts", { id: "master-facts" }),
        h("p.wrong", { id: "master-wrong", role: "alert", hidden: true }),
        h(
          "p.help",
          t(
            "PNG or JPEG of up to 8 MB and 36 million pixels, of the size that the camera gives. You can also drop a file on the picture.",
          ),
        ),
        file,
      ),
    ),
  );
  for (const kind of ["change", "problems"])
    editor.addEventListener(kind, () => {
      if (kind === "change" && !editor.master) looking = true;
      if (inside) draw();
    });
  let station = editor.station;
  editor.addEventListener("station", () => {
    if (station !== editor.station) finder.forget();
    station = editor.station;
  });
  for (const kind of ["shot", "failed"])
    finder.addEventListener(kind, () => {
      const button = $("#take");
      if (!button) return;
      button.disabled = kind === "failed";
      const text = takeText();
      if (button.lastChild.textContent !== text) button.lastChild.textContent = text;
    });
}

function draw() {
  const { master } = editor;
  const stored = Boolean(master);
  if (looking) finder.start();
  else finder.stop();
  const still =
    master &&
    h(
      "figure.viewfinder",
      h(
        "div.viewfinder-picture",
        h("img", { src: master.url, alt: t("Master"), id: "master-picture" }),
      ),
      h(
        "figcaption",
        h(
          "div.viewfinder-state",
          h("span.tag.good", t("Master")),
          h("span.muted", `${master.width} × ${master.height} px`),
          master.base64 ? h("span.tag.warn", t("not saved")) : null,
        ),
      ),
    );
  const stage = $("#master-stage");
  const wanted = looking ? finder.element : still;
  if (looking ? stage.firstChild !== wanted : true) put(stage, wanted);
  $("#master-camera").hidden = !looking;
  const buttons = looking
    ? [
        h(
          "button.button.primary.big",
          { type: "button", id: "take", disabled: !finder.shot, onclick: take },
          icon("camera"),
          h("span", takeText()),
        ),
        pick(),
        stored
          ? h(
              "button.button",
              {
                type: "button",
                onclick: () => {
                  looking = false;
                  draw();
                },
              },
              t("Keep the master"),
            )
          : null,
      ]
    : [
        h(
          "button.button",
          {
            type: "button",
            id: "retake",
            onclick: () => {
              looking = true;
              draw();
            },
          },
          icon("camera"),
          t("Take another"),
        ),
        pick(),
        h(
          "button.button.danger",
          { type: "button", id: "remove-master", onclick: remove },
          icon("trash"),
          t("Remove"),
        ),
      ];
  put($("#master-actions"), buttons);
  put($("#master-facts"), looking || !master ? [] : facts(master));
  const problem = editor.problems.fields.master;
  $("#master-wrong").hidden = !problem;
  $("#master-wrong").textContent = problem ?? "";
}

function facts(master) {
  const calibration = editor.program.calibration;
  const misfit =
    calibration?.kind === "checkerboard" &&
    (calibration.width !== master.width || calibration.height !== master.height);
  return [
    h("dt", t("Size")),
    h("dd", `${master.width} × ${master.height} px`),
    h("dt", t("Kind")),
    h("dd", master.type === "image/png" ? t("PNG, exact") : "JPEG"),
    h("dt", t("Where")),
    h(
      "dd",
      master.base64
        ? t("here, until you save")
        : t("stored with version {version}", { version: editor.version ?? "–" }),
    ),
    ...(misfit
      ? [
          h("dt", t("Calibration")),
          h("dd.wrong", t("was made for {width} × {height} px", calibration)),
        ]
      : []),
  ];
}

function pick() {
  return h(
    "button.button",
    { type: "button", id: "upload-master", onclick: () => $("#master-file").click() },
    icon("upload"),
    t("Upload a picture"),
  );
}

// What is seen can be taken only if nothing of it was lost on its way here.
const takeText = () => (finder.taken ? t("Take this picture") : t("Take a picture"));

/**
 * The picture that is shown, or where that is not exact, one now; with the camera settings of the
 * program.
 */
async function take({ currentTarget }) {
  try {
    if (!finder.taken) await busy(currentTarget, () => finder.take({ exact: true }));
    set({ ...finder.picture });
  } catch (error) {
    complain(error);
  }
}

async function upload(file) {
  try {
    set(await pictureOf(file));
  } catch (error) {
    complain(error);
  }
}

function set(picture) {
  const before = editor.master;
  looking = false;
  editor.setMaster(picture);
  draw();
  const tools = editor.program.tools.length;
  if (before && tools && (before.width !== picture.width || before.height !== picture.height))
    toast(t("The new master has another size: look at the regions of all tools again."), "warn");
  else if (before && tools)
    toast(t("The tools learn from the new master when the program is saved. Try it first."), "");
}

async function remove() {
  const text = t("Tools that compare with the master cannot be used without one.");
  if (
    !editor.program.tools.length ||
    (await confirm(t("Remove the master?"), text, { yes: t("Remove"), danger: true }))
  )
    editor.setMaster(null);
}
