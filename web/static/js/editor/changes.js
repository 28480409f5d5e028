// What is done to the tools of a program: added, renamed, copied, moved, removed. Each works on a
// copy that may be changed.

import { moved, shapeOf } from "./geometry.js";
import { namesIn } from "./judge.js";
import { kindOf } from "./kinds.js";
import { fieldOf, fieldsIn, fresh, regionsIn, toolKinds } from "./schema.js";

export const MOST_TOOLS = 64;
export const NAME = /^[a-z_][a-z0-9_]{0,31}$/;
const RESERVED = [
  "and",
  "or",
  "not",
  "all",
  "any",
  "locator",
  "min",
  "max",
  "abs",
  "sqrt",
  "round",
];

/** Whether a tool may be called so. */
export const mayBe = (name, program) =>
  NAME.test(name) && !RESERVED.includes(name) && !program.tools.some((tool) => tool.name === name);

/** A name that is free: the wish itself, or with a number. */
function freeName(wish, program) {
  const base = wish.replace(/_\d+$/, "").slice(0, 28);
  if (mayBe(wish, program)) return wish;
  for (let n = 2; ; n++) if (mayBe(`${base}_${n}`, program)) return `${base}_${n}`;
}

/** Names of the tools that a tool of a kind can work with. */
export function partners(kind, program, own = null) {
  const { uses } = kindOf(kind);
  return program.tools
    .filter(
      (tool) =>
        tool.name !== own && (!uses || uses.kinds === "any" || uses.kinds.includes(tool.kind)),
    )
    .map(({ name }) => name);
}

/**
 * A new tool of a kind that the schema takes, with limits.
 * @returns {import("./state.js").Tool}
 */
export function newTool(kind, program, schema, frame) {
  const about = kindOf(kind);
  const fitting = partners(kind, program);
  const others = about.recount ? fitting : fitting.slice(-(about.uses?.least ?? 1));
  const given = { kind, name: freeName(`${kind}_1`, program), ...about.start };
  const tool = /** @type {import("./state.js").Tool} */ (
    fresh(toolKinds(schema)[kind], { resolve: schema.resolve, frame, given, others })
  );
  if (tool.low === null && tool.high === null) tool.low = 0;
  return tool;
}

/** What a value of the program is after its path. */
export const at = (value, path) => path.reduce((here, part) => here?.[part], value);

/** Put a value at a path; `undefined` removes an item of a list. */
export function put(value, path, next) {
  const here = at(value, path.slice(0, -1));
  const last = path.at(-1);
  if (next === undefined && Array.isArray(here)) here.splice(last, 1);
  else here[last] = next;
}

/** Where a name is used: names of tools, "judgement", outputs. */
export function usersOf(name, program, schema) {
  const tools = program.tools
    .filter((tool) => tool.name !== name && uses(tool, name, schema))
    .map((tool) => tool.name);
  const outputs = Object.entries(program.outputs)
    .filter(([, meaning]) => meaning.split(":")[1] === name)
    .map(([output]) => output);
  return { tools, outputs, judgement: namesIn(program.judgement).includes(name) };
}

const word = (name) => new RegExp(`(?<![a-z0-9_])${name}(?![a-z0-9_])`, "g");

function references(tool, schema) {
  const model = toolKinds(schema)[tool.kind];
  return model
    ? fieldsIn(model, schema.resolve)
        .filter(([key]) => key !== "name")
        .map(([key, node]) => [
          key,
          key === "expression" ? "expression" : fieldOf(node, schema.resolve).type,
        ])
    : [];
}

function uses(tool, name, schema) {
  return references(tool, schema).some(([key, type]) =>
    type === "tool"
      ? tool[key] === name
      : type === "tools"
        ? tool[key].includes(name)
        : type === "expression" && word(name).test(tool[key]),
  );
}

/** Give a tool another name, everywhere. */
export function rename(program, from, to, schema) {
  for (const tool of program.tools) {
    if (tool.name === from) tool.name = to;
    for (const [key, type] of references(tool, schema)) {
      if (type === "tool" && tool[key] === from) tool[key] = to;
      if (type === "tools") tool[key] = tool[key].map((name) => (name === from ? to : name));
      if (type === "expression") tool[key] = tool[key].replace(word(from), to);
    }
  }
  if (!["all", "any"].includes(program.judgement))
    program.judgement = program.judgement.replace(word(from), to);
  for (const [output, meaning] of Object.entries(program.outputs))
    if (meaning.split(":")[1] === from)
      program.outputs[output] = meaning.replace(`:${from}:`, `:${to}:`);
}

/** Remove a tool, with what names it in counts, outputs and the judgement (which becomes "all"). */
export function remove(program, name, schema) {
  program.tools = program.tools.filter((tool) => tool.name !== name);
  for (const tool of program.tools)
    for (const [key, type] of references(tool, schema))
      if (type === "tools") tool[key] = tool[key].filter((other) => other !== name);
  if (namesIn(program.judgement).includes(name)) program.judgement = "all";
  for (const [output, meaning] of Object.entries(program.outputs))
    if (meaning.split(":")[1] === name) delete program.outputs[output];
}

/** A copy of a tool behind it, a little aside; gives its name. */
export function copy(program, name, schema, frame) {
  const place = program.tools.findIndex((tool) => tool.name === name);
  const tool = structuredClone(program.tools[place]);
  tool.name = freeName(/_\d+$/.test(name) ? name : `${name}_2`, program);
  for (const { path, region } of regionsIn(toolKinds(schema)[tool.kind], tool, schema.resolve)) {
    if (!region || path[0] === "pattern") continue;
    const far = Math.max(4, Math.round(frame.width / 40));
    put(tool, path, shapeOf(region) ? moved(region, far, far, frame) : region);
  }
  program.tools.splice(place + 1, 0, tool);
  return tool.name;
}

/** Move a tool by so many places; false if it cannot go there. */
export function reorder(program, name, by) {
  const from = program.tools.findIndex((tool) => tool.name === name);
  const to = from + by;
  if (from < 0 || to < 0 || to >= program.tools.length) return false;
  program.tools.splice(to, 0, ...program.tools.splice(from, 1));
  return true;
}
