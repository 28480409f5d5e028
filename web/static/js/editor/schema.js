// What a JSON Schema says of a field: which control it needs, its words, its unit, and a value to
// begin with.

import { t } from "../words.js";
import { amid, box, centre, converted, into, moved } from "./geometry.js";

const TOOL_NAME = "^[a-z_][a-z0-9_]{0,31}$";
const LABELS = {
  low: t("Least score"),
  search: t("Search region"),
  other: t("Other region"),
  ignore: t("Parts that do not count"),
  other_ignore: t("Parts of the other that do not count"),
  match: t("As the trigger says"),
  light: t("Evening out light"),
};
const UNITS = { px: "px", ms: "ms", deg: "°", mm: "mm" };

const known = new WeakMap(); // what was read of a schema before

/**
 * {type, node, nullable, shapes, items, options, least, most, whole}: type is region, regions,
 * choice, choices, flag, number, tool, tools, model, text, group or fixed.
 */
export function fieldOf(given, resolve) {
  return once(given, () => read(given, resolve));
}

function read(given, resolve) {
  let node = resolve(given);
  const some = node.anyOf?.filter((option) => option.type !== "null");
  const nullable = Boolean(some && some.length < node.anyOf.length);
  if (nullable && some.length === 1) {
    const { anyOf, ...beside } = node;
    node = { ...resolve(some[0]), ...beside };
  }
  return { node, nullable, ...kindOf(node, resolve) };
}

function kindOf(node, resolve) {
  const shapes = shapesOf(node, resolve);
  if (shapes) return { type: "region", shapes };
  if ("const" in node) return { type: "fixed" };
  if (node.enum) return { type: "choice", options: node.enum };
  if (node.type === "boolean") return { type: "flag" };
  if (node.type === "integer" || node.type === "number") {
    return {
      type: "number",
      whole: node.type === "integer",
      least: node.minimum ?? node.ge ?? node.exclusiveMinimum ?? node.gt ?? null,
      most: node.maximum ?? node.le ?? node.exclusiveMaximum ?? node.lt ?? null,
    };
  }
  if (node.type === "array") {
    const items = resolve(node.items);
    const inner = shapesOf(items, resolve);
    if (inner) return { type: "regions", shapes: inner, most: node.maxItems ?? Infinity };
    if (items.enum) return { type: "choices", options: items.enum };
    return { type: items.pattern === TOOL_NAME ? "tools" : "texts" };
  }
  if (node.type === "object") return { type: "group" };
  if (node.pattern === TOOL_NAME) return { type: "tool" };
  return { type: node.pattern?.endsWith("\\.npz$") ? "model" : "text" };
}

// The shapes a region may have; null if it is none.
function shapesOf(node, resolve) {
  const shape = (option) => resolve(option)?.properties?.shape?.const;
  if (shape(node)) return [shape(node)];
  const all = (node.oneOf ?? []).map(shape);
  return all.length && all.every(Boolean) ? all : null;
}

/** The fields of an object's schema: [key, schema], without what never changes. */
export function fieldsIn(schema, resolve) {
  return Object.entries(schema.properties ?? {}).filter(([, node]) => !("const" in resolve(node)));
}

/** The models of a tagged union: {tag: schema}. */
function variants(union, resolve) {
  const { mapping } = union.discriminator;
  return Object.fromEntries(Object.entries(mapping).map(([tag, ref]) => [tag, resolve(ref)]));
}

/** The union of tools, and that of locators. */
export const toolKinds = (schema) =>
  once(schema.properties.tools, () =>
    variants(schema.resolve(schema.properties.tools.items), schema.resolve),
  );
export const locatorKinds = (schema) =>
  once(schema.properties.locator, () =>
    variants(
      schema.properties.locator.anyOf.find((option) => option.discriminator),
      schema.resolve,
    ),
  );

function once(node, make) {
  if (!known.has(node)) known.set(node, make());
  return known.get(node);
}

/** The unit in the name of a field, if it has one. */
export function unitOf(key) {
  return UNITS[key.split("_").at(-1)] ?? null;
}

/** The name of a field for people: its name without its unit. */
export function labelOf(key) {
  if (LABELS[key]) return LABELS[key];
  const words = key.split("_");
  if (words.length > 1 && UNITS[words.at(-1)]) words.pop();
  const text = words.join(" ");
  return t(text[0].toUpperCase() + text.slice(1));
}

/** A value of an enumeration for people. */
export const optionOf = (value) => t(String(value).replaceAll("_", " "));

/** The description of a field; null is called "off". */
export function helpOf(node) {
  return node.description ? t(node.description).replace(/\bnull\b/g, t("off")) : "";
}

/**
 * Every region in a value: {path, region or null, shapes, label, nullable, item (of a list)}, in
 * the order of the schema.
 */
export function regionsIn(schema, value, resolve, path = []) {
  return fieldsIn(schema, resolve).flatMap(([key, given]) => {
    const field = fieldOf(given, resolve);
    const at = [...path, key];
    const inner = value?.[key];
    if (field.type === "region")
      return [
        {
          path: at,
          region: inner ?? null,
          shapes: field.shapes,
          label: labelOf(key),
          nullable: field.nullable,
        },
      ];
    if (field.type === "regions")
      return (inner ?? []).map((region, n) => ({
        path: [...at, n],
        region,
        shapes: field.shapes,
        label: labelOf(key),
        nullable: true,
        item: true,
      }));
    return field.type === "group" && inner ? regionsIn(field.node, inner, resolve, at) : [];
  });
}

/**
 * A value that the schema takes: defaults, the first of a choice, regions amid the frame; `given`
 * goes before all that.
 */
export function fresh(schema, { resolve, frame, given = {}, others = [], around = null }) {
  const made = {};
  for (const [key, node] of Object.entries(schema.properties)) {
    const field = fieldOf(node, resolve);
    const required = schema.required?.includes(key);
    if (key in given) made[key] = given[key];
    else if ("default" in field.node && !required) made[key] = structuredClone(field.node.default);
    else if ("const" in field.node) made[key] = field.node.const;
    else if (required || !field.nullable)
      made[key] = begin(key, field, { resolve, frame, others, around: made.region ?? around });
  }
  return made;
}

/**
 * A first value of one field; `resolve` is needed only where a field has fields of its own.
 * @param {string} key
 * @param {any} field
 * @param {{frame: any, resolve?: any, others?: any[], around?: any}} about
 */
export function begin(key, field, { resolve, frame, others = [], around = null }) {
  switch (field.type) {
    case "region":
      return around ? near(key, around, field.shapes, frame) : amid(field.shapes[0], frame);
    case "choice":
      return field.options[0];
    case "flag":
      return false;
    case "number":
      return number(field);
    case "tool":
      return others[key === "second" ? 1 : 0] ?? "";
    case "tools":
      return others;
    case "group":
      return fresh(field.node, { resolve, frame, others, around: around && beside(around, frame) });
    case "regions":
    case "choices":
    case "texts":
      return [];
    default:
      return others.length ? others.join(" + ") : "";
  }
}

function number({ least, most, whole }) {
  if (least !== null && most !== null && most - least <= 1000)
    return whole ? Math.round((least + most) / 2) : Number(((least + most) / 2).toFixed(2));
  return Math.max(least ?? 0, Math.min(most ?? 100, 100));
}

// A region that goes with another one: around it to search in, in it for a pattern, else beside it.
function near(key, region, shapes, frame) {
  const { left, top, right, bottom } = box(region);
  const [width, height, c] = [right - left + 1, bottom - top + 1, centre(region)];
  const sized = (by) => ({
    shape: "rectangle",
    x: Math.round(c.x - (width * by) / 2 + 0.5),
    y: Math.round(c.y - (height * by) / 2 + 0.5),
    width: Math.max(8, Math.round(width * by)),
    height: Math.max(8, Math.round(height * by)),
  });
  if (key === "search") {
    const wanted = sized(2);
    const x = Math.max(0, Math.min(wanted.x, Math.floor(left)));
    const y = Math.max(0, Math.min(wanted.y, Math.floor(top)));
    return {
      ...wanted,
      x,
      y,
      width: Math.min(frame.width, wanted.x + wanted.width) - x,
      height: Math.min(frame.height, wanted.y + wanted.height) - y,
    };
  }
  if (key === "pattern" || key === "ignore")
    return into(
      converted(
        sized(key === "pattern" ? 0.5 : 0.3),
        shapes.includes("rectangle") ? "rectangle" : shapes[0],
      ),
      frame,
    );
  const other = beside(region, frame);
  return shapes.includes(other.shape) ? other : into(converted(other, shapes[0]), frame);
}

function beside(region, frame) {
  const { left, top, right, bottom } = box(region);
  const [width, height] = [right - left + 6, bottom - top + 6];
  if (right + width < frame.width) return moved(region, width, 0, frame);
  if (left - width >= 0) return moved(region, -width, 0, frame);
  return moved(region, 0, bottom + height < frame.height ? height : -height, frame);
}
