// Tables that become cards on phones.

import { h } from "./dom.js";

/**
 * A table: columns are {title, key or cell(row), class}; `row(element, data)` may add to each row.
 * caption is for screen readers.
 */
export function table(caption, columns, rows, { row = null, empty = "" } = {}) {
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
    h("table.cards", h("caption.visually-hidden", caption), head, body),
  );
}
