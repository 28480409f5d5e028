// Asking the API: one envelope, one kind of error, and a session that is renewed by one tab for
// all.

import { spoken, translated } from "./told.js";
import { page, t } from "./words.js";

const BASE = "/api/v1";
const DOORS = ["sign_in", "setup", "screen"]; // where nobody is signed in yet
const RENEW = ["SIGN_IN_REQUIRED", "TOKEN_EXPIRED", "TOKEN_INVALID", "TOKEN_REUSED"];

/** What the API refused, or that it could not be reached (code OFFLINE). */
export class ApiError extends Error {
  /**
   * @param {string} code of the catalogue
   * @param {string} message
   * @param {number} status of HTTP; 0 without an answer
   * @param {Record<string, any>} details as the problem has them: `advice`, `changes`, ...
   */
  constructor(code, message, status = 0, details = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.details = details;
    /** What failed says more of itself: health with 503. */
    this.data = undefined;
    /** It came from the web, in English: a page says it in its own language. */
    this.came = false;
  }

  /** The problem for people: what is wrong and what to do. */
  get text() {
    const advice = this.details.advice ? ` – ${t(this.details.advice)}.` : "";
    return `${translated(this.message)}${advice}`;
  }

  /** The same as nodes: what stays English is marked. */
  get shown() {
    const { advice } = this.details;
    const said = this.came ? spoken(this.message) : [this.message];
    return [...said, advice ? [" – ", ...spoken(advice), "."] : []].flat();
  }
}

/**
 * How to ask: `body` is sent as JSON, `raw` as it is.
 * @typedef {{query?: Record<string, unknown>, body?: unknown, raw?: BodyInit, type?: string,
 *   headers?: Record<string, string>, signal?: AbortSignal, limit_ms?: number,
 *   keepalive?: boolean}} Asking
 * @typedef {{data: any, message?: string, etag: string | null, response: Response}} Answer
 */

/**
 * Ask. Throws ApiError.
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {Asking} options
 * @param {boolean} again whether a session that has ended is renewed first
 * @returns {Promise<Answer>}
 */
export async function ask(method, path, options = {}, again = true) {
  const { query, body, raw, type, headers = {}, signal, limit_ms = 30000, keepalive } = options;
  const url = new URL(BASE + path, location.origin);
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== null && value !== undefined && value !== "")
      url.searchParams.set(key, String(value));
  const given = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const kind = type ?? (body === undefined ? undefined : "application/json");
  let response;
  try {
    const limit = AbortSignal.timeout(limit_ms);
    response = await fetch(url, {
      method,
      body: given,
      headers: { ...(kind && { "Content-Type": kind }), ...headers },
      credentials: "same-origin",
      keepalive,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("OFFLINE", t("The web server cannot be reached"));
  }
  const json = (response.headers.get("Content-Type") ?? "").startsWith("application/json");
  const answer = json && response.status !== 204 ? await response.json() : null;
  if (response.ok)
    return {
      data: answer?.data,
      message: answer?.message,
      etag: response.headers.get("ETag"),
      response,
    };
  const error = new ApiError(
    answer?.error ?? "INTERNAL",
    answer?.message ?? response.statusText,
    response.status,
    answer?.details ?? {},
  );
  error.data = answer?.data;
  error.came = true;
  if (RENEW.includes(error.code) && !DOORS.includes(page.page)) {
    if (again && (await renew())) return ask(method, path, options, false);
    leave(error.code === "SIGN_IN_REQUIRED" ? null : "ended");
  }
  throw error;
}

/** @type {(path: string, query?: Record<string, unknown>, options?: Asking) => Promise<any>} */
export const get = async (path, query, options) =>
  (await ask("GET", path, { query, ...options })).data;
/** @type {(path: string, body?: unknown, options?: Asking) => Promise<any>} */
export const post = async (path, body = {}, options) =>
  (await ask("POST", path, { body, ...options })).data;
/** @type {(path: string, body: unknown, options?: Asking) => Promise<any>} */
export const put = async (path, body, options) =>
  (await ask("PUT", path, { body, ...options })).data;
/** @type {(path: string, options?: Asking) => Promise<any>} */
export const del = async (path, options) => (await ask("DELETE", path, options)).data;

/** Renew the session; one tab does it, the others wait and find it done. False if it has ended. */
export async function renew() {
  const asked = Date.now();
  const job = async () => {
    if (Number(localStorage.getItem("renewed_at")) > asked) return true; // another tab was faster
    const response = await fetch(`${BASE}/auth/refresh`, {
      method: "POST",
      body: "{}",
      headers: { "Content-Type": "application/json" },
      credentials: "same-origin",
    });
    if (response.ok) localStorage.setItem("renewed_at", String(Date.now()));
    return response.ok;
  };
  try {
    return navigator.locks ? await navigator.locks.request("renew", job) : await job();
  } catch {
    return false;
  }
}

let signingOut = false;

/**
 * Sign out: whatever is refused from now on sends nobody back to this page, for the next one here
 * may be somebody else.
 */
export async function signOut() {
  signingOut = true;
  try {
    await post("/auth/logout");
  } catch (error) {
    signingOut = false;
    throw error;
  }
}

/**
 * To the sign-in page, and back here afterwards; `why` is "ended" where somebody or something has
 * ended the session. A screen says that it is one: nobody is there to sign in.
 */
export function leave(why = null) {
  if (signingOut) return;
  if (page.person?.role === "SCREEN") why = "screen";
  location.assign(
    `/app/sign-in?next=${encodeURIComponent(location.pathname + location.search + location.hash)}${why ? `&why=${why}` : ""}`,
  );
}

/** Whether who is signed in has this role or a higher one. */
export function may(role) {
  const ranks = { VIEWER: 1, OPERATOR: 2, ADMIN: 3 };
  return (ranks[page.person?.role] ?? 0) >= ranks[role];
}
