// The settings to read: key, value, source; secrets only say whether they are set.

import { get } from "../api.js";
import { complain } from "../dialog.js";
import { $, h, put } from "../dom.js";
import { table } from "../table.js";
import { t } from "../words.js";

let found = { settings: [] };

function draw() {
  const wanted = $("#search").value.trim().toLowerCase();
  const rows = found.settings.filter(
    (row) =>
      (!$("#changed").checked || row.source !== "default") &&
      (!wanted ||
        `${row.key} ${JSON.stringify(row.value)} ${row.variable}`.toLowerCase().includes(wanted)),
  );
  put(
    $("#settings"),
    table(
      t("Settings"),
      [
        { title: t("Key"), cell: (row) => h("code", row.key) },
        {
          title: t("Value"),
          cell: (row) =>
            row.secret
              ? h("span.tag", row.value ? t("set, secret") : t("not set"))
              : h(
                  "code",
                  row.value === null
                    ? "–"
                    : typeof row.value === "string"
                      ? row.value
                      : JSON.stringify(row.value),
                ),
        },
        {
          title: t("Source"),
          cell: (row) =>
            h(
              row.source === "default" ? "span.muted" : "span.tag",
              row.source === "default" ? t("default") : row.source,
            ),
        },
        { title: t("Variable"), class: "breaks", cell: (row) => h("code.small", row.variable) },
      ],
      rows,
      { empty: t("Nothing found") },
    ),
  );
  $("#settings").removeAttribute("aria-busy");
}

$("#search").addEventListener("input", draw);
$("#changed").addEventListener("change", draw);
get("/settings").then((settings) => {
  found = settings;
  $("#file").textContent = t("File: {path}", { path: settings.file });
  draw();
}, complain);
