// The settings to read: each key with its sentence, value and source, by tables; secrets only say
// whether they are set.

import { get } from "../api.js";
import { complain } from "../dialog.js";
import { $, h, put } from "../dom.js";
import { t } from "../words.js";

const MAIN = ""; // the keys of no table
let found = { settings: [] };
const opened = new Map(); // table: whether somebody has opened or closed it

/** The table of a key: `web`, `station.cam1`. */
const tableOf = ({ key }) => {
  const parts = key.split(".");
  if (parts.length === 1) return MAIN;
  return parts.slice(0, parts[0] === "station" ? 2 : 1).join(".");
};

function draw() {
  const wanted = $("#search").value.trim().toLowerCase();
  const narrowed = Boolean(wanted) || $("#changed").checked;
  const said = (row) =>
    `${row.key} ${JSON.stringify(row.value)} ${row.variable} ${t(row.description)}`.toLowerCase();
  const rows = found.settings.filter(
    (row) =>
      (!$("#changed").checked || row.source !== "default") &&
      (!wanted || said(row).includes(wanted)),
  );
  const groups = [...Map.groupBy(rows, tableOf)];
  put(
    $("#settings"),
    groups.length
      ? groups.map(([name, inner]) => group(name, inner, narrowed))
      : h("p.empty", t("Nothing found")),
  );
  $("#settings").removeAttribute("aria-busy");
}

function group(name, rows, narrowed) {
  const changed = rows.filter(({ source }) => source !== "default").length;
  const open = narrowed || (opened.get(name) ?? name === MAIN);
  const box = h(
    "details.card.settings-table",
    { open, dataset: { table: name } },
    h(
      "summary",
      h("code", name || t("General")),
      h("span.muted", t("{n} keys, {changed} of them set", { n: rows.length, changed })),
    ),
    h("dl.settings-list", rows.map(one)),
  );
  box.addEventListener("toggle", () => narrowed || opened.set(name, box.open));
  return box;
}

function one(row) {
  const { key, value, source, secret, variable, description } = row;
  const text = value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value);
  const shown = secret
    ? h("span.tag", value ? t("set, secret") : t("not set"))
    : h("code.settings-value", text || "“”");
  const from = source === "default" ? h("span.muted", t("default")) : h("span.tag", source);
  return h(
    "div.setting",
    { dataset: { key } },
    h("dt", h("code", key)),
    h("dd", shown, " ", from),
    h("dd.setting-said", description ? t(description) : "", " ", h("code.small.muted", variable)),
  );
}

$("#search").addEventListener("input", draw);
$("#changed").addEventListener("change", draw);
get("/settings").then((settings) => {
  found = settings;
  $("#file").textContent = t("File: {path}", { path: settings.file });
  draw();
}, complain);
