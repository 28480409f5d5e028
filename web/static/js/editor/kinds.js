// What people should know of each kind of tool before they choose it, and which limits to begin with. The fields of a kind come from
// its schema, not from here; a kind that this table lacks works all the same (tests/web/test_editor_kinds.py finds it).
//
// group, title, text, icon: for the picker. main: fields with a default that are worth seeing at once. uses: kinds of the other tools
// it works with, `least` of them ("any" is every kind). start: what it begins with besides the defaults of its schema. room: how far
// its limits lie from the first value: see `firstLimits`. keeps: its first limits are good as they are. signed: its value may be negative.
// recount: its value is how many of `tools` are OK. samples: its range of colour can be taken from the region.
// taught: it has no value before it was taught from pictures.

import { t } from "../words.js";

export const GROUPS = { compare: t("Compare with the master"), count: t("Presence and amount"), measure: t("Measure"), read: t("Read"), learn: t("Learn from examples"), logic: t("Combine") };

const around = (share, least = 0) => (value) => ({ low: value - Math.max(Math.abs(value) * share, least), high: value + Math.max(Math.abs(value) * share, least) });
const within = (far) => (value) => ({ low: value - far, high: value + far });
const atLeast = (share) => (value) => ({ low: value * share, high: null });
const atMost = (times, least) => (value) => ({ low: null, high: Math.max(value * times, least) });
const exactly = (value) => ({ low: value, high: value });

// By the unit of the value, where the kind says nothing.
const BY_UNIT = { ratio: around(0.2, 0.01), score: atLeast(0.8), gray: within(25), count: exactly, px: around(0.1, 2), mm: around(0.05, 0.02), deg: within(2), grade: (value) => ({ low: Math.max(1, value - 1), high: null }), dE2000: atMost(2, 5), "L*": within(6), "a*": within(5), "b*": within(5) };

export const KINDS = {
  outline: { group: "compare", title: t("Outline"), text: t("Does the shape agree with the master's contour?"), icon: "M4 18V8l5-4h6l5 4v10l-4 2H8zM8 12h8", start: { low: 0.7 } },
  difference: { keeps: true, group: "compare", title: t("Difference"), text: t("Finds scratches, stains and missing parts: anything that is not as in the master."), icon: "M4 4h7v16H4zM13 4h7v16h-7zM15.5 9l2.5 2.5M18 9l-2.5 2.5", main: ["value", "contrast_low", "area_low_px"] },
  pattern: { group: "compare", title: t("Pattern"), text: t("Is a piece of the master here, and how often?"), icon: "M3 3h18v18H3zM8 8h5v5H8zM15 15h3v3h-3z", start: { low: 0.7 }, main: ["value"] },
  brightness: { group: "compare", title: t("Brightness"), text: t("How bright is it: a lamp that is on, a part that is there?"), icon: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2", start: { low: 0, high: 255 }, main: ["relative_to"] },
  contrast: { group: "compare", title: t("Contrast"), text: t("How much do the gray levels vary: print, texture, a surface that should be even?"), icon: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 7h7M12 12h9M12 17h7", start: { low: 0 }, main: ["relative_to", "method"] },
  colour: { group: "compare", title: t("Colour"), text: t("Is the colour as in the master, or as given?"), icon: "M12 3s7 7 7 11.5a7 7 0 0 1-14 0C5 10 12 3 12 3zM9 15a3 3 0 0 0 3 3", start: { high: 5 }, main: ["value", "reference"] },
  compare: { signed: true, group: "compare", title: t("Two regions"), text: t("Compares two places of the same part: which is brighter, are they alike?"), icon: "M3 6h7v7H3zM14 11h7v7h-7zM10 4h4M14 4l-2-2M14 4l-2 2M14 20h-4M10 20l2-2M10 20l2 2", start: { low: 0 }, main: ["figure", "operation"] },
  area: { group: "count", title: t("Area"), text: t("How much is light, or dark: is the label there, is it complete?"), icon: "M4 4h16v16H4zM4 14l5-5 4 4 3-3 4 4v6H4z", start: { low: 0.8, high: 1.2 }, main: ["polarity", "threshold"] },
  colour_area: { group: "count", title: t("Colour area"), text: t("How much has a certain colour: a cap, a wire, a drop of glue?"), icon: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 4v8l7 4M12 12l-7 4", start: { low: 0.8, high: 1.2, hue_low_deg: 0, hue_high_deg: 360 }, samples: true },
  edge_pixels: { group: "count", title: t("Edge pixels"), text: t("How much structure is here: print, engraving, a thread?"), icon: "M3 17h3v-4h4V9h4V5h7M7 21h3v-4h4v-4h4V9h3", start: { low: 0.8, high: 1.2 } },
  blobs: { group: "count", title: t("Blobs"), text: t("Counts spots, holes or pieces of a certain size and shape."), icon: "M7 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM16 4a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM15 12a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM6 15a2 2 0 1 0 0 4 2 2 0 0 0 0-4z", start: { low: 1 }, main: ["value", "threshold", "area_low_px", "area_high_px"] },
  width: { group: "measure", title: t("Width"), text: t("How wide is it, between two edges?"), icon: "M5 4v16M19 4v16M5 12h14M8 9l-3 3 3 3M16 9l3 3-3 3", start: { low: 0 }, main: ["scan", "measure", "unit"] },
  edge: { group: "measure", title: t("Edge"), text: t("Where is an edge, or how many are there?"), icon: "M14 3v18M3 12h11M10 8l4 4-4 4M18 6v12", start: { low: 0 }, main: ["value", "scan", "polarity", "unit"], room: (tool) => (tool.value === "position" && tool.unit === "px" ? within(5) : null) },
  pitch: { group: "measure", title: t("Pitch"), text: t("Distances of teeth, pins, threads or lines."), icon: "M3 18V8h3v6h3V8h3v6h3V8h3v6h3M4.5 4h6M4.5 4l1.5-1.5M4.5 4L6 5.5M10.5 4L9 2.5M10.5 4L9 5.5", start: { low: 0 }, main: ["value", "scan", "polarity", "unit"] },
  circle: { group: "measure", title: t("Circle"), text: t("Diameter, roundness or place of a hole or disc."), icon: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM4 12h16M7 9l-3 3 3 3M17 9l3 3-3 3", start: { high: 65535 }, main: ["value", "polarity", "unit"], room: (tool) => ({ roundness: atMost(2, 1), centre_distance: atMost(2, 3) })[tool.value] ?? null },
  line: { group: "measure", title: t("Straight line"), text: t("Angle or straightness of an edge."), icon: "M3 19L19 5M3 21h18M10 21a9 9 0 0 0-2.2-6", start: { low: -90, high: 90 }, main: ["value", "scan", "polarity", "unit"], room: (tool) => (tool.value === "straightness" ? atMost(2, 1) : null) },
  angle: { group: "measure", title: t("Angle"), text: t("Angle between two lines that were found."), icon: "M4 20L18 5M4 20h17M12 20a8 8 0 0 0-2.6-5.8", start: { low: 0, high: 180 }, main: ["value"], uses: { kinds: ["line"], least: 2 } },
  distance: { group: "measure", title: t("Distance"), text: t("Distance between two edges, lines or circles that were found."), icon: "M6 8a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM18 10a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM9 11.5l6 1", start: { low: 0 }, main: ["circles", "unit"], uses: { kinds: ["edge", "width", "line", "circle"], least: 2 } },
  code: { keeps: true, group: "read", title: t("Code"), text: t("Reads bar codes, QR, Data Matrix and others, and checks what they say."), icon: "M3 5v14M7 5v14M10 5v14M15 5v14M18 5v14M21 5v14", start: { low: 1 }, main: ["formats", "expected", "pattern", "match"] },
  text: { keeps: true, group: "read", title: t("Text"), text: t("Reads printed text, such as a date or a lot number."), icon: "M4 7V4h16v3M12 4v16M9 20h6", start: { low: 0.5 }, main: ["lines", "expected", "pattern", "match"] },
  learned: { keeps: true, taught: true, group: "learn", title: t("Learned"), text: t("Tells what is unlike the good parts it was taught; no defects are needed."), icon: "M12 4L2 9l10 5 10-5zM6 11v5c3 3 9 3 12 0v-5M22 9v6" },
  classify: { keeps: true, taught: true, group: "learn", title: t("Classify"), text: t("Which of several taught classes is it: variant, colour, orientation?"), icon: "M4 4h6v6H4zM17 4l4 6h-8zM7 14a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM14 14h6v6h-6z", start: { expected: "good" }, main: ["margin"] },
  count: { group: "logic", title: t("Count of tools"), text: t("How many of several tools are OK, such as three screws of four?"), icon: "M4 6l2 2 3-4M4 13l2 2 3-4M4 20l2 2 3-4M13 6h7M13 13h7M13 20h7", start: { low: 1 }, uses: { kinds: "any", least: 1 }, recount: true, room: (tool) => () => ({ low: tool.tools.length, high: null }) },
  expression: { signed: true, group: "logic", title: t("Calculation"), text: t("Calculates from the values of other tools."), icon: "M5 4h14v16H5zM8 8h8M8 12h2M12 12h2M8 16h2M12 16h4", start: { low: 0 }, main: ["unit"], uses: { kinds: "any", least: 1 }, room: () => around(0.1, 0.001) },
};

/** The same for ways to find the part. */
export const LOCATORS = {
  pattern: { title: t("Pattern"), text: t("A piece of the part with structure is looked for. The first choice."), icon: "M3 3h18v18H3zM8 8h6v6H8z" },
  marks: { title: t("Two marks"), text: t("Two marks far apart, such as holes: the most exact angle."), icon: "M6 4v6M3 7h6M18 14v6M15 17h6M8 9l8 6" },
  corner: { title: t("Corner"), text: t("Two straight edges, for parts without structure."), icon: "M5 20V5h15M5 9a4 4 0 0 0 4-4" },
};

/** Whether limits that a tool begins with take whatever it may measure: nobody has set them yet. */
export const takesAll = ({ low, high }) => (low === null || low <= 0) && (high === null || high >= 90);

/** What is known of a kind; something plain for one that the table lacks. */
export function kindOf(kind, table = KINDS) {
  return table[kind] ?? { group: "logic", title: kind.replaceAll("_", " "), text: "", icon: "M4 4h16v16H4z", start: { low: 0 } };
}

/** Limits for the first value that was measured on a good part, rounded; sides that this kind of value does not need are null. */
export function firstLimits(tool, value, unit) {
  const rule = kindOf(tool.kind).room?.(tool) ?? BY_UNIT[unit] ?? around(0.1, 0.001);
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
  return Math.max(0, ...(low === null ? [] : [value - low]), ...(high === null ? [] : [high - value])) / 2;
}

/** Rounded to two or three figures of what matters: `size` is how large the values are, or how far apart. */
export function rounded(value, size) {
  if (value === null || !Number.isFinite(value)) return null;
  const digits = Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(Math.max(Math.abs(size), Math.abs(value) / 100, 1e-6)))));
  return Number(value.toFixed(digits));
}
