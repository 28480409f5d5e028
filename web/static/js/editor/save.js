// Saving: what changes and why, document and master in one request, and what to do when somebody
// else was faster or something is refused.
//
// One file: saving is one conversation, with all that may go wrong in it.

import { ApiError, ask, get, post } from "../api.js";
import { busy, complain, doing, open, toast } from "../dialog.js";
import { h, icon, put } from "../dom.js";
import { failure } from "../told.js";
import { t, time } from "../words.js";
import { impact } from "./impact.js";
import { kindOf } from "./kinds.js";
import { hasNoLimits } from "./list.js";
import { firstWrong } from "./outputs.js";
import { blobOf, editor, idOf, storedPicture } from "./state.js";
import { changesTable, differences, merged, whatOf } from "./versions.js";

const MASTER = ["IMAGE_INVALID", "IMAGE_SIZE", "MASTER_IMAGE_NOT_FOUND", "TOO_LARGE"];

/**
 * Ask for a note and store. Resolves when the dialog is closed; what was refused is then in
 * editor.problems.
 */
export function save() {
  const missing = incomplete();
  if (missing) {
    toast(missing.text, "warn");
    return editor.go(missing.step, missing);
  }
  return /** @type {Promise<void>} */ (
    new Promise((resolve) => {
      const note = h("input", {
        name: "note",
        maxlength: 128,
        autocomplete: "off",
        autofocus: true,
        placeholder: editor.id ? t("such as: label limit tightened") : t("such as: first version"),
      });
      const failed = h("div.notice.error", { role: "alert", hidden: true });
      const using = editor.stations
        .filter((station) => editor.id && station.program === editor.id)
        .map(({ id }) => id);
      const target =
        using.length || editor.link.node !== "ok" || untaught(editor.program).length
          ? null
          : editor.station;
      const only = h(
        `button.button${target ? "" : ".primary"}`,
        { type: "submit", dataset: { save: using.length ? "use" : "only" } },
        icon("save"),
        using.length
          ? t("Save and use at {stations}", { stations: using.join(", ") })
          : t("Save only"),
      );
      const use =
        target &&
        h(
          "button.button.primary",
          { type: "submit", dataset: { save: "use" } },
          icon("save"),
          t("Save and use at {stations}", { stations: target }),
        );
      const release = using.length ? impact() : null;
      const changes = editor.id ? differences(editor.stored, editor.program) : null;
      const form = h(
        "form.form",
        failed,
        editor.link.node === "ok"
          ? null
          : h(
              "p.notice.warn",
              t(
                "The node does not answer: only the structure of the program is checked, not whether its tools can learn from the master.",
              ),
            ),
        untaughtNotice(editor.program),
        using.length
          ? h(
              "p.notice.warn",
              { dataset: { notice: "live" } },
              t("{stations} will take this version from the next part on.", {
                stations: using.join(", "),
              }),
            )
          : null,
        h("label.field", h("span", t("Why? (for the list of versions)")), note),
        changes
          ? h(
              "div",
              h("h3", t("What changes")),
              changesTable(changes, {
                before: t("Version {version}", { version: editor.version }),
                after: t("Now"),
              }),
            )
          : null,
        release?.element,
        h(
          "div.actions",
          h("button.button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
          using.length
            ? h(
                "button.button",
                {
                  type: "button",
                  dataset: { save: "copy" },
                  onclick: () => {
                    dialog.close();
                    copy();
                  },
                },
                t("Save as a new program"),
              )
            : null,
          only,
          use,
        ),
      );
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        failed.hidden = true;
        try {
          const found = await busy(event.submitter ?? use ?? only, () => send(note.value.trim()));
          if (target && (event.submitter ?? use) === use)
            await activate(
              editor.stations.find(({ id }) => id === target),
              found,
            ).catch(complain);
          dialog.close();
          stored(found);
        } catch (error) {
          if (place(error, dialog)) return;
          failed.hidden = false;
          put(failed, failure(error));
        }
      });
      const dialog = open(
        editor.id
          ? t("Save the next version of {name}", { name: editor.program.name })
          : t("Save {name}", { name: editor.program.name }),
        form,
        { wide: Boolean(changes?.length) },
      );
      dialog.addEventListener("close", () => {
        release?.stop();
        resolve();
      });
      release?.begin().catch(complain);
    })
  );
}

// What must be there before it is worth asking.
function incomplete() {
  const { program } = editor;
  if (!program.tools.length)
    return { step: "tools", text: t("A program needs at least one tool.") };
  const open = program.tools.find(hasNoLimits);
  if (open)
    return {
      step: "tools",
      tool: open.name,
      field: "low",
      text: t(
        "{name} has no limits yet: every part would be OK. Try it on the master, or set them.",
        { name: open.name },
      ),
    };
  const wrong = firstWrong();
  return wrong && { step: "outputs", ...wrong };
}

// Tools that have no value before they were taught.
const untaught = (program) =>
  program.tools.filter((tool) => kindOf(tool.kind).taught && !tool.model).map(({ name }) => name);

function untaughtNotice(program) {
  const names = untaught(program);
  return names.length
    ? h(
        "p.notice.warn",
        { dataset: { notice: "untaught" } },
        t("Not taught yet: {names}. Until then every part is ERROR (NOT_TAUGHT).", {
          names: names.join(", "),
        }),
      )
    : null;
}

async function send(note) {
  const { id, program, master, etag } = editor;
  const form = new FormData();
  form.append(
    "program",
    new Blob([JSON.stringify({ ...program, name: program.name.trim() })], {
      type: "application/json",
    }),
    "program.json",
  );
  if (master?.base64) form.append("master", blobOf(master.base64, master.type), program.master);
  const options = {
    raw: form,
    query: { note },
    limit_ms: 60000,
    ...(id && { headers: { "If-Match": etag } }),
  };
  return (
    await ask(
      id ? "PUT" : "POST",
      id ? `/programs/${encodeURIComponent(id)}` : "/programs",
      options,
    )
  ).data;
}

/** Put a refusal where it belongs; false if it belongs into the dialog. */
function place(error, dialog) {
  if (!(error instanceof ApiError)) return false;
  if (error.code === "PROGRAM_CONFLICT") {
    dialog.close();
    if (editor.id) conflict(error);
    else
      refuse(
        Object.assign(error, { message: `x: id: ${t("There is a program of this id already.")}` }),
        t("There is a program of this id already."),
      );
    return true;
  }
  if (MASTER.includes(error.code) && editor.master) {
    dialog.close();
    refuse(
      Object.assign(error, {
        message: `${error.message.split(": ")[0]}: master: ${error.message}`,
      }),
    );
    return true;
  }
  if (!/^(PROGRAM|MODEL|NOT_TAUGHT|VALIDATION|REGION|NO_CONTRAST|PART_NOT)/.test(error.code))
    return false;
  dialog.close();
  refuse(error);
  return true;
}

function refuse(error, text = null) {
  const said = text ?? error.text;
  editor.refuse(error);
  editor.problems.text = said;
  const { tools, fields } = editor.problems;
  const [tool] = Object.keys(tools);
  const [field] = Object.keys(fields);
  if (tool) editor.go("tools", { tool, field: tools[tool][0].field });
  else if (field)
    editor.go(
      { camera: "image", master: "master", tools: "tools", locator: "tools" }[
        field.split(".")[0]
      ] ?? "outputs",
      { field },
    );
  editor.dispatchEvent(new CustomEvent("problems"));
}

/** Somebody else has stored a version since: theirs, ours, or both. */
async function conflict(error) {
  let found;
  try {
    found = (await ask("GET", `/programs/${encodeURIComponent(editor.id)}`)).data;
  } catch (problem) {
    return complain(problem);
  }
  const mine = differences(editor.stored, editor.program);
  const theirs = error.details.changes ?? [];
  const both = merged(editor.stored, editor.program, found.program);
  const choose = (job) => async () => {
    await job();
    dialog.close();
  };
  const keep = async (program) => {
    const own = editor.master?.base64 || program.master !== found.program.master;
    editor.rebase(found, program, own ? editor.master : await masterOf(found));
    setTimeout(save);
  };
  const dialog = open(
    t("Somebody else was faster"),
    h(
      "div.stack",
      h(
        "p",
        t("{name} stored version {version} at {time}. You have changed version {old}.", {
          name: found.saved_by,
          version: found.version,
          time: time(found.saved_at),
          old: editor.version,
        }),
      ),
      h(
        "section",
        h("h3", t("What they changed")),
        changesTable(theirs, {
          before: t("Version {version}", { version: editor.version }),
          after: t("Version {version}", { version: found.version }),
          title: t("What they changed"),
        }),
      ),
      h(
        "section",
        h("h3", t("What you changed")),
        changesTable(mine, {
          before: t("Version {version}", { version: editor.version }),
          after: t("Yours"),
          title: t("What you changed"),
        }),
      ),
      both.clashes.length
        ? h(
            "p.notice.warn",
            t("Both of you changed these; with “Keep both”, yours count:"),
            " ",
            both.clashes.map((path, n) => [n ? ", " : "", whatOf(path)]),
          )
        : null,
      h(
        "div.actions",
        h(
          "button.button",
          {
            type: "button",
            dataset: { choice: "theirs" },
            onclick: doing(
              choose(async () => {
                editor.rebase(found, found.program, await masterOf(found));
                toast(
                  t("This is their version {version} now. Undo brings yours back.", {
                    version: found.version,
                  }),
                );
              }),
            ),
          },
          t("Take theirs"),
        ),
        h(
          "button.button",
          { type: "button", dataset: { choice: "copy" }, onclick: doing(choose(copy)) },
          t("Save mine as a new program"),
        ),
        h(
          "button.button.danger",
          {
            type: "button",
            dataset: { choice: "mine" },
            onclick: doing(choose(() => keep(editor.program))),
          },
          t("Overwrite with mine"),
        ),
        h(
          "button.button.primary",
          {
            type: "button",
            dataset: { choice: "both" },
            onclick: doing(choose(() => keep(both.value))),
          },
          t("Keep both"),
        ),
      ),
    ),
    { wide: true },
  );
}

async function masterOf(found) {
  return found.program.master
    ? storedPicture(`/programs/${encodeURIComponent(found.id)}/master?version=${found.version}`)
    : null;
}

function copy() {
  const name = t("Copy of {name}", { name: editor.program.name }).slice(0, 128);
  editor.rebase(null, { ...editor.program, name, id: idOf(name) });
  history.replaceState(null, "", "/app/programs/new#outputs");
  editor.go("outputs", { field: "name" });
}

/** It is stored: say how it was checked, and offer to use it. */
function stored(found) {
  const fresh = !editor.id;
  editor.saved(found);
  if (fresh) history.replaceState(null, "", `/app/programs/${found.id}/edit${location.hash}`);
  document.title = document.title.replace(t("New program"), t("Edit program"));
  const rows = h("div.form");
  const draw = () =>
    put(
      rows,
      editor.stations.map((station) => row(station, found, draw)),
    );
  draw();
  const dialog = open(
    t("Version {version} is stored", { version: found.version }),
    h(
      "div.stack",
      untaughtNotice(found.program) ??
        (found.checked === "node"
          ? h(
              "p.notice.good",
              t("The node has loaded it, and its tools have learned from the master."),
            )
          : h(
              "p.notice.warn",
              t(
                "Only its structure was checked, because the node does not answer. Look at it again when the node is back.",
              ),
            )),
      editor.link.node === "ok" && editor.stations.length
        ? h("section", h("h3", t("Use it at a station")), rows)
        : null,
      h(
        "div.actions",
        h(
          "a.button",
          { href: `/app/programs/${encodeURIComponent(found.id)}` },
          t("Show the program"),
        ),
        h(
          "button.button.primary",
          { type: "button", autofocus: true, onclick: () => dialog.close() },
          t("Go on editing"),
        ),
      ),
    ),
  );
  get("/stations").then(
    ({ stations }) => {
      // what was activated a moment ago may not be in the node's state yet
      const taken = editor.stations.filter(({ program }) => program === found.id);
      for (const station of stations)
        if (taken.some(({ id }) => id === station.id)) station.program = found.id;
      editor.stations = stations;
      draw();
    },
    () => null,
  );
}

function row(station, found, draw) {
  const uses = station.program === found.id;
  return h(
    "div.row",
    { dataset: { station: station.id } },
    h(
      "span.cluster",
      h("strong", station.id),
      uses
        ? h(
            "span.tag.good",
            t("uses it: version {version} from the next part on", { version: found.version }),
          )
        : h(
            "span.muted",
            station.program ? t("runs {program}", { program: station.program }) : t("no program"),
          ),
    ),
    uses || untaught(found.program).length
      ? null
      : h(
          "button.button",
          {
            type: "button",
            onclick: doing(async () => {
              await activate(station, found);
              draw();
            }),
          },
          t("Activate"),
        ),
  );
}

async function activate(station, found) {
  await post(`/programs/${encodeURIComponent(found.id)}/activate`, { station: station.id });
  Object.assign(station, { program: found.id });
  toast(t("{station} runs {program}.", { station: station.id, program: found.id }));
}
