// Ranges of time: quick ones that end now, and ones of one's own; in an address `range=8h`, or
// `since` and `until` in UTC.

import { t, time } from "../words.js";

const HOUR_S = 3600;
export const QUICK = {
  "1h": HOUR_S,
  "8h": 8 * HOUR_S,
  "24h": 24 * HOUR_S,
  "7d": 7 * 24 * HOUR_S,
  "30d": 30 * 24 * HOUR_S,
};

/**
 * Choices of a <select>: value to text; `all` is the value of all, "own" opens the fields from and
 * to.
 */
export function choices(all = "") {
  return [
    [all, t("All")],
    ["1h", t("Last hour")],
    ["8h", t("Last 8 hours")],
    ["today", t("Today")],
    ["24h", t("Last 24 hours")],
    ["7d", t("Last 7 days")],
    ["30d", t("Last 30 days")],
    ["own", t("From … to …")],
  ];
}

/**
 * What a range is now: {since, until} for the API, nothing for all. `until` stays open for quick
 * ones, so that new results count.
 */
export function bounds(range, since, until) {
  if (range === "own" || (!range && (since || until)))
    return { since: since || null, until: until || null };
  if (range === "today") return { since: new Date(new Date().setHours(0, 0, 0, 0)).toISOString() };
  if (QUICK[range]) return { since: new Date(Date.now() - QUICK[range] * 1000).toISOString() };
  return {};
}

/** A range in words. */
export function named(range, since, until) {
  const quick = range && range !== "own" ? choices("all").find(([value]) => value === range) : null;
  if (quick) return quick[1];
  if (since && until) return t("{since} to {until}", { since: time(since), until: time(until) });
  if (since) return t("from {since}", { since: time(since) });
  if (until) return t("until {until}", { until: time(until) });
  return t("All");
}

/** A UTC time as the value of <input type="datetime-local" step="1">, and back. */
export function toLocal(utc) {
  if (!utc || Number.isNaN(Date.parse(utc))) return "";
  const at = new Date(utc);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

export function fromLocal(value) {
  return value ? new Date(value).toISOString() : "";
}
