// The tools of the program as a list: the locator first, each with its last value and verdict; the
// way to select and to add.

import { h, icon, put, verdict } from "../dom.js";
import { number, t, unitText } from "../words.js";
import { MOST_TOOLS, reorder } from "./changes.js";
import { kindOf, LOCATORS, takesAll } from "./kinds.js";
import { glyph } from "./picker.js";
import { editor } from "./state.js";
import { trying } from "./trying.js";

/** Whether a new tool still has the limits that it began with, and they take everything. */
export function hasNoLimits(tool) {
  const began = editor.unset.get(tool.name);
  return Boolean(began) && began.low === tool.low && began.high === tool.high && takesAll(tool);
}

/** add() asks for a new tool. Gives {element, update(judged, wrong names)}. */
export function toolList({ add, select }) {
  const rows = new Map(); // name to its row
  const list = h("ul.tool-rows", { "aria-label": t("Tools") });
  const count = h("span.small.muted");
  const more = h(
    "button.button.primary",
    { type: "button", onclick: add, dataset: { act: "add-tool" } },
    icon("plus"),
    h("span", t("Add a tool")),
  );
  list.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = event.target.closest("button.tool-row");
    if (!by || !row) return;
    event.preventDefault();
    if (event.altKey)
      return editor.change(t("Move {name} in the list", { name: row.dataset.tool }), (program) =>
        reorder(program, row.dataset.tool, by),
      );
    const all = [...list.querySelectorAll("button.tool-row")];
    all[all.indexOf(row) + by]?.focus();
  });

  const row = (key) => {
    const known = rows.get(key);
    if (known) return known;
    const [mark, name, kind, value, sign] = [
      h("span.tool-icon"),
      h("span.tool-name"),
      h("span.tool-kind"),
      h("span.tool-value"),
      h("span.tool-verdict"),
    ];
    const button = h(
      "button.tool-row",
      { type: "button", dataset: { tool: key }, onclick: () => select(key) },
      mark,
      h("span.tool-words", name, kind),
      h("span.tool-found", value, sign),
    );
    const made = { item: h("li", button), button, mark, name, kind, value, sign, drawn: null };
    rows.set(key, made);
    return made;
  };
  const fill = (key, shown) => {
    const made = row(key);
    const state = JSON.stringify(shown);
    if (made.drawn === state) return made.item;
    made.drawn = state;
    put(made.mark, shown.glyph ? glyph(shown.glyph, shown.table) : icon("pointer"));
    made.name.textContent = shown.name;
    made.kind.textContent = shown.kind;
    made.value.textContent = shown.value;
    put(
      made.sign,
      shown.wrong
        ? h("span.tag.bad", t("Wrong"))
        : shown.unset
          ? h(
              "span.tag.warn",
              { title: t("no limits yet: every value would pass") },
              t("No limits yet"),
            )
          : shown.verdict
            ? verdict(shown.verdict)
            : null,
    );
    made.button.dataset.stale = String(Boolean(shown.stale));
    if (shown.selected) made.button.setAttribute("aria-current", "true");
    else made.button.removeAttribute("aria-current");
    return made.item;
  };

  // The selected row in sight, without moving the page.
  let revealed = null;
  const reveal = (item) => {
    const seen =
      item && `${item.firstChild.dataset.tool} ${item.offsetWidth} ${list.children.length}`;
    if (!item || seen === revealed) return;
    revealed = seen;
    const [outer, inner] = [list.getBoundingClientRect(), item.getBoundingClientRect()];
    list.scrollLeft +=
      Math.min(0, inner.left - outer.left) + Math.max(0, inner.right - outer.right);
    list.scrollTop += Math.min(0, inner.top - outer.top) + Math.max(0, inner.bottom - outer.bottom);
  };

  return {
    element: h(
      "section.tool-list",
      { "aria-label": t("Tools") },
      list,
      h("div.tool-add", more, count),
    ),
    update(judged, wrong) {
      const { program, selection } = editor;
      const { locator, tools } = program;
      const result = trying.last?.result;
      const place = locator && trying.last?.program.locator ? result?.pose : null;
      const lost = locator && result?.error && !result.tools?.length;
      const items = [
        fill("locator", {
          name: t("Position"),
          kind: locator ? kindOf(locator.kind, LOCATORS).title : t("No locator"),
          glyph: locator?.kind ?? null,
          table: LOCATORS,
          value: place ? number(place.score, 2) : "",
          verdict: place ? "OK" : lost ? "ERROR" : null,
          wrong: wrong.has("locator"),
          selected: selection === "locator",
        }),
      ];
      for (const tool of tools) {
        const found = trying.found(tool);
        const now = judged?.tools[tool.name];
        items.push(
          fill(tool.name, {
            name: tool.name,
            kind: kindOf(tool.kind).title,
            glyph: tool.kind,
            value: Number.isFinite(now?.value)
              ? `${number(now.value, 3)} ${unitText(found?.unit ?? "")}`
              : (found?.error?.code ?? ""),
            verdict: now?.verdict ?? null,
            stale: found?.stale,
            wrong: wrong.has(tool.name),
            unset: hasNoLimits(tool),
            selected: selection === tool.name,
          }),
        );
      }
      const focused = list.contains(document.activeElement)
        ? /** @type {HTMLElement} */ (document.activeElement)
        : null;
      if (
        items.length !== list.children.length ||
        items.some((item, n) => item !== list.children[n])
      ) {
        put(list, items);
        focused?.focus();
      }
      for (const [key, { item }] of rows) if (!items.includes(item)) rows.delete(key);
      requestAnimationFrame(() => reveal(rows.get(selection)?.item));
      count.textContent = t("{count} of {most}", { count: tools.length, most: MOST_TOOLS });
      more.disabled = tools.length >= MOST_TOOLS;
    },
  };
}
