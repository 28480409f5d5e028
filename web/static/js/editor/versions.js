// Two versions of a program side by side for people: what changed, and how edits of two people are
// put together.

import { h } from "../dom.js";
import { labelOf } from "./schema.js";
import { number, t } from "../words.js";

/**
 * What differs from one document to another, as GET /programs/ID/diff says it: [{path, old, new}];
 * tools are compared by name.
 */
export function differences(old, now, path = "") {
  if (plain(old) && plain(now))
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((key) =>
      differences(old[key] ?? null, now[key] ?? null, path ? `${path}.${key}` : key),
    );
  if (named(old) && named(now) && old.length + now.length) {
    const [before, after] = [byName(old), byName(now)];
    const found = [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) =>
      differences(before[name] ?? null, after[name] ?? null, `${path}[${name}]`),
    );
    const [first, second] = [
      Object.keys(before).filter((name) => after[name]),
      Object.keys(after).filter((name) => before[name]),
    ];
    return equal(first, second)
      ? found
      : [...found, { path, old: Object.keys(before), new: Object.keys(after) }];
  }
  return equal(old, now) ? [] : [{ path, old, new: now }];
}

/**
 * {value, clashes: [path]}: mine and theirs, both made from base; where both changed the same, mine
 * stays and its path is named.
 */
export function merged(base, mine, theirs, path = "") {
  if (equal(mine, base) || equal(mine, theirs)) return { value: theirs, clashes: [] };
  if (equal(theirs, base)) return { value: mine, clashes: [] };
  if (plain(mine) && plain(theirs) && plain(base) && mine.kind === theirs.kind)
    return mergedKeys(base, mine, theirs, path);
  if (named(mine) && named(theirs) && named(base)) {
    const [b, m, th] = [byName(base), byName(mine), byName(theirs)];
    const { value, clashes } = mergedKeys(b, m, th, path, (name) => `${path}[${name}]`);
    const order = [...Object.keys(m), ...Object.keys(th).filter((name) => !(name in m))];
    return { value: order.filter((name) => value[name]).map((name) => value[name]), clashes };
  }
  return { value: mine, clashes: [path] };
}

function mergedKeys(base, mine, theirs, path, step = (key) => (path ? `${path}.${key}` : key)) {
  const value = {};
  const clashes = [];
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    const one = merged(base[key], mine[key], theirs[key], step(key));
    clashes.push(...one.clashes);
    if (one.value !== undefined) value[key] = one.value;
  }
  return { value, clashes };
}

const plain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const named = (value) =>
  Array.isArray(value) && value.every((item) => plain(item) && typeof item.name === "string");
const byName = (items) => Object.fromEntries(items.map((item) => [item.name, item]));
const equal = (a, b) => a === b || JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (value) =>
  plain(value)
    ? Object.fromEntries(
        Object.keys(value)
          .sort()
          .map((key) => [key, sorted(value[key])]),
      )
    : Array.isArray(value)
      ? value.map(sorted)
      : value;

/** A table of changes: where, before, after; `title` is for screen readers. */
export function changesTable(
  changes,
  {
    before = t("Before"),
    after = t("After"),
    empty = t("Nothing differs."),
    title = t("Changes"),
  } = {},
) {
  if (!changes.length) return h("p.muted", empty);
  return h(
    "div.table-scroll",
    { tabindex: 0, role: "region", "aria-label": title },
    h(
      "table.cards.changes",
      h(
        "thead",
        h(
          "tr",
          h("th", { scope: "col" }, t("What")),
          h("th", { scope: "col" }, before),
          h("th", { scope: "col" }, after),
        ),
      ),
      h(
        "tbody",
        changes.map((change) =>
          h(
            "tr",
            { dataset: { path: change.path } },
            h("th", { scope: "row" }, whatOf(change.path)),
            cell(before, change.old, change, "del"),
            cell(after, change.new, change, "ins"),
          ),
        ),
      ),
    ),
  );
}

function cell(label, value, { path, old, new: now }, mark) {
  const absent = value === null || value === undefined;
  const whole = /\]$/.test(path); // a tool as a whole
  const text =
    absent && whole
      ? t("not there")
      : path === "master" && !absent
        ? old && now
          ? mark === "del"
            ? t("the picture before")
            : t("another picture")
          : t("a picture")
        : shown(value, whole);
  return h("td", { "data-label": label }, absent ? h("span.muted", text) : h(mark, text));
}

/** "tools[label].region.x" as words. */
export function whatOf(path) {
  const tool = /^tools\[([^\]]+)\](?:\.(.+))?$/.exec(path);
  if (tool)
    return tool[2]
      ? [h("strong", tool[1]), " ", words(tool[2])]
      : [h("strong", tool[1]), " ", t("(tool)")];
  if (path === "tools") return t("order of the tools");
  return words(path);
}

const TITLES = () => ({
  name: t("name"),
  id: t("id"),
  master: t("master"),
  judgement: t("judgement"),
  limits_ms: t("time limit in ms"),
  calibration: t("calibration"),
  locator: t("locator"),
  "camera.exposure_ms": t("exposure in ms"),
  "camera.gain": t("gain"),
  "camera.mode": t("brightness mode"),
  "keep.ng": t("keep NG pictures"),
  "keep.ok_every": t("keep every n-th OK picture"),
  low: t("least good value"),
  high: t("greatest good value"),
  region: t("region"),
  kind: t("kind"),
});

function words(path) {
  return TITLES()[path] ?? path.split(".").map(labelOf).join(" › ");
}

function shown(value, whole = false) {
  if (value === null || value === undefined) return t("nothing");
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (typeof value === "number") return number(value, 6);
  if (typeof value === "string") return value === "" ? t("empty") : value;
  if (whole && value.kind) return value.kind;
  if (Array.isArray(value) && value.every((item) => typeof item !== "object"))
    return value.join(", ") || t("nothing");
  if (plain(value))
    return (
      Object.entries(value)
        .filter(([, inner]) => inner !== null)
        .map(([key, inner]) => `${key} ${shown(inner)}`)
        .join(", ") || t("nothing")
    );
  return JSON.stringify(value);
}
