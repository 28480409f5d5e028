// What each tool found: a bar with its limits, value and unit, verdict. Rows stay where they are,
// so the eye finds them part after part.

import { h, icon, put } from "../dom.js";
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
    this.scale = [NaN, NaN];
  }

  draw(tool) {
    const { verdict, value, low, high, unit, error } = tool;
    if (this.seen.verdict !== verdict) {
      this.element.dataset.verdict = verdict;
      put(this.verdict, icon(verdict.toLowerCase()), h("span.visually-hidden", verdict));
    }
    if (this.seen.low !== low || this.seen.high !== high || this.seen.unit !== unit) {
      this.limits.textContent = limitsText(low, high);
      this.scale = scaleOf(low, high);
      const [from, to] = [at(low ?? -Infinity, this.scale), at(high ?? Infinity, this.scale)];
      place(this.good, { left: from, width: to - from });
    }
    const text = error
      ? error.code
      : `${tool.text ?? shown(value)} ${UNITS[unit] ?? unitText(unit)}`.trim();
    if (this.seen.said !== text) {
      this.value.textContent = text;
      this.value.title = error ? error.message : "";
    }
    if (this.seen.value !== value) {
      this.mark.hidden = value === null;
      if (value !== null) place(this.mark, { left: at(value, this.scale) });
      this.mark.dataset.beyond =
        value === null ? "" : value < this.scale[0] ? "left" : value > this.scale[1] ? "right" : "";
    }
    this.seen = { verdict, low, high, unit, value, said: text };
  }
}

// By the limits alone: tools of equal limits have equal bands, and one value far off moves none of them.
function scaleOf(low, high) {
  if (low !== null && high !== null && high > low)
    return [low - (high - low) / 2, high + (high - low) / 2];
  const limit = low ?? high ?? 0;
  const reach = Math.abs(limit) || 1;
  return low !== null
    ? [Math.min(0, limit - reach / 2), Math.max(limit + reach, 1e-9)]
    : [Math.min(0, limit - reach), limit + reach];
}

// Share of the bar, 0 to 1.
function at(value, scale) {
  const [from, to] = scale;
  return Math.min(1, Math.max(0, (value - from) / (to - from || 1)));
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
