// The settings: each key with its sentence, value and source, by tables. What is safe to change is
// a field; a change is looked at before it is saved, and says whether it is in force already.
//
// One file: a page's module; its parts are of no use to another page.

import { ask, post } from "../api.js";
import { complain, doing, form, toast } from "../dialog.js";
import { $, h, put } from "../dom.js";
import { own, sent } from "../proof.js";
import { t } from "../words.js";

const MAIN = ""; // the keys of no table
const LOOK_MS = 1000; // while a change is on its way
const LOOKS = 20;
const CLOSED = {
  "not ours": t("it belongs to another account, as on an installed machine"),
  "a link": t("it is a link"),
  "a folder we cannot write": t("its folder cannot be written"),
  "it is wrong": t("it is wrong as it is now"),
};
const WHY = t("What is changed here holds for the whole machine, so it asks for your password.");
let found = { settings: [] };
let tag = "";
const edits = new Map(); // key: value, null is the default
const refused = new Map(); // key: why
const opened = new Map(); // table: whether somebody has opened or closed it

/** The table of a key: `web`, `station.cam1`. */
const tableOf = ({ key }) => {
  const parts = key.split(".");
  if (parts.length === 1) return MAIN;
  return parts.slice(0, parts[0] === "station" ? 2 : 1).join(".");
};
const shown = (value) =>
  value === null ? "–" : typeof value === "string" ? value || "“”" : JSON.stringify(value);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const waits = (row) => !same(row.value, row.in_file);
const editable = (row) => row.editable !== null && found.closed === null;

async function load() {
  const answer = await ask("GET", "/settings");
  found = answer.data;
  tag = answer.etag;
  $("#file").textContent = t("File: {path}", { path: found.file });
  draw();
}

function draw() {
  if (!found.file) return; // nothing is known yet
  const wanted = $("#search").value.trim().toLowerCase();
  const chosen = ["changed", "editable"].filter((id) => $(`#${id}`).checked);
  const narrowed = Boolean(wanted) || chosen.length > 0;
  const said = (row) =>
    `${row.key} ${JSON.stringify(row.value)} ${row.variable} ${t(row.description)}`.toLowerCase();
  const rows = found.settings.filter(
    (row) =>
      (!chosen.includes("changed") || row.source !== "default") &&
      (!chosen.includes("editable") || editable(row)) &&
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
  put($("#in-force"), inForce());
  $("#back").hidden = !found.previous || found.closed !== null;
  bar();
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
      h(
        "span.muted",
        t("{n} key, {changed} set | {n} keys, {changed} of them set", { n: rows.length, changed }),
      ),
    ),
    h("dl.settings-list", rows.map(one)),
  );
  box.addEventListener("toggle", () => narrowed || opened.set(name, box.open));
  return box;
}

function one(row) {
  const { key, value, source, secret, variable, description } = row;
  const said = secret
    ? h("span.tag", value ? t("set, secret") : t("not set"))
    : editable(row)
      ? field(row)
      : h("code.settings-value", shown(value));
  const from =
    source === "default" ? h("span.muted", t("default")) : h("span.tag", t(sourceText(source)));
  const wrong = refused.get(key);
  return h(
    "div.setting",
    { dataset: { key } },
    h("dt", h("code", key)),
    h("dd.cluster", said, from, waiting(row)),
    h(
      "dd.setting-said",
      description ? t(description) : "",
      " ",
      editable(row) ? h("em", t(row.editable), " ") : null,
      h("code.small.muted", variable),
      wrong ? h("span.field-error", { role: "alert" }, wrong) : null,
    ),
  );
}

const sourceText = (source) =>
  ({
    file: t("from the file"),
    environment: t("from the environment"),
    "secret file": t("from a secret file"),
  })[source] ?? source;

const waiting = (row) =>
  waits(row)
    ? h("span.tag.warn", t("waits: still {value}", { value: row.secret ? "…" : shown(row.value) }))
    : null;

// The field of a key that is safe to change, with what the file says, or what somebody has entered.
function field(row) {
  const { key, form: asked } = row;
  const now = edits.has(key) ? edits.get(key) : row.in_file;
  const told = { "aria-label": key, name: key };
  const changed = (value) => {
    if (same(value, row.in_file)) edits.delete(key);
    else edits.set(key, value);
    refused.delete(key);
    bar();
  };
  const on = { onchange: ({ target }) => changed(read(target, asked)) };
  if (asked.type === "boolean")
    return h("input", { type: "checkbox", checked: Boolean(now), ...told, ...on });
  if (asked.enum)
    return h(
      "select",
      { ...told, ...on },
      asked.enum.map((each) => h("option", { value: each, selected: each === now }, each)),
    );
  if (asked.type === "string")
    return h("textarea", { rows: 2, maxlength: asked.maxLength, ...told, ...on }, now ?? "");
  const least = asked.minimum ?? asked.exclusiveMinimum ?? null;
  return h("input.number", {
    type: "number",
    value: now ?? "",
    min: least,
    max: asked.maximum ?? null,
    step: asked.type === "integer" ? 1 : "any",
    inputmode: "decimal",
    ...told,
    ...on,
  });
}

function read(target, asked) {
  if (asked.type === "boolean") return target.checked;
  if (asked.type === "string") return target.value || (asked.empty ? null : target.value);
  return target.value === "" ? null : Number(target.value);
}

function bar() {
  $("#unsaved").hidden = edits.size === 0;
  const n = edits.size;
  $("#unsaved-said").textContent =
    n === 1 ? t("1 change, not saved") : t("{n} changes, not saved", { n });
}

// Whether what the file says is what node and web go by, and what to do where it is not.
function inForce() {
  const { closed, wrong, node, commands } = found;
  const boxes = [];
  if (closed !== null)
    boxes.push(
      h(
        "div.notice.warn",
        h("p", t("The file can only be read here: {why}.", { why: CLOSED[closed] ?? closed })),
        h("p", t("Change it on the machine, then:"), " ", h("code", reload(commands))),
      ),
    );
  if (wrong !== null)
    boxes.push(
      h(
        "div.notice.error",
        { role: "alert" },
        t("The file as it is now is refused."),
        h("p.mono.small", wrong),
      ),
    );
  const late = found.settings.filter(waits).length;
  if (wrong === null && (late || node === "other"))
    boxes.push(
      h(
        "div.notice.warn",
        late
          ? h(
              "p",
              t(
                "{n} value of the file is not in force in the web yet. | {n} values of the file are not in force in the web yet.",
                { n: late },
              ),
            )
          : null,
        node === "other" ? h("p", t("The node uses other settings than those in the file.")) : null,
        h(
          "p.cluster",
          h("button.button", { type: "button", onclick: doing(readAgain) }, t("Read them again")),
          h("code", reload(commands)),
        ),
      ),
    );
  if (!boxes.length)
    boxes.push(
      h(
        "p.muted",
        node === "same"
          ? t("The node and the web use what the file says.")
          : t("The web uses what the file says; the node has not said what it uses."),
      ),
    );
  return boxes;
}

const reload = ({ node, web }) => `${node} ${web.split(" ").at(-1)}`;

async function readAgain() {
  await followed(await post("/settings/reload", undefined));
}

// What is asked for is done in a moment; the page looks until it is, and says whom it could not ask.
async function followed({ node, web }) {
  if (node === "not allowed" || web === "not allowed" || node === "not here")
    toast(
      t("Not all of them could be asked from here: {command}", { command: reload(found.commands) }),
      "warn",
    );
  for (let look = 0; look < LOOKS; look++) {
    await new Promise((then) => setTimeout(then, LOOK_MS));
    await load().catch(() => null); // the web itself begins anew
    if (found.node === "same" && !found.settings.some(waits)) return;
  }
}

async function save() {
  const lines = [...edits].map(([key, value]) => {
    const row = found.settings.find((each) => each.key === key);
    return `${key}: ${shown(row.in_file)} → ${value === null ? t("default") : shown(value)}`;
  });
  const changes = Object.fromEntries(edits);
  const rows = [
    {
      name: "reload",
      label: t("Let node and web read them at once: stations stop for about a second"),
      type: "checkbox",
      value: true,
    },
    ...(await own("", WHY)),
  ];
  const done = await form(t("Save these changes?"), rows, {
    text: h(
      "ul.mono",
      lines.map((line) => h("li", line)),
    ),
    send: (values) => sent(values, (body) => put_("PUT", "/settings", { ...body, changes })),
  });
  if (done) await after(done);
}

async function back() {
  const rows = await own("", WHY);
  const done = await form(t("Go back to the settings before the last change?"), rows, {
    yes: t("Go back"),
    text: t(
      "The present settings are kept in turn, and the node and the web read the earlier ones at once.",
    ),
    send: (values) => sent(values, (body) => put_("POST", "/settings/previous", body)),
  });
  if (done) await after(done);
}

async function after(done) {
  edits.clear();
  refused.clear();
  toast(t("Saved"));
  await load();
  if (done.node !== null) await followed(done);
}

async function put_(method, path, body) {
  try {
    return (await ask(method, path, { body, headers: { "If-Match": tag } })).data;
  } catch (error) {
    for (const line of error.details?.errors ?? []) {
      const [key, ...rest] = line.split(": ");
      refused.set(key, rest.join(": "));
    }
    if (error.code === "SETTINGS_CONFLICT") await load();
    else if (refused.size) draw();
    throw error;
  }
}

$("#search").addEventListener("input", draw);
$("#changed").addEventListener("change", draw);
$("#editable").addEventListener("change", draw);
$("#save").addEventListener("click", doing(save));
$("#back").addEventListener("click", doing(back));
$("#discard").addEventListener("click", () => {
  edits.clear();
  refused.clear();
  draw();
});
addEventListener("beforeunload", (event) => edits.size && event.preventDefault());
load().catch(complain);
