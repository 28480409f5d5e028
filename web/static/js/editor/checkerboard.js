// Learning a camera from pictures of a checkerboard: pictures from the camera or files, the board
// in numbers, and what came of it.

import { post } from "../api.js";
import { busy, complain, open, toast } from "../dialog.js";
import { h, icon, put } from "../dom.js";
import { failure } from "../told.js";
import { number, t } from "../words.js";
import { blobOf, editor } from "./state.js";
import { pictureOf } from "./upload.js";
import { Viewfinder } from "./viewfinder.js";

const LEAST = 3;
const MOST = 20;
const MOST_BYTES = 11.5e6; // of a command to the node, all pictures together, in base64

/** Open the dialog; the calibration becomes the program's when it was learned. */
export function learnFromBoard() {
  const pictures = []; // {base64, type, url}
  let plane = null; // the picture in which the board lies where the parts will
  const finder = new Viewfinder();
  const take = h("button.button.primary", { type: "button" }, icon("camera"), t("Take a picture"));
  const files = h("input", {
    type: "file",
    accept: "image/*",
    multiple: true,
    "aria-label": t("Pictures from files"),
  });
  const shots = h("ul.shots", { "aria-label": t("Pictures of the board") });
  const said = h("p.help", { role: "status" });
  const field = (name, label, value, more) =>
    h(
      "label.field",
      h("span", label),
      h("input", { name, type: "number", value, required: true, ...more }),
    );
  const learn = h("button.button.primary", { type: "submit", disabled: true }, t("Calculate"));
  const failed = h("div.notice.error", { role: "alert", hidden: true });
  const form = h(
    "form.form",
    h(
      "p.help",
      t(
        "Show the camera the board 8 to 15 times: flat, tilted to all sides, and in all corners of the picture. In one of them let it lie where the parts will lie, and mark that one.",
      ),
    ),
    h(
      "div.board-split",
      h("div.stack", finder.element, h("div.cluster", take, files)),
      h(
        "div.form",
        h(
          "div.board-fields",
          field("columns", t("Inner corners in a row"), 9, { min: 3, max: 50, step: 1 }),
          field("rows", t("Inner corners in a column"), 6, { min: 3, max: 50, step: 1 }),
          field("square_mm", t("Side of a square in mm"), "", {
            min: 0.01,
            max: 1000,
            step: "any",
          }),
        ),
        shots,
        said,
      ),
    ),
    failed,
    h(
      "div.actions",
      h("button.button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
      learn,
    ),
  );

  const add = (picture) => {
    pictures.push({ ...picture, url: URL.createObjectURL(blobOf(picture.base64, picture.type)) });
    draw();
  };
  take.addEventListener("click", () =>
    busy(take, async () => {
      const { image } = await finder.take();
      add({ base64: image, type: "image/jpeg" });
    }).catch(complain),
  );
  files.addEventListener("change", async () => {
    for (const file of files.files) await pictureOf(file).then(add, complain);
    files.value = "";
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failed.hidden = true;
    const { columns, rows, square_mm } = Object.fromEntries(new FormData(form));
    try {
      const { calibration } = await busy(learn, () =>
        post(
          "/programs/calibrate",
          {
            station: editor.station,
            images: pictures.map(({ base64 }) => base64),
            columns: Number(columns),
            rows: Number(rows),
            square_mm: Number(square_mm),
            in_plane: plane,
          },
          { limit_ms: 60000 },
        ),
      );
      editor.change(t("Calibration"), (program) => (program.calibration = calibration));
      dialog.close();
      toast(
        t("Learned, with an error of {error} px. Below 0.5 px is good.", {
          error: number(calibration.error_px, 3),
        }),
        calibration.error_px < 0.5 ? "good" : "warn",
      );
    } catch (error) {
      failed.hidden = false;
      put(failed, failure(error));
    }
    draw();
  });
  const dialog = open(t("Checkerboard"), form, { wide: true });
  dialog.addEventListener("close", () => {
    finder.stop();
    for (const { url } of pictures) URL.revokeObjectURL(url);
  });
  finder.start();
  draw();

  function draw() {
    const size = pictures.reduce((sum, { base64 }) => sum + base64.length, 0);
    put(
      shots,
      pictures.map((picture, n) =>
        h(
          "li",
          h("img", { src: picture.url, alt: t("Picture {n}", { n: n + 1 }) }),
          h(
            "label.field.check",
            h("input", {
              type: "checkbox",
              checked: plane === n,
              onchange: () => {
                plane = plane === n ? null : n;
                draw();
              },
            }),
            h("span", t("lies where parts lie")),
          ),
          h(
            "button.button.quiet.icon-only.small",
            {
              type: "button",
              "aria-label": t("Remove picture {n}", { n: n + 1 }),
              onclick: () => remove(n),
            },
            icon("trash"),
          ),
        ),
      ),
    );
    const much = size > MOST_BYTES || pictures.length > MOST;
    said.textContent = much
      ? t("There are too many pictures, or they are too large: remove some.")
      : pictures.length < LEAST
        ? t("{count} of at least {least} pictures", { count: pictures.length, least: LEAST })
        : t("{count} picture | {count} pictures", { count: pictures.length });
    learn.disabled = much || pictures.length < LEAST;
    take.disabled = pictures.length >= MOST;
  }

  function remove(n) {
    URL.revokeObjectURL(pictures[n].url);
    pictures.splice(n, 1);
    plane = plane === null || plane === n ? null : plane > n ? plane - 1 : plane;
    draw();
  }
}
