// The figures of tools: a table of all, and histogram and trend of one against its limits.

import { histogramChart, trendChart } from "../charts.js";
import { h } from "../dom.js";
import { kindOf } from "../editor/kinds.js";
import { number, t, unitText } from "../words.js";

const CAPABLE = 1.33;
const BARELY = 1;

/** What makes values one series, as text. */
export const keyOf = ({ program, name, kind, unit }) => [program, name, kind, unit].join("|");

/** The table; choose(key) is called for the series that somebody wants to see. */
export function toolsTable({ tools, of }, chosen, choose) {
  if (!tools.length) return h("p.muted", t("No tool has measured anything here."));
  const columns = [
    t("OK"),
    t("NG"),
    t("ERROR"),
    t("Min"),
    t("Mean"),
    t("Max"),
    t("Deviation"),
    t("Limits"),
    t("Cpk"),
    t("Ppk"),
  ];
  return [
    h(
      "p.muted.small",
      t(
        "Of the newest {of} results. Cpk (by the change from part to part) and Ppk (by all values) show how well values stay within the limits of the newest versions: {capable} or more is capable; below {barely}, parts exceed the limits.",
        { of: number(of), capable: number(CAPABLE), barely: number(BARELY) },
      ),
    ),
    h(
      "div.table-scroll",
      { tabindex: 0, role: "region", "aria-label": t("Figures of the tools") },
      h(
        "table.figures-table.cards",
        h(
          "thead",
          h(
            "tr",
            h("th", { scope: "col" }, t("Tool")),
            columns.map((text) => h("th.number", { scope: "col" }, text)),
          ),
        ),
        h(
          "tbody",
          tools.map((tool) => row(tool, keyOf(tool) === chosen, columns, choose)),
        ),
      ),
    ),
  ];
}

function row(tool, chosen, columns, choose) {
  const { verdicts } = tool;
  const values = [
    number(verdicts.OK),
    number(verdicts.NG),
    number(verdicts.ERROR),
    ...[tool.min, tool.mean, tool.max, tool.standard_deviation].map((value) => number(value, 4)),
    limitsOf(tool),
    grade(tool.cpk),
    grade(tool.ppk),
  ];
  return h(
    "tr",
    { dataset: { tool: tool.name, series: keyOf(tool) }, "aria-current": chosen ? "true" : null },
    h(
      "th",
      { scope: "row" },
      h(
        "button.button.link",
        { type: "button", "aria-pressed": String(chosen), onclick: () => choose(keyOf(tool)) },
        tool.name,
      ),
      h(
        "small",
        tool.program,
        " · ",
        t("{kind}, in {unit}", { kind: kindOf(tool.kind).title, unit: unitText(tool.unit) }),
      ),
    ),
    values.map((value, each) => h("td.number", { "data-label": columns[each] }, value)),
  );
}

/** Which limits held in which versions, and how well values kept them; nothing if none changed. */
export function spansTable({ spans }) {
  if (spans.length < 2) return null;
  const columns = [t("Values"), t("Limits"), t("Cpk"), t("Ppk")];
  const line = (span) =>
    h(
      "tr",
      h("th", { scope: "row" }, versionsOf(span)),
      [number(span.of), limitsOf(span), grade(span.cpk), grade(span.ppk)].map((value, each) =>
        h("td.number", { "data-label": columns[each] }, value),
      ),
    );
  return h(
    "div.table-scroll",
    { tabindex: 0, role: "region", "aria-label": t("Limits by version") },
    h(
      "table.figures-table.cards",
      h("caption.visually-hidden", t("Limits by version")),
      h(
        "thead",
        h(
          "tr",
          h("th", { scope: "col" }, t("Version")),
          columns.map((text) => h("th.number", { scope: "col" }, text)),
        ),
      ),
      h("tbody", [...spans].reverse().map(line)),
    ),
  );
}

const versionsOf = ({ from_version: from, to_version: to }) =>
  from === to ? from : `${from} – ${to}`;

/** Limits as text. */
export function limitsOf({ low, high }) {
  if (low === null && high === null) return "–";
  if (low === null) return `≤ ${number(high, 4)}`;
  if (high === null) return `≥ ${number(low, 4)}`;
  return `${number(low, 4)} – ${number(high, 4)}`;
}

function grade(cpk) {
  if (cpk === null) return "–";
  const [kind, text] =
    cpk >= CAPABLE
      ? ["good", t("capable")]
      : cpk >= BARELY
        ? ["warn", t("barely capable")]
        : ["bad", t("not capable")];
  return h(
    `span.tag.${kind}`,
    { title: text },
    number(cpk, 2),
    h("span.visually-hidden", `, ${text}`),
  );
}

/** Histogram and trend of one tool. */
export function toolCharts(tool) {
  const { name, unit, low, high, mean, histogram, trend } = tool;
  if (!histogram) return h("p.muted", t("This tool has given no value here."));
  return h(
    "div.tool-charts",
    histogramChart({
      title: t("How often each value occurred, {name}", { name }),
      histogram,
      low,
      high,
      unit: unitText(unit),
      mean,
    }),
    trendChart({
      title: t("Value from part to part, {name}", { name }),
      points: trend,
      low,
      high,
      unit: unitText(unit),
    }),
  );
}
