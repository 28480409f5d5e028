// What each tool of a result measured, as a table: verdict, value, limits and time.

import { h, verdict } from "../dom.js";
import { kindOf } from "../editor/kinds.js";
import { spoken } from "../told.js";
import { number, t } from "../words.js";
import { limits } from "./limits.js";

/** The table; a sentence if no tool has run. */
export function toolsTable(tools) {
  if (!tools.length) return h("p.muted", t("No tool has measured this part."));
  return h(
    "div.table-scroll",
    { tabindex: 0, role: "region", "aria-label": t("What the tools measured") },
    h(
      "table.tools-table",
      h(
        "thead",
        h(
          "tr",
          h("th", { scope: "col" }, t("Tool")),
          h("th", { scope: "col" }, t("Verdict")),
          h("th.number", { scope: "col" }, t("Value")),
          h("th", { scope: "col" }, t("Limits")),
        ),
      ),
      h("tbody", tools.map(row)),
    ),
  );
}

function row(tool) {
  const unit = ["ratio", "score"].includes(tool.unit) ? "" : tool.unit;
  return h(
    "tr",
    { dataset: { tool: tool.name, verdict: tool.verdict } },
    h(
      "th",
      { scope: "row" },
      breakable(tool.name),
      h("small", kindOf(tool.kind).title, " · ", h("span.nowrap", `${number(tool.ms, 2)} ms`)),
      tool.error ? h("span.why", `${tool.error.code}: `, spoken(tool.error.message)) : null,
    ),
    h("td", verdict(tool.verdict)),
    h(
      "td.number",
      h("strong", number(tool.value, 4)),
      unit ? h("small.muted", ` ${unit}`) : null,
      tool.text === null ? null : h("span.mono.read", tool.text),
    ),
    h("td", limits(tool) ?? h("span.muted", "–")),
  );
}

/** A name with underscores, which may break there. */
export function breakable(name) {
  return name.split("_").flatMap((part, each) => (each ? ["_", h("wbr"), part] : [part]));
}
