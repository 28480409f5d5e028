// Why a part is not OK, in one line: the tool that says most, its value against its limit, and how
// many others there are.

import { number, t, unitText } from "./words.js";

/**
 * {tool, value, unit, low, high, code, more} of a result, as the history tells it; null if it is OK
 * or nothing has measured.
 */
export function whyOf({ verdict, tools }) {
  const bad = verdict === "OK" ? [] : tools.filter((tool) => tool.verdict !== "OK");
  const first = bad.find((tool) => tool.verdict === verdict) ?? bad[0];
  return first
    ? {
        tool: first.name,
        value: first.value,
        unit: first.unit,
        low: first.low,
        high: first.high,
        code: first.error?.code ?? null,
        more: bad.length - 1,
      }
    : null;
}

/** `crystal 0.63 (at least 0.70) +2`, in the page's language. */
export function whyText({ tool, value, unit, low, high, code, more }) {
  const of = ["ratio", "score", "count"].includes(unit) ? "" : ` ${unitText(unit)}`;
  const limit = (least) => `${number(least, 4)}${of}`;
  const said =
    value === null
      ? (code ?? t("no value"))
      : low !== null && value < low
        ? t("{value} (at least {limit})", { value: number(value, 3), limit: limit(low) })
        : high !== null && value > high
          ? t("{value} (at most {limit})", { value: number(value, 3), limit: limit(high) })
          : limit(value);
  return `${tool} ${said}${more ? ` +${more}` : ""}`;
}
