// What was refused of a tool or the locator, at the last try or save.

import { SHAPES } from "./geometry.js";
import { editor } from "./state.js";
import { trying } from "./trying.js";

const LOCATOR = "locator";

/** What was refused of a tool or the locator, at the last try or save: [{path, text}]. */
export function problemsOf(name) {
  const all = [trying.problems, editor.problems];
  const rows =
    name === LOCATOR
      ? all.flatMap(({ fields }) =>
          Object.entries(fields)
            .filter(([path]) => path.split(".")[0] === LOCATOR)
            .map(([path, text]) => ({ path: path.split(".").slice(2), text })),
        )
      : all.flatMap(({ tools }) =>
          (tools[name] ?? []).map(({ field, text }) => ({
            path: field ? field.split(".") : guess(short(text, name), editor.tool(name)),
            text,
          })),
        );
  const seen = new Set();
  return rows
    .map(({ path, text }) => ({
      path: path.filter((part) => !SHAPES.includes(part)),
      text: short(text, name),
    }))
    .filter(({ path, text }) => !seen.has(`${path} ${text}`) && seen.add(`${path} ${text}`));
}

// Without the name that the place says already.
const short = (text, name) => text.replace(`tool ${name}: `, "").replace(/^locator: /, "");

// A text that begins with the name of a field is about that.
function guess(text, tool) {
  const word = /^[a-z_]+/.exec(text)?.[0];
  return tool && word in tool ? [word] : [];
}
