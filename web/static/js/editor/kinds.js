// What people should know of each kind of tool before they choose it, and which limits to begin
// with: the table is written from the
// kinds' own facts (table.js). The fields of a kind come from its schema, not from here.

import { t } from "../words.js";
import { KINDS, LOCATORS } from "./table.js";

export { KINDS, LOCATORS };

export const GROUPS = {
  compare: t("Compare with the master"),
  count: t("Presence and amount"),
  measure: t("Measure"),
  read: t("Read"),
  learn: t("Learn from examples"),
  logic: t("Combine"),
};

const around =
  (share, least = 0) =>
  (value) => ({
    low: value - Math.max(Math.abs(value) * share, least),
    high: value + Math.max(Math.abs(value) * share, least),
  });
const within = (far) => (value) => ({ low: value - far, high: value + far });
const atLeast = (share) => (value) => ({ low: value * share, high: null });
const atMost = (times, least) => (value) => ({ low: null, high: Math.max(value * times, least) });
const exactly = (value) => ({ low: value, high: value });

// By the unit of the value, where the kind says nothing.
const BY_UNIT = {
  ratio: around(0.2, 0.01),
  score: atLeast(0.8),
  gray: within(25),
  count: exactly,
  px: around(0.1, 2),
  mm: around(0.05, 0.02),
  deg: within(2),
  grade: (value) => ({ low: Math.max(1, value - 1), high: null }),
  dE2000: atMost(2, 5),
  "L*": within(6),
  "a*": within(5),
  "b*": within(5),
};

// The ways of `room` in a kind's facts.
const WAYS = { around, within, at_most: atMost };

// The rule of a tool's kind for its first limits; none where its unit says enough.
function roomRule(tool) {
  const room = (kindOf(tool.kind).room ?? []).find(({ when }) =>
    Object.entries(when).every(([key, value]) => tool[key] === value),
  );
  if (room?.way === "all") return () => ({ low: tool.tools.length, high: null });
  return room && WAYS[room.way](room.far, room.least);
}

/** Whether limits that a tool begins with take whatever it may measure: nobody has set them yet. */
export const takesAll = ({ low, high }) =>
  (low === null || low <= 0) && (high === null || high >= 90);

/** Tools of others bring their facts in the schema of programs. */
export function adopt(schema) {
  for (const { properties, "x-facts": facts } of Object.values(schema.$defs ?? {})) {
    if (facts) KINDS[properties.kind.const] = facts;
  }
}

/**
 * What is known of a kind; something plain for one that the table lacks.
 * @param {string} kind
 * @param {Record<string, any>} table
 */
export function kindOf(kind, table = KINDS) {
  return (
    table[kind] ?? {
      group: "logic",
      title: kind.replaceAll("_", " "),
      text: "",
      icon: "M4 4h16v16H4z",
      start: { low: 0 },
    }
  );
}

/**
 * Limits for the first value that was measured on a good part, rounded; sides that this kind of
 * value does not need are null.
 */
export function firstLimits(tool, value, unit) {
  const rule = roomRule(tool) ?? BY_UNIT[unit] ?? around(0.1, 0.001);
  const wanted = rule(value);
  const signed = value < 0 || kindOf(tool.kind).signed || ["a*", "b*", "deg"].includes(unit);
  const low = wanted.low === null || signed ? wanted.low : Math.max(0, wanted.low);
  const { high } = wanted;
  const far = Math.max((high ?? value) - (low ?? value), 0);
  return { low: rounded(low, far), high: rounded(high, far) };
}

/** The least distance that limits should have from values like this one. */
export function roomOf(tool, value, unit) {
  const { low, high } = firstLimits(tool, value, unit);
  return (
    Math.max(0, ...(low === null ? [] : [value - low]), ...(high === null ? [] : [high - value])) /
    2
  );
}

/**
 * Rounded to two or three figures of what matters: `size` is how large the values are, or how far
 * apart.
 */
export function rounded(value, size) {
  if (value === null || !Number.isFinite(value)) return null;
  const digits = Math.min(
    6,
    Math.max(0, 1 - Math.floor(Math.log10(Math.max(Math.abs(size), Math.abs(value) / 100, 1e-6)))),
  );
  return Number(value.toFixed(digits));
}
