// The verdict as node/judge.py finds it, from values that were measured before: so that limits can
// be dragged without asking.

/** OK from low to high, both included; ERROR without a finite value. A limit of null is none. */
export function toolVerdict(value, low, high) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "ERROR";
  return (low === null || low === undefined || value >= low) &&
    (high === null || high === undefined || value <= high)
    ? "OK"
    : "NG";
}

/**
 * Judge a tried result again by the limits of a program: {verdict, code, tools: {name: {verdict,
 * value}}}.
 *
 * `code` says why it is an ERROR where the limits do not. A tool of the program that was not tried
 * has no value, and the verdict is null.
 * Tools that count others (`recount(tool, verdicts)` gives a number, or null if it does not) are
 * counted again.
 */
export function judge(result, program, recount = (_tool, _verdicts) => null) {
  const measured = Object.fromEntries((result.tools ?? []).map((tool) => [tool.name, tool]));
  const tools = {};
  let missing = false;
  const once = (tool, way) => {
    if (tools[tool.name]) return;
    const found = measured[tool.name];
    if (!found || found.kind !== tool.kind) {
      missing = true;
      tools[tool.name] = { verdict: null, value: null };
      return;
    }
    let value = found.error ? null : found.value;
    const uses =
      value === null ? null : usedBy(tool, program).filter((other) => !way.includes(other.name));
    uses?.forEach((other) => once(other, [...way, tool.name]));
    value = value === null ? null : (recount(tool, tools) ?? value);
    tools[tool.name] = { verdict: toolVerdict(value, tool.low, tool.high), value };
  };
  program.tools.forEach((tool) => once(tool, [tool.name]));
  if (result.error && !result.tools?.length)
    return { verdict: "ERROR", code: result.error.code, tools };
  if (missing) return { verdict: null, code: null, tools };
  const faulty = program.tools.find((tool) => tools[tool.name].verdict === "ERROR");
  if (!program.tools.length) return { verdict: "ERROR", code: "PROGRAM_EMPTY", tools };
  if (faulty)
    return { verdict: "ERROR", code: measured[faulty.name].error?.code ?? "NO_VALUE", tools };
  if (result.error?.code === "TIMEOUT") return { verdict: "ERROR", code: "TIMEOUT", tools };
  const passed = Object.fromEntries(
    program.tools.map((tool) => [tool.name, tools[tool.name].verdict === "OK"]),
  );
  try {
    return { verdict: decide(program.judgement, passed) ? "OK" : "NG", code: null, tools };
  } catch {
    return { verdict: "ERROR", code: "JUDGEMENT_FAILED", tools };
  }
}

function usedBy(tool, program) {
  return Array.isArray(tool.tools)
    ? program.tools.filter((other) => tool.tools.includes(other.name))
    : [];
}

/**
 * Whether the part is good: all, any, or an expression over tool names. Throws Error for what is no
 * expression.
 */
export function decide(judgement, passed) {
  const values = Object.values(passed);
  if (judgement === "all") return values.length > 0 && values.every(Boolean);
  if (judgement === "any") return values.some(Boolean);
  const tokens = judgement.match(/[a-z0-9_]+|[()]|\S/g) ?? [];
  let at = 0;
  const next = (token) => tokens[at] === token && (at += 1) > 0;
  const either = () => {
    let value = both();
    while (next("or")) value = both() || value;
    return value;
  };
  const both = () => {
    let value = not();
    while (next("and")) value = not() && value;
    return value;
  };
  const not = () => (next("not") ? !not() : single());
  const single = () => {
    if (next("(")) {
      const value = either();
      if (!next(")")) throw new Error("a parenthesis is not closed");
      return value;
    }
    const name = tokens[at];
    at += 1;
    if (!Object.hasOwn(passed, name)) throw new Error(`no tool ${name}`);
    return passed[name];
  };
  const value = either();
  if (at < tokens.length) throw new Error(`${tokens[at]} is not expected`);
  return value;
}

/** All tool names that a judgement reads. */
export function namesIn(judgement) {
  return ["all", "any"].includes(judgement)
    ? []
    : [
        ...new Set(
          (judgement.match(/[a-z_][a-z0-9_]*/g) ?? []).filter(
            (word) => !["and", "or", "not"].includes(word),
          ),
        ),
      ];
}

/**
 * Limits from values that were measured: of good parts, and of bad ones. {low, high}, a side that
 * `tool` does not use stays null.
 *
 * Where bad values lie beyond the good ones, the limit is put in the middle between them; else the
 * good ones get room of 3 standard
 * deviations, at least a quarter of their span and at least `room` (a number: what this kind of
 * value is given at the least).
 */
export function suggest(good, bad, tool, room) {
  if (!good.length) return null;
  const [least, greatest] = [Math.min(...good), Math.max(...good)];
  const mean = good.reduce((sum, value) => sum + value, 0) / good.length;
  const deviation = Math.sqrt(
    good.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, good.length - 1),
  );
  const space = Math.max(
    room,
    3 * deviation - Math.min(mean - least, greatest - mean),
    (greatest - least) / 4,
  );
  // nearer ones were bad for another reason
  const below = bad.filter((value) => value < least - room);
  const above = bad.filter((value) => value > greatest + room);
  return {
    low:
      tool.low === null && !below.length
        ? null
        : below.length
          ? (Math.max(...below) + least) / 2
          : least - space,
    high:
      tool.high === null && !above.length
        ? null
        : above.length
          ? (Math.min(...above) + greatest) / 2
          : greatest + space,
  };
}
