// What each tool found: a bar with its limits, value and unit, verdict. Rows stay where they are,
// so the eye finds them part after part.

import { h, icon, put } from "../dom.js";
import { translated } from "../told.js";
import { number, t, unitText } from "../words.js";

const UNITS = { deg: "°", ratio: "", count: "", score: "" };

/** A table of tools; draw(result) shows those of a result. */
export class Tools {
  constructor() {
    this.body = h("tbody");
    this.none = h("p.muted.small", { hidden: true });
    this.table = h(
      "table.tools",
      h("caption.visually-hidden", t("What each tool found")),
      h(
        "colgroup",
        ["verdict", "name", "bar", "value", "limits"].map((name) => h(`col.c-${name}`)),
      ),
      h(
        "thead.visually-hidden",
        h(
          "tr",
          [t("Verdict"), t("Tool"), t("Value between its limits"), t("Value"), t("Limits")].map(
            (text) => h("th", { scope: "col" }, text),
          ),
        ),
      ),
      this.body,
    );
    this.element = h(
      "div.tools-box",
      { tabindex: 0, role: "group", "aria-label": t("Tools") },
      this.table,
      this.none,
    );
    this.rows = [];
    this.names = "";
  }

  draw(result) {
    const tools = result?.tools ?? [];
    const names = tools.map((tool) => tool.name).join("\n");
    if (names !== this.names) {
      this.names = names;
      this.rows = tools.map((tool) => new Row(tool.name));
      put(
        this.body,
        this.rows.map((row) => row.element),
      );
    }
    tools.forEach((tool, number) => this.rows[number].draw(tool));
    this.table.hidden = tools.length === 0;
    this.none.hidden = tools.length > 0;
    this.none.textContent = !result ? "" : t("No tool has looked at this part.");
  }
}

class Row {
  constructor(name) {
    this.good = h("i.good");
    this.mark = h("i.value");
    this.bar = h("div.bar", this.good, this.mark);
    this.verdict = h("td.tool-verdict");
    this.value = h("td.number.tool-value");
    this.limits = h("td.tool-limits.small.muted");
    this.element = h(
      "tr",
      this.verdict,
      h("th", { scope: "row", title: name }, name),
      h("td.tool-bar", this.bar),
      this.value,
      this.limits,
    );
    this.seen = {};
  }

  draw(tool) {
    const { verdict, value, low, high, unit, error } = tool;
    if (this.seen.verdict !== verdict) {
      this.element.dataset.verdict = verdict;
      put(this.verdict, icon(verdict.toLowerCase()), h("span.visually-hidden", verdict));
    }
    if (this.seen.low !== low || this.seen.high !== high || this.seen.unit !== unit) {
      this.limits.textContent = limitsText(low, high);
      const [from, to] = [low ?? -Infinity, high ?? Infinity].map((side) => at(side, low, high));
      place(this.good, { left: from, width: to - from });
    }
    const text = error
      ? error.code
      : `${tool.text ?? shown(value)} ${UNITS[unit] ?? unitText(unit)}`.trim();
    if (this.seen.said !== text) {
      this.value.textContent = text;
      this.value.title = error ? translated(error.message) : "";
    }
    if (this.seen.value !== value || this.seen.low !== low || this.seen.high !== high) {
      this.mark.hidden = value === null;
      const share = value === null ? NaN : at(value, low, high);
      if (value !== null) place(this.mark, { left: share });
      this.mark.dataset.beyond = share === 0 ? "left" : share === 1 ? "right" : "";
    }
    this.seen = { verdict, low, high, unit, value, said: text };
  }
}

// Where on the bar a value stands, 0 to 1, by the limits alone: tools of equal limits have equal
// bands, and one value far off moves none of them. Two limits have the middle half between them;
// one has its middle, and the farther from it the closer it gets.
function at(value, low, high) {
  if (value === -Infinity) return 0;
  if (value === Infinity) return 1;
  if (low !== null && high !== null && high > low)
    return Math.min(1, Math.max(0, 0.25 + (value - low) / (2 * (high - low))));
  const limit = low ?? high ?? 0;
  const far = (value - limit) / (Math.abs(limit) || 1);
  return 0.5 + far / (2 * (1 + Math.abs(far)));
}

function place(element, shares) {
  for (const [name, share] of Object.entries(shares))
    element.style.setProperty(name, `${(100 * share).toFixed(2)}%`);
}

function shown(value) {
  if (value === null) return "–";
  const digits = value ? 3 - Math.floor(Math.log10(Math.abs(value))) : 0;
  return number(value, Math.min(4, Math.max(0, digits)));
}

function limitsText(low, high) {
  if (low === null && high === null) return "";
  if (low === null) return `≤ ${shown(high)}`;
  return high === null ? `≥ ${shown(low)}` : `${shown(low)} … ${shown(high)}`;
}
