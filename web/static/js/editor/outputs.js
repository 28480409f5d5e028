// Step 4: name, judgement, outputs and the rest, each a card.
//
// One file: one step of the editor, a card a function.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { t } from "../words.js";
import { calibrationCard } from "./calibration.js";
import { wrongWith } from "./expression.js";
import { editor, idOf } from "./state.js";

const OUTPUTS = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `OUT${number}`);
const ID = /^[a-z0-9][a-z0-9-]{0,63}$/;
const draws = [];
let taken = []; // ids of other programs
let ownId = false; // the id was typed, so the name does not make it any more

/** The first field that cannot be saved as it is: {field, text}; null if all can. */
export function firstWrong() {
  const { program } = editor;
  const found = {
    name: program.name.trim() ? null : t("The program needs a name."),
    id: wrongId(program.id),
    judgement: wrongWith(
      program.judgement,
      program.tools.map((tool) => tool.name),
    ),
    ...Object.fromEntries(
      Object.entries(program.outputs).map(([name, meaning]) => [
        `outputs.${name}`,
        missing(meaning),
      ]),
    ),
  };
  const field = Object.keys(found).find((name) => found[name]);
  return field ? { field, text: found[field] } : null;
}

/** Whether this step is complete. */
export function done() {
  return !firstWrong();
}

export function enter(element) {
  if (!draws.length) {
    put(
      element,
      h(
        "div.editor-cards",
        h("div.stack", nameCard(), judgementCard(), keepCard()),
        h("div.stack", outputsCard(), calibrationCard(draws)),
      ),
    );
    for (const kind of ["change", "problems", "saved"]) editor.addEventListener(kind, draw);
  }
  draw();
  if (!editor.id)
    get("/programs").then(
      ({ programs }) => {
        taken = programs.map(({ id }) => id);
        draw();
      },
      () => null,
    );
}

export function leave() {}

function draw() {
  for (const one of draws) one();
  editor.dispatchEvent(new Event("step"));
}

/** A card with a title and one line on what it is for. */
function card(title, text, ...content) {
  return h("section.card.form", h("div", h("h2", title), h("p.help", text)), ...content);
}

/** A field whose problem stands below it. `path` is that of the document. */
function field(path, label, input, help, check = () => null) {
  const wrong = h("span.wrong", { id: `wrong-${path}`, hidden: true });
  const small = help ? h("small", { id: `help-${path}` }, help) : null;
  input.setAttribute("aria-describedby", `${help ? `help-${path} ` : ""}wrong-${path}`);
  draws.push(() => {
    const text = editor.problems.fields[path] ?? check();
    wrong.hidden = !text;
    wrong.textContent = text ?? "";
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  });
  return h("label.field", { dataset: { field: path } }, h("span", label), input, small, wrong);
}

// Put a value into an input that nobody types in.
function show(input, value) {
  if (document.activeElement !== input) input.value = value;
}

function wrongId(id) {
  if (!id) return t("It is missing.");
  if (!ID.test(id))
    return t(
      "Lower-case letters, digits and hyphens only, 64 at most, beginning with a letter or digit.",
    );
  return !editor.id && taken.includes(id) ? t("There is a program of this id already.") : null;
}

function nameCard() {
  const name = h("input", { name: "name", maxlength: 128, autocomplete: "off", required: true });
  const id = h("input", {
    name: "id",
    maxlength: 64,
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    required: true,
  });
  name.addEventListener("input", () =>
    editor.change(t("Name"), (program) => {
      program.name = name.value;
      if (!editor.id && !ownId) program.id = idOf(name.value);
    }),
  );
  id.addEventListener("input", () => {
    ownId = id.value !== "";
    editor.change(t("Id"), (program) => (program.id = id.value.trim()));
  });
  const touched = () => name.value !== "" || id.value !== "" || editor.problems.code;
  draws.push(() => {
    show(name, editor.program.name);
    show(id, editor.program.id);
    id.readOnly = Boolean(editor.id);
  });
  return card(
    t("Name"),
    t("What people read, and what triggers and topics call it."),
    field("name", t("Name"), name, null, () =>
      !editor.program.name.trim() && touched() ? t("It is missing.") : null,
    ),
    field("id", t("Id"), id, t("Made from the name; it stays once the program is saved."), () =>
      touched() ? wrongId(editor.program.id) : null,
    ),
  );
}

function judgementCard() {
  const kinds = {
    all: t("All tools are good"),
    any: t("At least one tool is good"),
    own: t("Own rule"),
  };
  const text = h("textarea", {
    name: "judgement",
    rows: 2,
    maxlength: 1000,
    spellcheck: "false",
    autocapitalize: "none",
  });
  const names = () => editor.program.tools.map((tool) => tool.name);
  const kindOf = () =>
    ["all", "any"].includes(editor.program.judgement) ? editor.program.judgement : "own";
  const put_ = (judgement) =>
    editor.change(t("Judgement"), (program) => (program.judgement = judgement));
  const radios = Object.entries(kinds).map(([kind, title]) =>
    h(
      "label.field.check",
      h("input", {
        type: "radio",
        name: "judgement-kind",
        value: kind,
        onchange: () => put_(kind === "own" ? names().join(" and ") || "tool" : kind),
      }),
      h("span", title),
    ),
  );
  text.addEventListener("input", () => put_(text.value.trim() || "all"));
  const chips = h("div.cluster");
  const insert = (word) => {
    text.setRangeText(` ${word} `, text.selectionStart, text.selectionEnd, "end");
    text.value = text.value.replace(/ +/g, " ").trimStart();
    put_(text.value.trim());
    text.focus();
  };
  const rule = h(
    "div.stack-tight",
    field(
      "judgement",
      t("A part is OK if"),
      text,
      t("Tool names with and, or, not and parentheses, such as: (label or print) and not scratch"),
      () => wrongWith(editor.program.judgement, names()),
    ),
    chips,
  );
  draws.push(() => {
    for (const radio of radios) radio.firstChild.checked = radio.firstChild.value === kindOf();
    rule.hidden = kindOf() !== "own";
    show(text, editor.program.judgement);
    put(
      chips,
      [...names(), "and", "or", "not", "(", ")"].map((word) =>
        h(
          "button.button.small.mono",
          {
            type: "button",
            "aria-label": t("Insert {word}", { word }),
            onclick: () => insert(word),
          },
          word,
        ),
      ),
    );
  });
  return card(
    t("Judgement"),
    t("When a part is OK. A tool that cannot measure makes it ERROR, never OK."),
    h("div", { role: "radiogroup", "aria-label": t("Judgement") }, radios),
    rule,
  );
}

function outputsCard() {
  const selects = OUTPUTS.map((name) => {
    const select = h("select", {
      name,
      onchange: () =>
        editor.change(name, (program) => {
          if (select.value) program.outputs[name] = select.value;
          else delete program.outputs[name];
        }),
    });
    draws.push(() => {
      const value = editor.program.outputs[name] ?? "";
      put(select, choices(value));
      select.value = value;
    });
    return field(`outputs.${name}`, name, select, null, () =>
      missing(editor.program.outputs[name]),
    );
  });
  return card(
    t("Outputs"),
    t("What the free lines of the station show. OK, NG and the others have lines of their own."),
    h("div.outputs", selects),
  );
}

function choices(value) {
  const option = (key, text) => h("option", { value: key }, text);
  const tools = editor.program.tools.flatMap(({ name }) => [
    option(`tool:${name}:ok`, t("{name} is good", { name })),
    option(`tool:${name}:ng`, t("{name} is bad", { name })),
  ]);
  return [
    option("", t("nothing")),
    option("ok", t("the part is OK")),
    option("ng", t("the part is NG")),
    option("error", t("the part is ERROR")),
    option("busy", t("busy")),
    option("always_on", t("always on")),
    tools.length ? h("optgroup", { label: t("Tools") }, tools) : null,
    missing(value) ? option(value, value) : null,
  ];
}

function missing(value) {
  const name = value?.startsWith("tool:") ? value.split(":")[1] : null;
  return name && !editor.tool(name) ? t("There is no tool “{name}”.", { name }) : null;
}

function keepCard() {
  const limit = whole(
    "limits_ms",
    t("Time limit"),
    1,
    60000,
    (program) => program.limits_ms,
    (program, value) => (program.limits_ms = value),
  );
  const every = whole(
    "ok_every",
    t("Pictures of OK parts"),
    0,
    1000000,
    (program) => program.keep.ok_every,
    (program, value) => (program.keep.ok_every = value),
  );
  const ng = h("input", {
    type: "checkbox",
    name: "keep-ng",
    onchange: () => editor.change(t("Pictures"), (program) => (program.keep.ng = ng.checked)),
  });
  draws.push(() => (ng.checked = editor.program.keep.ng));
  return card(
    t("Time and pictures"),
    t("How long an inspection may take, and which results keep their pictures."),
    field(
      "limits_ms",
      t("Time limit in ms"),
      limit,
      t("From the start of an inspection to its verdict; longer is ERROR."),
    ),
    h(
      "label.field.check",
      { dataset: { field: "keep.ng" } },
      ng,
      h("span", t("Keep the pictures of NG and ERROR parts")),
    ),
    field(
      "keep.ok_every",
      t("Keep the pictures of every n-th OK part"),
      every,
      t("1 keeps all, 0 keeps none."),
    ),
  );
}

function whole(name, label, min, max, read, write) {
  const input = h("input", { type: "number", name, min, max, step: 1, inputmode: "numeric" });
  input.addEventListener("change", () => {
    const value = Number(input.value);
    if (input.value !== "" && Number.isInteger(value) && value >= min && value <= max)
      editor.change(label, (program) => write(program, value));
    else input.value = read(editor.program);
  });
  draws.push(() => show(input, read(editor.program)));
  return input;
}
