// What happens on the line, as it happens: one event stream for all tabs, and polling where there
// is none.
//
// One tab (whoever holds the lock) reads /api/v1/events and passes everything on to the others,
// also that it cannot read. When it
// closes, the next takes over where it was: the id of the last event is known to all. A tab that
// leads but says nothing for
// long (frozen, hung) is deposed. A browser allows only six connections to a site, and the web only
// so many streams; while
// there is none (too many, a proxy in between, the web starting anew), what is known is asked for
// every two seconds, from
// the last event on, so no result is missing. `live.heardAt` and `live.mode` tell how old what is
// shown is.

import { ApiError, get } from "./api.js";

const LOCK = "inspection-live";
const POLL_MS = 2000;
const LOOK_MS = 2500;
const SILENT_MS = 25000; // the web says something every 10 s
const KINDS = ["hello", "result", "state", "alarm", "event", "link", "gap", "notice", "end"];

/**
 * What a page reads of a result, a station and an alarm, as MQTT has them.
 * @typedef {{name: string, kind: string, verdict: Verdict, value: number | null, unit: string,
 *   low: number | null, high: number | null, text?: string | null,
 *   error: {code: string, message: string} | null}} ToolResult
 * @typedef {"OK" | "NG" | "ERROR"} Verdict
 * @typedef {{result_id: string, station: string, seq: number, verdict: Verdict,
 *   part_id: string | null, captured_at: string | null, finished_at: string, duration_ms: number,
 *   tools: ToolResult[], error: {code: string, message: string} | null,
 *   images?: {raw: string | null, annotated: string | null}}} Result
 * @typedef {{state: string, maintenance?: boolean, camera?: string, outputs?: string,
 *   queue?: number, program?: string | null, program_version?: number | null,
 *   error?: {code: string, message: string} | null}} Station
 * @typedef {{code?: string, message?: string, since?: string, station?: string | null}} Alarm
 */

/**
 * Events: "hello", "result", "state", "alarm", "event", "link", "gap", "notice", and "mode" when
 * `mode` changes; `event.detail` is the data.
 */
class Live extends EventTarget {
  /** @type {{broker: string, node: string, message: string | null, settings?: string}} */
  link = { broker: "unknown", node: "unknown", message: null };
  /**
   * Payload of the node's `state`, null while it is away.
   * @type {{state: string, since: string, stations: Record<string, Station>, version?: string,
   *   protocol?: string, session?: string, commands?: string} | null}
   */
  state = null;
  /** Code to alarm. @type {Record<string, Alarm>} */
  alarms = {};
  /** Station to its newest result. @type {Record<string, Result>} */
  latest = {};
  /** @type {"connecting" | "stream" | "polling" | "offline"} */
  mode = "connecting";
  heardAt = 0; // ms of Date.now()
  ahead = 0; // ms that the web's clock is ahead of ours
  #started = false;
  #channel = null;
  #leader = false;
  #standing = null;
  #passedAt = 0; // when the leader said anything, also that it hears nothing
  #source = null;
  #opening = 0;
  #polling = 0;
  #lastId = "";
  #told = {}; // station to {seq, at} of the result told last

  /** Begin; more than once does nothing. */
  start() {
    if (this.#started) return this;
    this.#started = true;
    this.#passedAt = Date.now();
    if ("BroadcastChannel" in window && navigator.locks) {
      this.#channel = new BroadcastChannel(LOCK);
      this.#channel.addEventListener("message", ({ data }) => this.#passed(data));
      this.#stand();
      this.#channel.postMessage({ ask: true });
    } else this.#lead();
    setInterval(() => this.#look(), LOOK_MS);
    // what it showed is of another time
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    return this;
  }

  /** Milliseconds since anything was heard. */
  get age() {
    return this.heardAt ? Date.now() - this.heardAt : Infinity;
  }

  /** Seconds since a UTC time, by the clock of the web. */
  since(utc) {
    return Math.max(0, (Date.now() + this.ahead - Date.parse(utc)) / 1000);
  }

  // Who leads

  // The lock is kept until this tab closes or another one steals it.
  #stand(steal = false) {
    this.#standing?.abort();
    const standing = (this.#standing = new AbortController());
    navigator.locks
      .request(LOCK, steal ? { steal } : { signal: standing.signal }, () => this.#lead())
      .catch(() => {
        if (standing !== this.#standing) return;
        this.#follow(); // another tab has taken over
        this.#stand();
      });
  }

  #lead() {
    this.#leader = true;
    this.#open();
    return new Promise(() => {});
  }

  #follow() {
    this.#leader = false;
    this.#source?.close();
    this.#stopPolling();
    clearTimeout(this.#opening);
    this.#passedAt = Date.now();
  }

  #look() {
    const now = Date.now();
    if (this.#leader) {
      // the connection is there, but nothing comes over it
      if (this.mode === "stream" && now - this.heardAt > SILENT_MS) this.#again();
    } else if (!document.hidden && now - this.#passedAt > SILENT_MS) {
      this.#passedAt = now;
      this.#stand(true);
    }
  }

  // Hearing

  #open() {
    clearTimeout(this.#opening);
    this.#source?.close();
    const source = (this.#source = new EventSource(
      `/api/v1/events${this.#lastId ? `?after=${encodeURIComponent(this.#lastId)}` : ""}`,
    ));
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        if (source === this.#source)
          this.#say({
            kind,
            data: JSON.parse(event.data),
            id: event.lastEventId || this.#lastId,
            mode: "stream",
          });
      });
    }
    source.addEventListener("error", () => {
      if (source !== this.#source) return;
      if (source.readyState === EventSource.CLOSED) this.#again();
      else this.#poll(); // it tries again by itself
    });
  }

  // The stream was refused or has ended: perhaps the session is over (then asking anything renews
  // it or leaves), perhaps there are too many.
  #again() {
    this.#source.close();
    this.#poll();
    clearTimeout(this.#opening);
    this.#opening = setTimeout(() => this.#open(), 5000 + 3000 * Math.random());
  }

  #passed(said) {
    if (said.ask) {
      if (this.#leader && this.heardAt)
        this.#channel.postMessage({
          kind: "hello",
          data: this.#snapshot(),
          id: this.#lastId,
          mode: this.mode,
          ahead: this.ahead,
        });
    } else if (!this.#leader) {
      this.#passedAt = Date.now();
      this.#hear(said);
    }
  }

  #snapshot() {
    return { link: this.link, state: this.state, alarms: this.alarms, latest: this.latest };
  }

  /** Heard by the one that leads: for all tabs. */
  #say(said) {
    const at =
      said.kind === "link" ? said.data.at : said.kind === "hello" ? said.data.link.at : null;
    if (at) said.ahead = Date.parse(at) - Date.now();
    this.#channel?.postMessage(said);
    this.#hear(said);
    if (said.mode === "stream") this.#stopPolling();
    if (said.kind === "end") this.#again();
  }

  #hear({ kind, data, id, mode, ahead }) {
    if (ahead !== undefined) this.ahead = ahead;
    if (mode !== "offline") this.heardAt = Date.now();
    if (id) this.#lastId = id;
    this.#setMode(mode);
    if (kind && kind !== "end") this.#apply(kind, data);
  }

  #apply(kind, data) {
    if (kind === "hello")
      Object.assign(this, {
        link: data.link,
        state: data.state,
        alarms: data.alarms ?? {},
        latest: this.#newer(data.latest ?? {}),
      });
    else if (kind === "link") {
      this.link = data;
      if (data.broker !== "ok") this.state = null;
    } else if (kind === "state") this.state = data;
    else if (kind === "result") {
      if (!this.#isNew(data)) return;
      this.latest = this.#newer({ [data.station]: data });
    } else if (kind === "alarm") {
      const { [data.code]: _, ...others } = this.alarms;
      this.alarms = data.alarm ? { ...others, [data.code]: data.alarm } : others;
    }
    this.dispatchEvent(new CustomEvent(kind, { detail: data }));
  }

  // The stream tells what was missed after its hello, which knows the newest already; and polling
  // may have told it before.
  #isNew({ station, seq, finished_at: at }) {
    const told = this.#told[station];
    // a lower seq that is newer: the ledger began anew
    if (told && seq <= told.seq && at <= told.at) return false;
    this.#told[station] = { seq, at };
    return true;
  }

  #newer(given) {
    const found = { ...this.latest };
    for (const [station, result] of Object.entries(given)) {
      const known = found[station];
      if (!known || result.seq > known.seq || result.finished_at > known.finished_at)
        found[station] = result;
    }
    return found;
  }

  #setMode(mode) {
    if (mode === this.mode) return;
    this.mode = mode;
    this.dispatchEvent(new CustomEvent("mode", { detail: mode }));
  }

  // Polling

  #poll() {
    if (!this.#polling) this.#ask((this.#polling = Math.random()));
  }

  #stopPolling() {
    this.#polling = 0;
  }

  async #ask(turn) {
    let wait_ms = POLL_MS;
    try {
      const { results, id, ...known } = await get("/events/now", { after: this.#lastId });
      if (turn !== this.#polling) return;
      this.#say({ kind: "hello", data: known, id: this.#lastId || id, mode: "polling" });
      for (const result of results)
        this.#say({ kind: "result", data: result, id: "", mode: "polling" });
      this.#say({ id, mode: "polling" });
    } catch (error) {
      if (turn !== this.#polling) return;
      if (!(error instanceof ApiError)) throw error;
      wait_ms = Math.max(POLL_MS, 1000 * (error.details?.retry_after_s ?? 0));
      this.#say({ mode: "offline" });
    }
    setTimeout(() => turn === this.#polling && this.#ask(turn), wait_ms);
  }
}

/** @type {import("./dom.js").Teller & Live} */
export const live = new Live();
