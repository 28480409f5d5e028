// Tables that become cards on phones, or rows of two lines.

import { h } from "./dom.js";

/**
 * A table: columns are {title, key or cell(row), class}; `row(element, data)` may add to each row.
 * caption is for screen readers. lines: on a phone a row is two lines, not a line for each column;
 * the classes of columns place them: phone-first, phone-end, phone-second (phone-told: with its
 * title), phone-foot.
 */
export function table(caption, columns, rows, { row = null, empty = "", lines = false } = {}) {
  if (!rows.length && empty) return h("p.empty", empty);
  const head = h(
    "thead",
    h(
      "tr",
      columns.map((column) =>
        h(`th${column.class ? `.${column.class}` : ""}`, { scope: "col" }, column.title ?? ""),
      ),
    ),
  );
  const body = h(
    "tbody",
    rows.map((data) => {
      const element = h(
        "tr",
        columns.map((column) =>
          h(
            `td${column.class ? `.${column.class}` : ""}`,
            { dataset: { label: column.title ?? "" } },
            column.cell ? column.cell(data) : (data[column.key] ?? "–"),
          ),
        ),
      );
      row?.(element, data);
      return element;
    }),
  );
  return h(
    "div.table-scroll",
    { tabindex: "0", role: "region", "aria-label": caption },
    h(`table.cards${lines ? ".lines" : ""}`, h("caption.visually-hidden", caption), head, body),
  );
}
