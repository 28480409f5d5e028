// The editor: four steps over one program. Each step is a module of js/editor with `enter(element)`
// and `leave()`; the element is
// empty the first time, and the same one afterwards. `done()` tells whether the step is complete.
//
// One file: a page's module; its parts are of no use to another page.

import { get } from "../api.js";
import { complain, open, toast } from "../dialog.js";
import { $, $$, h, put, targetOf } from "../dom.js";
import { begin as beginOthers } from "../editor/others.js";
import { editor } from "../editor/state.js";
import { live } from "../events.js";
import { whyOf } from "../why.js";
import { failure } from "../told.js";
import { page, t, time } from "../words.js";

const STEPS = ["image", "master", "tools", "outputs"];
const LOADS = {
  image: () => import("../editor/image.js"),
  master: () => import("../editor/master.js"),
  tools: () => import("../editor/tools.js"),
  outputs: () => import("../editor/outputs.js"),
};
const modules = {};
let shown = null;

/**
 * Show a step; a tool and a field of it may be named.
 * @param {string} step
 * @param {{tool?: string, field?: string}} where
 */
async function show(step, where = {}) {
  if (!STEPS.includes(step)) step = STEPS[0];
  if (where.tool) editor.select(where.tool);
  if (step === shown) return focus(step, where);
  if (shown) modules[shown]?.leave?.();
  shown = step;
  for (const name of STEPS) $(`#step-${name}`).hidden = name !== step;
  if (location.hash !== `#${step}`) history.pushState(null, "", `#${step}`);
  marks();
  try {
    modules[step] ??= await LOADS[step]();
    if (shown !== step) return;
    await modules[step].enter($(".step-body", $(`#step-${step}`)));
    focus(step, where);
  } catch (error) {
    complain(error);
  }
}

/**
 * Where a problem is, or at the top of the step.
 * @param {string} step
 * @param {{tool?: string, field?: string}} where
 */
function focus(step, { tool, field }) {
  const section = $(`#step-${step}`);
  const place =
    field &&
    (section.querySelector(`[data-field="${CSS.escape(field)}"]`) ??
      section.querySelector(`[name="${CSS.escape(field)}"]`));
  const input = place?.matches("input, select, textarea")
    ? place
    : place?.querySelector("input, select, textarea, button");
  if (input) {
    input.scrollIntoView({ block: "center" });
    input.focus();
  } else if (!tool) scrollTo({ top: 0 });
}

/** Whether a step is complete; "wrong" where something was refused. */
function stateOf(step) {
  const { program, problems } = editor;
  const fields = Object.keys(problems.fields).map((path) => path.split(".")[0]);
  if (
    step === "tools" &&
    (Object.keys(problems.tools).length ||
      fields.some((name) => name === "locator" || name === "tools"))
  )
    return "wrong";
  if (step === "master" && fields.includes("master")) return "wrong";
  if (step === "image" && fields.includes("camera")) return "wrong";
  if (
    step === "outputs" &&
    fields.some((name) => !["locator", "tools", "master", "camera"].includes(name))
  )
    return "wrong";
  const simple = {
    image: () =>
      Boolean(editor.id) || (modules.image?.done?.() ?? false) || Boolean(program.master),
    master: () => Boolean(program.master),
    tools: () => program.tools.length > 0,
    outputs: () => Boolean(program.id && program.name),
  };
  return (modules[step]?.done ?? simple[step])() ? "done" : "open";
}

/** Steps, title, buttons: all that tells how far it is. */
function marks() {
  for (const link of $$(".steps a")) {
    const step = link.dataset.step;
    const state = stateOf(step);
    link.dataset.state = state;
    if (step === shown) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
    put(
      $(".step-state", link),
      state === "done"
        ? t("(done)")
        : state === "wrong"
          ? t("(something is wrong here)")
          : t("(to do)"),
    );
  }
  $("#editor-name").textContent = editor.program.name || (editor.id ?? t("New program"));
  document.title = `${$("#editor-name").textContent} · ${page.node_id}`;
  $("#editor-version").hidden = !editor.version;
  $("#editor-version").textContent = editor.version
    ? t("version {version}", { version: editor.version })
    : "";
  $("#editor-dirty").dataset.state = editor.dirty ? "warn" : "ok";
  const said = editor.dirty ? t("Not saved") : editor.id ? t("Saved") : t("Nothing changed");
  if ($("#editor-dirty .lamp-text").textContent !== said)
    $("#editor-dirty .lamp-text").textContent = said;
  tip(
    $("#undo"),
    editor.canUndo,
    editor.undoLabel ? t("Undo: {what}", { what: editor.undoLabel }) : t("Undo"),
  );
  tip(
    $("#redo"),
    editor.canRedo,
    editor.redoLabel ? t("Redo: {what}", { what: editor.redoLabel }) : t("Redo"),
  );
  for (const button of $$('#save, [data-go="save"]')) button.disabled = !editor.dirty;
}

function tip(button, enabled, text) {
  button.disabled = !enabled;
  button.title = text;
  button.setAttribute("aria-label", text);
}

/** What must be known here: the node is away; something was refused. */
function notices() {
  const { problems } = editor;
  const away = editor.link.node !== "ok";
  put(
    $("#editor-notices"),
    away
      ? h(
          "div.notice.warn",
          { dataset: { notice: "away" } },
          t(
            "The node does not answer: there is no live picture, nothing can be tried, and saving checks only the structure of the program.",
          ),
        )
      : null,
    editor.others.length
      ? h(
          "div.notice.warn",
          { dataset: { notice: "others" } },
          t(
            "Also open in another editor: {names}. The first to save goes ahead; the other one is asked how to go on.",
            {
              names: editor.others
                .map(
                  ({ name, since }) => `${name} (${time(since, { seconds: false, date: false })})`,
                )
                .join(", "),
            },
          ),
        )
      : null,
    problems.code && problems.text
      ? h(
          "div.notice.error",
          { role: "alert", dataset: { notice: "refused" } },
          h("p", problems.text),
          places(problems),
        )
      : null,
  );
}

// Links to what the refusal names.
function places(problems) {
  const tools = Object.entries(problems.tools).map(([name, rows]) =>
    h(
      "button.button.small",
      { type: "button", onclick: () => show("tools", { tool: name, field: rows[0].field }) },
      t("Go to tool {name}", { name }),
    ),
  );
  const fields = Object.keys(problems.fields).map((path) =>
    h(
      "button.button.small",
      {
        type: "button",
        onclick: () =>
          show(stepOf(path), {
            field: path,
            ...(path.startsWith("locator") && { tool: "locator" }),
          }),
      },
      t("Go to {field}", { field: path }),
    ),
  );
  return tools.length + fields.length ? h("div.cluster", tools, fields) : null;
}

function stepOf(path) {
  const name = path.split(".")[0];
  return { camera: "image", master: "master", tools: "tools", locator: "tools" }[name] ?? "outputs";
}

async function save() {
  const { save: ask } = await import("../editor/save.js");
  await ask();
}

function keys(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === "s") {
    event.preventDefault();
    if (editor.dirty && !document.querySelector("dialog[open]")) save();
    return;
  }
  if (!(key === "z" || key === "y") || document.querySelector("dialog[open]")) return;
  // what was typed since the text was entered is taken back by the browser, all before it by us
  const text = event.target.closest(TEXT);
  if (text && text.value !== entered) return;
  event.preventDefault();
  text?.blur(); // so that it shows what becomes of it
  if (key === "y" || event.shiftKey) editor.redo();
  else editor.undo();
  if (text?.isConnected) text.focus();
}

const TEXT = "textarea, input:not([type=number], [type=range], [type=checkbox], [type=radio])";
let entered = ""; // the text of the field that has the focus, as it was found

async function offerDraft() {
  const found = await editor.leftover();
  if (!found) return;
  const when = time(found.at, { seconds: false });
  const text =
    found.version && found.version !== editor.version
      ? t(
          "Changes of {when} were not saved. They were made to version {old}; version {new} has been stored since.",
          { when, old: found.version, new: editor.version },
        )
      : t("Changes of {when} were not saved.", { when });
  const choose = (job) => () => {
    job();
    dialog.close(); // closed in another way, it is kept and asked again next time
  };
  const dialog = open(t("Go on with what was not saved?"), [
    h("p", text),
    h(
      "div.actions",
      h(
        "button.button.danger",
        { type: "button", onclick: choose(() => editor.forgetDraft()) },
        t("Throw it away"),
      ),
      h(
        "button.button.primary",
        { type: "button", autofocus: true, onclick: choose(() => editor.restore(found)) },
        t("Go on with it"),
      ),
    ),
  ]);
}

/**
 * The result that a link names: its picture is what is tried, if it is still kept. The tool that
 * failed.
 */
async function tryResult(id) {
  try {
    const [result, { trying }] = await Promise.all([
      get(`/results/${encodeURIComponent(id)}`),
      import("../editor/trying.js"),
    ]);
    if (editor.stations.some((station) => station.id === result.station))
      editor.setStation(result.station);
    if (result.kept.includes(result.images.raw))
      trying.source = { kind: "result", id, name: result.part_id ?? id.slice(-8) };
    else toast(t("The picture is not kept any more"), "warn");
    return whyOf(result)?.tool;
  } catch (error) {
    complain(error);
  }
}

async function begin() {
  addEventListener("hashchange", () => show(location.hash.slice(1)));
  addEventListener("popstate", () => show(location.hash.slice(1)));
  addEventListener("keydown", keys);
  addEventListener("focusin", ({ target }) => {
    const text = /** @type {HTMLInputElement | null} */ (
      target instanceof Element ? target.closest(TEXT) : null
    );
    entered = text?.value ?? "";
  });
  addEventListener("pagehide", () => editor.flushDraft());
  document.addEventListener("visibilitychange", () => document.hidden && editor.flushDraft());
  addEventListener("beforeunload", (event) => editor.dirty && event.preventDefault());
  $("#undo").addEventListener("click", () => editor.undo());
  $("#redo").addEventListener("click", () => editor.redo());
  $("#save").addEventListener("click", save);
  document.addEventListener("click", (event) => {
    const go = targetOf(event)?.closest("[data-go]")?.getAttribute("data-go");
    if (go === "save") save();
    else if (go) show(STEPS[STEPS.indexOf(shown) + (go === "next" ? 1 : -1)]);
  });
  for (const kind of ["change", "problems", "saved", "station", "others"])
    editor.addEventListener(kind, () => {
      marks();
      notices();
    });
  editor.addEventListener("go", ({ detail }) => show(detail.step, detail));
  editor.addEventListener("step", marks);
  for (const kind of ["link", "hello", "state"]) live.addEventListener(kind, () => link(live.link));
  const address = new URLSearchParams(location.search);
  try {
    await editor.load(page.parts.id ?? null, address.get("from"));
  } catch (error) {
    put(
      $("#editor-loading"),
      h("div.notice.error", { role: "alert" }, failure(error)),
      h("a.button", { href: "/app/programs" }, t("To the programs")),
    );
    return;
  }
  beginOthers();
  const failed = address.get("result") ? await tryResult(address.get("result")) : null;
  $("#editor-loading").remove();
  await show(location.hash.slice(1) || (editor.id ? "tools" : "image"));
  if (failed && editor.tool(failed)) editor.select(failed);
  await offerDraft();
}

// The node has come or gone.
function link(now) {
  if (now.node === editor.link.node && now.broker === editor.link.broker) return;
  editor.link = { ...editor.link, ...now };
  editor.dispatchEvent(new CustomEvent("station", { detail: {} }));
}

begin();
