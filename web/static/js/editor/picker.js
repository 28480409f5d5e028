// Choosing a kind of tool: all kinds of the schema in groups, each with one sentence, found by
// words.

import { open } from "../dialog.js";
import { h, put, s } from "../dom.js";
import { t } from "../words.js";
import { GROUPS, KINDS, kindOf } from "./kinds.js";
import { synonymsOf } from "./synonyms.js";

/** The icon of a kind. */
export const glyph = (kind, table) =>
  s(
    "svg.icon",
    { viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    s("path", { d: kindOf(kind, table).icon }),
  );

/**
 * Ask for a kind; `refused(kind)` gives why one cannot be added now, or null. Resolves to the kind,
 * or null.
 */
export function pick(kinds, refused) {
  return new Promise((resolve) => {
    let answer = null;
    const search = h("input", {
      type: "search",
      "aria-label": t("Search for a tool"),
      placeholder: t("Search"),
      autocomplete: "off",
      autofocus: true,
    });
    const list = h("div.kinds");
    const nothing = h("p.empty", { role: "status", hidden: true }, t("No tool of that name"));
    const order = Object.keys(KINDS);
    const sorted = [...kinds].sort((a, b) => order.indexOf(a) - order.indexOf(b));
    const draw = () => {
      const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const fits = (kind) => {
        const { title, text, group } = kindOf(kind);
        const own = `${kind} ${title} ${text} ${GROUPS[group]}`.toLowerCase();
        const said = `${own} ${synonymsOf(kind)}`;
        return words.every((word) => said.includes(word));
      };
      const left = sorted.filter(fits);
      nothing.hidden = left.length > 0;
      put(
        list,
        Object.entries(GROUPS).map(([group, title]) => {
          const rows = left.filter((kind) => kindOf(kind).group === group);
          return rows.length
            ? h(
                "section",
                { "aria-label": title },
                h("h3", title),
                h("div.kind-grid", rows.map(card)),
              )
            : null;
        }),
      );
    };
    const card = (kind) => {
      const { title, text } = kindOf(kind);
      const why = refused(kind);
      return h(
        "button.kind-card",
        {
          type: "button",
          disabled: Boolean(why),
          dataset: { kind },
          onclick: () => {
            answer = kind;
            dialog.close();
          },
        },
        glyph(kind),
        h("span", h("strong", title), h("small", why ?? text)),
      );
    };
    search.addEventListener("input", draw);
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // else the button that opened this is pressed again
      list.querySelector("button:not(:disabled)")?.click();
    });
    draw();
    const dialog = open(t("Add a tool"), h("div.stack", search, nothing, list), { wide: true });
    dialog.addEventListener("close", () => resolve(answer));
  });
}
