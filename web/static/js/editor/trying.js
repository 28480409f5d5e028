// Trying the program that is edited: on the master, the live picture, an uploaded one or pictures
// of the history, before it is saved.
//
// `trying` keeps what was found last. One request at a time: what is asked for meanwhile waits, and
// only the newest is asked. It
// tells "change" whenever something else is to be shown.
//
// One file: one request at a time, and what the newest one replaces.

import { ApiError, get } from "../api.js";
import { t } from "../words.js";
import { amid } from "./geometry.js";
import { judge } from "./judge.js";
import { kindOf } from "./kinds.js";
import { none, problemsIn } from "./problems.js";
import { blobOf, editor } from "./state.js";

const SOON_MS = 300;
const APART_MS = 550; // the API takes 120 a minute
const AT_ONCE = 5; // pictures of the history in one request

export const recount = (tool, verdicts) => {
  if (!kindOf(tool.kind).recount) return null;
  const found = tool.tools.map((name) => verdicts[name]?.verdict);
  return found.includes(undefined) || found.includes(null)
    ? null
    : found.filter((verdict) => verdict === "OK").length;
};

/** What of a tool decides about its value: all but its name and limits. */
const measuring = ({ name, low, high, ...others }) => JSON.stringify(others);

class Trying extends EventTarget {
  /**
   * Where pictures come from: {kind: "master" | "live"}, {kind: "image", base64, name}, {kind:
   * "result", id, name}.
   */
  source = { kind: "master" };
  /** The last answer: {result, program, source, url of the annotated picture}; null before. */
  last = null;
  /**
   * Pictures of the history, tried: [{row, result or null, problem or null}], and with which
   * program.
   */
  pictures = [];
  picturesProgram = null;
  /** Whether it is asked right now; how many of how many pictures. */
  running = false;
  progress = null;
  /** Whether changes are tried by themselves. */
  auto = true;
  /**
   * Why there is no answer: an ApiError; and what of the program was refused, as in problems.js.
   */
  error = null;
  problems = none();

  #wanted = null;
  #timer = null;
  #startedAt = 0;
  #stop = null;
  #stopPictures = null;

  /** Try a document soon; a later call replaces this one. */
  soon(program = editor.program) {
    if (!this.auto) return;
    this.#wanted = program;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), SOON_MS);
  }

  /** Try it at once. */
  now(program = editor.program) {
    this.#wanted = program;
    clearTimeout(this.#timer);
    return this.#run();
  }

  /** Choose where pictures come from, and try there. */
  from(source) {
    this.source = source;
    this.now();
  }

  /** Begin anew with another program. */
  clear() {
    clearTimeout(this.#timer);
    this.#stop?.abort();
    this.#drop(this.last?.url);
    this.#dropPictures();
    Object.assign(this, {
      last: null,
      pictures: [],
      picturesProgram: null,
      error: null,
      problems: none(),
      progress: null,
      source: { kind: "master" },
    });
    this.#wanted = null;
    this.#tell();
  }

  /** Nothing more is asked until the next call of soon() or now(). */
  pause() {
    clearTimeout(this.#timer);
    this.#wanted = null;
  }

  /**
   * The last values against the limits of a document: see judge.js; null before the first answer.
   */
  judged(program) {
    return this.last && judge(this.last.result, program, recount);
  }

  /**
   * What was found of a tool last: the tool of the result, or undefined; `stale` if its settings
   * have changed since.
   */
  found(tool) {
    const result = this.last?.result.tools?.find(
      ({ name, kind }) => name === tool.name && kind === tool.kind,
    );
    const tried = this.last?.program.tools.find(({ name }) => name === tool.name);
    return result && { ...result, stale: !tried || measuring(tried) !== measuring(tool) };
  }

  async #run() {
    if (this.running || !this.#wanted) return;
    const program = this.#wanted?.tools.length ? this.#wanted : onlyLocator(this.#wanted);
    if (!program) {
      Object.assign(this, { error: null, problems: none() });
      this.#wanted = null;
      return this.#tell();
    }
    const wait = this.#startedAt + APART_MS - performance.now();
    if (wait > 0) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#run(), wait);
      return;
    }
    this.#wanted = null;
    this.#startedAt = performance.now();
    this.running = true;
    this.#tell();
    const source = this.source;
    this.#stop = new AbortController();
    try {
      const [result] = await editor.try({
        ...this.#picture(source),
        program: { ...program },
        signal: this.#stop.signal,
      });
      if (result.problem) throw new ApiError(result.problem, t("The picture is not kept any more"));
      this.#drop(this.last?.url);
      const url = result.annotated
        ? URL.createObjectURL(blobOf(result.annotated, "image/jpeg"))
        : null;
      delete result.annotated;
      Object.assign(this, {
        last: { result, program, source, url },
        error: null,
        problems: none(),
      });
    } catch (error) {
      if (error.name !== "AbortError") {
        this.error = error;
        this.problems = error.code?.startsWith("PROGRAM_") ? problemsIn(error, program) : none();
        if (error.status === 429) this.#later(program, error);
      }
    }
    this.running = false;
    this.#tell();
    if (this.#wanted) this.#run();
  }

  #later(program, error) {
    this.#wanted ??= program;
    this.#startedAt = performance.now() + 1000 * (Number(error.details?.retry_after_s) || 5);
  }

  /**
   * The picture of a good part, as editor.try() takes it: the chosen one if it stays, else the
   * master. Throws ApiError.
   */
  good() {
    return this.#picture(this.source.kind === "live" ? { kind: "master" } : this.source);
  }

  #picture(source) {
    if (source.kind === "image") return { image: source.base64 };
    if (source.kind === "result") return { results: [source.id] };
    if (source.kind === "live") return {};
    if (!editor.master)
      throw new ApiError("MASTER_IMAGE_NOT_FOUND", t("There is no master image yet"));
    return { onMaster: true };
  }

  /**
   * Try the last `most` pictures of the history of the station; `verdict`: only those of it;
   * `station` null: of all. Throws ApiError.
   */
  async tryPictures({ most, verdict, mine, station = editor.station }) {
    this.#stop?.abort();
    const stop = (this.#stopPictures = new AbortController());
    const program = editor.program;
    this.progress = { done: 0, of: most };
    this.#tell();
    try {
      const rows = await withPictures(
        { most, verdict, station, program: mine ? editor.id : null },
        stop.signal,
      );
      this.#dropPictures();
      Object.assign(this, { picturesProgram: program, progress: { done: 0, of: rows.length } });
      for (let at = 0; at < rows.length && !stop.signal.aborted; at += AT_ONCE) {
        const some = rows.slice(at, at + AT_ONCE);
        const tried = await editor.try({
          results: some.map((row) => row.result_id),
          program: { ...program },
          signal: stop.signal,
        });
        const entries = tried.map((result, n) => {
          const url = result.annotated
            ? URL.createObjectURL(blobOf(result.annotated, "image/jpeg"))
            : null;
          delete result.annotated;
          return {
            row: some[n],
            url,
            result: result.problem ? null : result,
            problem: result.problem ?? null,
          };
        });
        this.pictures = [...this.pictures, ...entries];
        this.progress = { done: this.pictures.length, of: rows.length };
        this.#tell();
      }
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    } finally {
      this.progress = null;
      this.#tell();
    }
  }

  stopPictures() {
    this.#stopPictures?.abort();
  }

  /** Show one of the tried pictures as the last one, and go on trying with it. */
  take(entry) {
    const name = entry.row.part_id ?? entry.row.result_id.slice(-8);
    this.source = { kind: "result", id: entry.row.result_id, name };
    if (entry.result) {
      this.#drop(this.last?.url);
      this.last = {
        result: entry.result,
        program: this.picturesProgram,
        source: this.source,
        url: entry.url,
      };
      this.error = null;
    }
    this.#tell();
    if (this.picturesProgram !== editor.program) this.soon();
  }

  /** Values of a tool on the tried pictures: [{value, verdict as it was stored}]. */
  valuesOf(tool) {
    const tried = this.picturesProgram?.tools.find(({ name }) => name === tool.name);
    if (!tried || measuring(tried) !== measuring(tool)) return [];
    return this.pictures.flatMap(({ row, result }) => {
      const value = result?.tools?.find(({ name }) => name === tool.name)?.value;
      return Number.isFinite(value) ? [{ value, verdict: row.verdict }] : [];
    });
  }

  // Annotated pictures are freed once nothing shows them any more.
  #drop(url) {
    if (url && !this.pictures.some((entry) => entry.url === url)) URL.revokeObjectURL(url);
  }

  #dropPictures() {
    for (const { url } of this.pictures)
      if (url && url !== this.last?.url) URL.revokeObjectURL(url);
    this.pictures = [];
  }

  #tell() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}

// A program without tools cannot be run; to see where its locator finds the part it is given one
// that is always good.
function onlyLocator(program) {
  if (!program.locator || !editor.master) return null;
  const region = amid("rectangle", editor.master, 0.1);
  return {
    ...program,
    tools: [
      {
        kind: "brightness",
        name: "picture",
        low: 0,
        high: null,
        region,
        ignore: [],
        relative_to: "none",
      },
    ],
    judgement: "all",
    outputs: {},
  };
}

// The newest results of the station whose pictures are kept.
async function withPictures({ most, verdict, station, program }, signal) {
  const rows = [];
  let cursor = null;
  for (let page = 0; page < 10 && rows.length < most; page++) {
    const found = await get(
      "/results",
      { station, verdict, program, limit: 100, cursor },
      { signal },
    );
    rows.push(...found.results.filter((row) => row.pictures && row.images?.raw));
    cursor = found.cursor;
    if (!cursor) break;
  }
  return rows.slice(0, most);
}

export const trying = new Trying();
