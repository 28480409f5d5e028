// Importing programs: files one after the other, each with what came of it.

import { ask } from "../api.js";
import { open } from "../dialog.js";
import { h, icon, put } from "../dom.js";
import { failure } from "../told.js";
import { bytes, t } from "../words.js";

const MOST_BYTES = 64 * 1024 * 1024;

/** The dialog; `changed` is called when something was stored. */
export function importPrograms(changed) {
  const rows = h("ul.imports", { "aria-live": "polite" });
  const replace = h("input", { type: "checkbox", name: "replace" });
  const input = h("input", {
    type: "file",
    accept: ".zip,.json,application/zip,application/json",
    multiple: true,
    name: "files",
  });
  const drop = h(
    "div.drop",
    icon("upload"),
    h("label.field", h("span", t("Bundles (.zip) or documents (.json)")), input),
    h("p.help", t("Up to 64 MB each; or drop them here.")),
  );
  let last = Promise.resolve();
  const take = (files) => {
    for (const file of files) {
      const row = h("li", { dataset: { file: file.name, state: "waiting" } });
      rows.append(row);
      last = last.then(() => send(file, row, replace.checked, changed));
    }
  };
  input.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
  for (const kind of ["dragover", "dragleave", "drop"])
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files);
    });
  const dialog = open(
    t("Import programs"),
    h(
      "div.stack",
      drop,
      h(
        "label.field.check",
        replace,
        h("span", t("If a program of that id exists, add the imported one as its next version")),
      ),
      rows,
      h(
        "div.actions",
        h("button.button", { type: "button", onclick: () => dialog.close() }, t("Close")),
      ),
    ),
  );
  input.focus();
}

function signer(by) {
  if (!by) return t("Not signed.");
  return h(
    "span",
    { title: by.key },
    by.name
      ? t("Signed by {name}.", { name: by.name })
      : t("Signed by a key that this site does not know: {key}.", { key: by.key }),
  );
}

async function send(file, row, replace, changed) {
  const show = (state, ...text) => {
    row.dataset.state = state;
    put(
      row,
      h("strong", file.name),
      h("span.muted", bytes(file.size)),
      h("span.import-state", text),
    );
  };
  if (file.size > MOST_BYTES) return show("bad", icon("error"), t("It is larger than 64 MB."));
  show(
    "busy",
    h("progress", { "aria-label": t("Importing {name}", { name: file.name }) }),
    t("is sent and checked"),
  );
  try {
    const type = file.name.toLowerCase().endsWith(".json") ? "application/json" : "application/zip";
    const { data } = await ask("POST", "/programs/import", {
      raw: file,
      type,
      query: { replace: replace ? "true" : null },
      limit_ms: 120000,
    });
    show(
      "good",
      icon("ok"),
      h("a", { href: `/app/programs/${encodeURIComponent(data.id)}` }, data.program.name),
      " ",
      data.checked === "node"
        ? t("is version {version}, loaded by the node.", { version: data.version })
        : t("is version {version}; the node is away, only its structure was checked.", {
            version: data.version,
          }),
      " ",
      signer(data.signed_by),
    );
    changed();
  } catch (error) {
    const again =
      error.code === "PROGRAM_CONFLICT" && !replace
        ? h(
            "button.button.small",
            { type: "button", onclick: () => send(file, row, true, changed) },
            t("Add as the next version"),
          )
        : null;
    show(
      "bad",
      icon("error"),
      h(
        "span",
        h("strong", error.code ?? ""),
        " ",
        again ? t("There is a program of this id already.") : failure(error),
      ),
      again,
    );
  }
}
