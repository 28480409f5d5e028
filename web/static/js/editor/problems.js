// What the API refused about a program, put at the tool and field it names: `tool label: low: ...`,
// `limits_ms: ...`.

/** Nothing refused. */
export const none = () => ({ text: "", code: null, tools: {}, fields: {}, other: [] });

const TOOL = /^tool ([a-z_][a-z0-9_]{0,31})(?:: ([a-z0-9_.]+)(?=:))?:? (.*)$/s;
const FIELD = /^([A-Za-z0-9_.[\]]+): (.*)$/s;
const OUTPUT = /^(OUT[1-8]) names the tool/;

/**
 * {text, code, tools: {name: [{field or null, text}]}, fields: {path: text}, other: [text]} of an
 * ApiError.
 */
export function problemsIn(error, program) {
  const found = {
    ...none(),
    text: error.text ?? String(error.message ?? error),
    code: error.code ?? "INTERNAL",
  };
  const names = program.tools.map((tool) => tool.name);
  const message = String(error.message ?? "");
  if (found.code === "PROGRAM_EMPTY") found.fields.tools = found.text;
  const said = message.includes(": ") ? message.slice(message.indexOf(": ") + 2) : message;
  for (const whole of said.split(/; (?=[A-Za-z(])/)) {
    const text = whole.replace(/^\(top\): /, "").replace(/^Value error, /, "");
    const tool = TOOL.exec(text);
    if (tool && names.includes(tool[1]))
      (found.tools[tool[1]] ??= []).push({ field: tool[2] ?? null, text: plain(tool[3]) });
    else put(found, names, text);
  }
  return found;
}

// Where no tool is named as such: a field of the document, or words that say what it is about.
function put(found, names, text) {
  const field = FIELD.exec(text);
  const place = field && /^tools\.(\d+)(?:\.[a-z_]+)?(?:\.([a-z0-9_.]+))?$/.exec(field[1]);
  if (place && names[Number(place[1])])
    return (found.tools[names[Number(place[1])]] ??= []).push({
      field: place[2] ?? null,
      text: plain(field[2]),
    });
  if (field) return (found.fields[field[1]] = plain(field[2]));
  if (OUTPUT.test(text)) return (found.fields[`outputs.${text.slice(0, 4)}`] = text);
  if (text.startsWith("judgement")) return (found.fields.judgement = text);
  if (text.includes("no master image")) return (found.fields.master = text);
  if (/^the locator\b/.test(text)) return (found.fields.locator = text);
  found.other.push(text);
}

const plain = (text) => text.replace(/^Value error, /, "");

/**
 * The problems that are left after an edit: those of a tool or field that was changed are gone
 * until asked again.
 */
export function still(problems, before, after) {
  const kept = (name) =>
    JSON.stringify(before.tools.find((tool) => tool.name === name)) ===
    JSON.stringify(after.tools.find((tool) => tool.name === name));
  const left = (path) =>
    JSON.stringify(before[path.split(".")[0]]) === JSON.stringify(after[path.split(".")[0]]);
  const some = (object, keep) =>
    Object.fromEntries(Object.entries(object).filter(([key]) => keep(key)));
  const now = {
    ...problems,
    tools: some(problems.tools, kept),
    fields: some(problems.fields, left),
  };
  return Object.keys(now.tools).length + Object.keys(now.fields).length + now.other.length
    ? now
    : none();
}
