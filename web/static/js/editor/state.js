// What the editor edits: one program, its master, and all that is undone, redone, tried, refused
// and kept as a draft.
//
// `editor` is the only one of a page. `editor.program` is the document as the API takes it and
// never changes in place: every
// change goes through `editor.change(label, mutate)`, which makes the next document, so that undo
// is a list of documents.
// The steps listen:
//   "change"    another document, or another master (also by undo and redo); detail: {label}
//   "select"    another `selection`
//   "station"   another `station`, or other facts about it (`stations`, `link`)
//   "problems"  another `problems`
//   "saved"     the document was stored; detail: the answer of the API
//   "go"        somebody wants another step; detail: {step, tool, field}
//   "others"    somebody else opened or closed it
//
// One file: one document with one history; whoever changes it goes through here.

import { ask, get } from "../api.js";
import { t } from "../words.js";
import * as draft from "./draft.js";
import { adopt } from "./kinds.js";
import { tried } from "./sent.js";
import { none, problemsIn, still } from "./problems.js";

const COALESCE_MS = 800;
const MOST_UNDO = 200;
const DRAFT_MS = 300;

/**
 * A program with nothing in it: what POST /programs would take once it has an id, a name and a
 * tool.
 * @returns {Program}
 */
export function blank() {
  return {
    schema: "program/1",
    id: "",
    name: "",
    master: null,
    camera: { exposure_ms: null, gain: null, mode: "normal" },
    locator: null,
    calibration: null,
    tools: [],
    judgement: "all",
    limits_ms: 1000,
    outputs: {},
    keep: { ng: true, ok_every: 10 },
  };
}

/** The id that a name gives: small letters, digits and hyphens. */
export function idOf(name) {
  return name
    .replace(/ß/g, "ss")
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);
}

/** Whether two JSON values are the same. */
export const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

/**
 * A program as the API takes it; what a tool of a kind has besides stands in its JSON Schema.
 * @typedef {{kind: string, name: string, low: number | null, high: number | null, region?: any,
 *   unit?: string, model?: string | null, tools?: string[], [field: string]: any}} Tool
 * @typedef {{schema: string, id: string, name: string, master: string | null,
 *   camera: {exposure_ms: number | null, gain: number | null, mode: string}, locator: any,
 *   calibration: any, tools: Tool[], judgement: string, limits_ms: number,
 *   outputs: Record<string, string>, keep: {ng: boolean, ok_every: number}}} Program
 * @typedef {{url: string, width: number, height: number, base64: string | null, type?: string,
 *   blob?: Blob}} Master
 */

class Editor extends EventTarget {
  /**
   * The document (frozen through and through); replaced by change(), undo() and redo().
   * @type {Program}
   */
  program = frozen(blank());
  /**
   * {url for <img>, width, height in px, base64 or null if it is the stored one, type}; null
   * without a master.
   * @type {Master | null}
   */
  master = null;
  /**
   * Id of the stored program that is edited, its version and ETag as they were read; null for a new
   * one.
   */
  id = null;
  version = null;
  etag = null;
  /**
   * The station whose camera is looked through and that tries; all stations as the API lists them;
   * {broker, node} as in events.js.
   * @type {string | null}
   */
  station = null;
  /** @type {any[]} */
  stations = [];
  link = { broker: "unknown", node: "unknown" };
  /** Who else has it open, see others.js. @type {{username: string, name: string, since: string}[]} */
  others = [];
  /**
   * JSON Schema of programs; `schema.resolve(node or "#/$defs/Name")` follows a $ref, with what
   * stands beside it on top.
   */
  schema = null;
  /**
   * The last refusal, see problems.js: {text, code, tools: {name: [{field, text}]}, fields: {path:
   * text}, other: [text]}.
   */
  problems = none();
  /** Name of the selected tool, "locator", or null. */
  selection = null;

  #stored = this.program; // as it was read or saved
  #storedMaster = null;
  #undo = []; // {label, program, master}: as it was before
  /** New tools whose limits wait for their first value: name to the limits as they began. */
  unset = new Map();
  #redo = [];
  #changedAt = 0;
  #drafting = null;
  #from = null; // the program that is copied

  /**
   * Make the next document: `mutate(copy)` changes a copy in place. Changes of one label within 800
   * ms are one step of undo.
   * @param {string} label
   * @param {(copy: Program) => unknown} mutate
   */
  change(label, mutate) {
    const next = structuredClone(this.program);
    mutate(next);
    return this.#next(label, frozen(next), this.master);
  }

  /**
   * As change(), as a part of the step before: undo takes back both.
   * @param {string} label
   * @param {(copy: Program) => unknown} mutate
   */
  complete(label, mutate) {
    const step = this.#undo.at(-1);
    const changed = this.change(label, mutate);
    if (step && changed && this.#undo.at(-1) !== step) this.#undo.pop();
    return changed;
  }

  /** The next change is a step of undo of its own, whatever its label: a drag has begun. */
  settle() {
    this.#changedAt = 0;
  }

  /**
   * Another master: {base64, type ("image/png" or "image/jpeg"), width, height}, or null for none.
   * One step of undo.
   */
  setMaster(picture) {
    const master = picture && {
      url: URL.createObjectURL(blobOf(picture.base64, picture.type)),
      ...picture,
    };
    const name = picture ? (picture.type === "image/png" ? "master.png" : "master.jpg") : null;
    this.#changedAt = 0;
    if (master) draft.keepPicture(this.#draftKey, picture);
    return this.#next(
      t("Master"),
      frozen({ ...structuredClone(this.program), master: name }),
      master,
    );
  }

  get canUndo() {
    return this.#undo.length > 0;
  }

  get canRedo() {
    return this.#redo.length > 0;
  }

  /** Label of what undo() would take back, redo() would do again; null if there is nothing. */
  get undoLabel() {
    return this.#undo.at(-1)?.label ?? null;
  }

  get redoLabel() {
    return this.#redo.at(-1)?.label ?? null;
  }

  undo() {
    this.#step(this.#undo, this.#redo);
  }

  redo() {
    this.#step(this.#redo, this.#undo);
  }

  /** Whether something is not stored yet. */
  get dirty() {
    return this.master !== this.#storedMaster || !same(this.program, this.#stored);
  }

  /** The document as it was read or saved last. */
  get stored() {
    return this.#stored;
  }

  /**
   * The tool of a name; undefined without.
   * @param {string} name
   */
  tool(name) {
    return this.program.tools.find((tool) => tool.name === name);
  }

  /** Select a tool by name, "locator", or null. */
  select(name) {
    if (name === this.selection) return;
    this.selection = name;
    this.#tell("select", { name });
  }

  setStation(id) {
    this.station = id;
    if (id) localStorage.setItem("editor.station", id);
    this.#tell("station");
  }

  /** Go to a step: image, master, tools, outputs; a tool and a field of it may be named. */
  go(step, where = {}) {
    this.#tell("go", { step, ...where });
  }

  /** Put what was refused at its place (an ApiError, or null for nothing). */
  refuse(error) {
    this.problems = error ? problemsIn(error, this.program) : none();
    this.#tell("problems");
  }

  /** Problems of one tool: [{field, text}]. "locator" works too. */
  problemsOf(name) {
    if (name !== "locator") return this.problems.tools[name] ?? [];
    return Object.entries(this.problems.fields)
      .filter(([path]) => path.split(".")[0] === "locator")
      .map(([path, text]) => ({ field: path.split(".").at(-1), text }));
  }

  /**
   * Run the document as it is, without storing: on the live picture, on `image` (base64), on the
   * master itself (`onMaster`), or on pictures of `results` (ids, 20 at most).
   * Gives a list of results as in the history, each with `annotated` (JPEG in base64), or
   * {result_id, problem}. Throws ApiError; a
   * refusal of the program itself is put into `problems` too. `program`: another document instead,
   * for one tool alone.
   * `challenge`: from which drawn fault on; then one answer {of, outcomes, next}, on the master
   * without image and results.
   */
  /** @param {{image?: string, onMaster?: boolean, results?: string[], program?: any, challenge?: number, signal?: AbortSignal}} options */
  async try({
    image = null,
    onMaster = false,
    results = [],
    program = this.program,
    challenge = null,
    signal,
  } = {}) {
    const document = {
      ...program,
      id: program.id || "new-program",
      name: program.name || "New program",
    };
    const body = {
      station: this.station,
      program: document,
      results,
      ...(onMaster && { on_master: true }),
      ...(challenge !== null && { challenge }),
    };
    try {
      const pictures = { image, master: this.master?.base64 };
      const limit_ms = 30000 + 5000 * results.length;
      const answers = await tried(body, pictures, { signal, limit_ms });
      if (program === this.program && this.problems.code) this.refuse(null);
      return answers;
    } catch (error) {
      if (program === this.program && error.code?.startsWith("PROGRAM_")) this.refuse(error);
      throw error;
    }
  }

  /**
   * Read everything: a stored program, or a new one; `from` is a stored program to copy. Throws
   * ApiError.
   */
  async load(id, from = null) {
    const [schema, source] = await Promise.all([
      ask("GET", "/schemas/program.json").then(({ response, data }) => data ?? response.json()),
      id || from ? ask("GET", `/programs/${id ?? from}`) : null,
    ]);
    adopt(schema);
    this.schema = resolving(schema);
    const found = source?.data;
    const program = found ? found.program : blank();
    if (!id && found) {
      const name = t("Copy of {name}", { name: program.name }).slice(0, 128);
      Object.assign(program, { id: idOf(name), name });
      this.#from = from;
    }
    let lost = null; // a master that is gone or damaged: the rest can still be edited
    const master = program.master
      ? await storedPicture(`/programs/${found.id}/master?version=${found.version}`).catch(
          (error) => ((lost = error), null),
        )
      : null;
    this.reset(id ? found : null, program, master);
    if (this.#from) this.#stored = frozen(blank()); // a copy is not stored yet
    if (lost)
      this.problems = {
        ...none(),
        text: lost.text ?? lost.message,
        code: lost.code ?? "INTERNAL",
        fields: { master: lost.text ?? lost.message },
      };
    await this.lookAround();
  }

  /**
   * Begin anew from what is stored (`found`, the API's answer; null for a new program): nothing to
   * undo, nothing dirty.
   */
  reset(found, program, master) {
    Object.assign(this, {
      id: found?.id ?? null,
      version: found?.version ?? null,
      etag: found?.etag ?? null,
      master,
      selection: null,
      problems: none(),
    });
    this.program = this.#stored = frozen(structuredClone(program));
    this.#storedMaster = master;
    this.#undo = [];
    this.#redo = [];
    this.#tell("change", { label: "" });
  }

  /** The document was stored: what is left to undo stays. `found`: the API's answer. */
  saved(found) {
    this.forgetDraft();
    Object.assign(this, {
      id: found.id,
      version: found.version,
      etag: found.etag,
      problems: none(),
    });
    this.program = this.#stored = frozen(structuredClone(found.program));
    if (this.master) this.master = { ...this.master, base64: null };
    this.#storedMaster = this.master;
    this.#tell("problems");
    this.#tell("change", { label: "" });
    this.#tell("saved", found);
  }

  /**
   * Work goes on from another stored version (`found`), with `program` as the edit of it; the
   * master that is shown stays unless given.
   */
  rebase(found, program, master = this.master) {
    const edited = [this.program, this.master];
    Object.assign(this, {
      id: found?.id ?? null,
      version: found?.version ?? null,
      etag: found?.etag ?? null,
    });
    this.#stored = frozen(structuredClone(found?.program ?? blank()));
    this.#storedMaster = master?.base64 ? null : master;
    if (same(program, edited[0]) && master === edited[1]) this.#tell("change", { label: "" });
    else this.#next(t("Take over"), frozen(structuredClone(program)), master);
  }

  /** Which stations there are, and whether the node answers. */
  async lookAround() {
    const { stations, ...link } = await get("/stations");
    Object.assign(this, { stations, link });
    const ids = stations.map((station) => station.id);
    const wanted = [
      this.station,
      localStorage.getItem("editor.station"),
      stations.find((station) => station.program === this.id)?.id,
    ];
    this.station = wanted.find((id) => ids.includes(id)) ?? ids[0] ?? null;
    this.#tell("station");
  }

  /** What was left unsaved in this browser: {program, version, at, picture}, or null. */
  async leftover() {
    const found = await draft.read(this.#draftKey);
    return found && !same(found.program, this.#stored) ? found : null;
  }

  /** Take up what was left unsaved. */
  restore({ program, picture }) {
    if (picture) this.setMaster(picture);
    const known = picture || program.master === this.#stored.master;
    this.change(t("Restore"), (now) =>
      Object.assign(now, program, { master: known ? program.master : this.#stored.master }),
    );
  }

  forgetDraft() {
    clearTimeout(this.#drafting);
    this.#drafting = null;
    draft.forget(this.#draftKey);
  }

  /** Write the draft at once if one waits: the page is about to go. */
  flushDraft() {
    if (this.#drafting === null) return;
    clearTimeout(this.#drafting);
    this.#keepDraft();
  }

  get #draftKey() {
    return this.id ?? (this.#from ? `(copy of ${this.#from})` : "");
  }

  #next(label, program, master) {
    if (same(program, this.program) && master === this.master) return false;
    const now = performance.now();
    if (
      !this.#undo.length ||
      this.#undo.at(-1).label !== label ||
      now - this.#changedAt > COALESCE_MS
    ) {
      this.#undo.push({ label, program: this.program, master: this.master });
      if (this.#undo.length > MOST_UNDO) this.#undo.shift();
    }
    this.#changedAt = now;
    this.#redo = [];
    this.#replace(label, program, master);
    return true;
  }

  #step(from, to) {
    const entry = from.pop();
    if (!entry) return;
    to.push({ label: entry.label, program: this.program, master: this.master });
    this.#changedAt = 0;
    this.#replace(entry.label, entry.program, entry.master);
  }

  #replace(label, program, master) {
    const before = this.program;
    Object.assign(this, { program, master });
    if (this.selection && this.selection !== "locator" && !this.tool(this.selection))
      this.selection = null;
    if (this.problems.code) {
      this.problems = still(this.problems, before, program);
      this.#tell("problems");
    }
    clearTimeout(this.#drafting);
    this.#drafting = setTimeout(() => this.#keepDraft(), DRAFT_MS);
    this.#tell("change", { label });
  }

  #keepDraft() {
    this.#drafting = null;
    if (this.dirty)
      draft.keep(this.#draftKey, {
        program: this.program,
        version: this.version,
        at: new Date().toISOString(),
      });
    else draft.forget(this.#draftKey);
  }

  #tell(kind, detail = {}) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

/** A stored picture as {url, width, height, base64: null, blob}. */
export async function storedPicture(path) {
  const { response } = await ask("GET", path);
  const blob = await response.blob();
  return { ...(await measured(blob)), base64: null, blob, type: blob.type };
}

/** {url, width, height} of a picture in a Blob. Throws if the browser cannot decode it. */
export async function measured(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  await image.decode();
  return { url: image.src, width: image.naturalWidth, height: image.naturalHeight };
}

/** A Blob of base64. */
export function blobOf(base64, type) {
  const text = atob(base64);
  const data = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) data[at] = text.charCodeAt(at);
  return new Blob([data], { type });
}

/** Base64 of a Blob. */
export async function base64Of(blob) {
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
  return url.slice(url.indexOf(",") + 1);
}

function resolving(schema) {
  const resolve = (node) => {
    const ref = typeof node === "string" ? node : node?.$ref;
    if (!ref) return node;
    const found = ref
      .split("/")
      .slice(1)
      .reduce((at, key) => at[key], schema);
    if (typeof node === "string") return found;
    const { $ref, ...beside } = node;
    return { ...found, ...beside };
  };
  return { ...schema, resolve };
}

function frozen(value) {
  if (value && typeof value === "object" && !Object.isFrozen(value))
    Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

/** @type {import("../dom.js").Teller & Editor} */
export const editor = new Editor();
