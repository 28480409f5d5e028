// The export: how many, as what, with progress and cancel. Few results are saved by the page; many
// are written to a file
// while they come, where the browser can do that, else the browser's own download takes over.

import { ask } from "../api.js";
import { complain, open } from "../dialog.js";
import { h, put } from "../dom.js";
import { bytes, number, percent, t } from "../words.js";

const MANY = 100_000;
const MAX_ROWS = 1_000_000;
const LIMIT_MS = 920_000; // the server ends an export after 15 minutes
const PIECE = 8e6;
const TYPES = { csv: "text/csv", jsonl: "application/x-ndjson" };

/** Ask what to export of a filter, then do it. */
export function askExport(filter, order) {
  const choice = (name, value, title, help, checked) =>
    h(
      "label.field.check",
      h("input", { type: "radio", name, value, checked }),
      h("span", h("strong", title), h("br"), h("small.help", help)),
    );
  const form = h(
    "form.form",
    h(
      "p",
      t("All results that fit the filters, at most {count}, in the order of the list.", {
        count: number(MAX_ROWS),
      }),
    ),
    h(
      "fieldset",
      h("legend", t("Format")),
      choice(
        "format",
        "csv",
        t("CSV for spreadsheets"),
        t("One line a result, columns for the tools of the newest ones."),
        true,
      ),
      choice(
        "format",
        "jsonl",
        t("JSON lines for programs"),
        t("Every result as it was published."),
        false,
      ),
    ),
    h(
      "label.field",
      h("span", t("At most")),
      h(
        "span.with-unit",
        h("input", {
          name: "rows",
          type: "number",
          min: 1,
          max: MAX_ROWS,
          value: MAX_ROWS,
          required: true,
          inputmode: "numeric",
        }),
        h("span", t("results")),
      ),
    ),
    h(
      "div.actions",
      h("button.button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
      h("button.button.primary", { type: "submit" }, t("Export")),
    ),
  );
  const dialog = open(t("Export"), form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { format, rows } = Object.fromEntries(new FormData(form));
    run(
      dialog,
      form,
      { ...filter, order, format, ...(Number(rows) < MAX_ROWS && { rows }) },
      Number(rows),
    ).catch(complain);
  });
  return dialog;
}

async function run(dialog, form, query, rows) {
  const control = new AbortController();
  dialog.addEventListener("close", () => control.abort());
  const bar = h("progress", { max: 1, "aria-label": t("Progress") });
  const line = h("p", { role: "status" }, t("Looking for results"));
  const cancel = h("button.button", { type: "button", onclick: () => dialog.close() }, t("Cancel"));
  form.replaceWith(h("div.stack.exporting", bar, line, h("div.actions", cancel)));
  let sink = null;
  try {
    const { response } = await ask("GET", "/results/export", {
      query,
      signal: control.signal,
      limit_ms: LIMIT_MS,
    });
    const known = response.headers.get("X-Total-Count");
    const total = known === null ? null : Math.min(rows, Number(known));
    const name =
      /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ??
      `results.${query.format}`;
    if (total === 0) return (put(line, t("No result fits these filters.")), bar.remove());
    // what is not counted within a second is many, but for values of tools, which are never counted
    const many = total === null ? !query.tool : total > MANY;
    sink = many ? await place(bar, line, name, query, total) : memory(name, TYPES[query.format]);
    if (!sink) return (control.abort(), dialog.close());
    const done = await pour(response, sink, query.format, ({ count, size }) => {
      if (total) bar.value = Math.min(1, count / total);
      line.textContent = total
        ? t("{count} of {total} results, {percent}, {size}", {
            count: number(count),
            total: number(total),
            percent: percent(count / total, 0),
            size: bytes(size),
          })
        : t("{count} result, {size} | {count} results, {size}", {
            count: number(count),
            size: bytes(size),
          });
    });
    bar.value = 1;
    put(
      line,
      t("{count} result saved as {name}, {size}. | {count} results saved as {name}, {size}.", {
        count: number(done.count),
        name,
        size: bytes(done.size),
      }),
    );
    put(cancel, t("Close")).focus();
  } catch (error) {
    await sink?.abort();
    if (control.signal.aborted) return;
    bar.remove();
    put(
      line,
      h(
        "span.wrong",
        t("The export ended early: {reason} Nothing was saved.", {
          reason: `${error.text ?? error.message}.`,
        }),
      ),
    );
    put(cancel, t("Close"));
  }
}

// Each result is a line; what a spreadsheet quotes over several lines is rare enough for a progress
// bar.
async function pour(response, sink, format, tell) {
  const reader = response.body.getReader();
  let [size, lines, told] = [0, format === "csv" ? -1 : 0, 0];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    await sink.write(value);
    size += value.length;
    for (let at = value.indexOf(10); at >= 0; at = value.indexOf(10, at + 1)) lines += 1;
    if (performance.now() - told > 200) {
      told = performance.now();
      tell({ count: Math.max(0, lines), size });
    }
  }
  await sink.close();
  return { count: Math.max(0, lines), size };
}

// Pieces become blobs, which the browser may keep on disk.
function memory(name, type) {
  let [pieces, size] = [[], 0];
  const blobs = [];
  const pack = () => {
    blobs.push(new Blob(pieces));
    [pieces, size] = [[], 0];
  };
  return {
    write(piece) {
      pieces.push(piece);
      size += piece.length;
      if (size > PIECE) pack();
    },
    close() {
      pack();
      const url = URL.createObjectURL(new Blob(blobs, { type }));
      h("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
    abort() {},
  };
}

// Many results: a file that the person chooses, or a link that the browser downloads by itself.
// Null if neither is for us to write.
function place(bar, line, name, query, total) {
  bar.hidden = true;
  return new Promise((resolve, reject) => {
    const link = h(
      "a.button",
      {
        href: `/api/v1/results/export?${new URLSearchParams(Object.entries(query).filter(([, value]) => value))}`,
        download: name,
        onclick: () => resolve(null),
      },
      t("Let the browser download it"),
    );
    /** Of Chromium; elsewhere the browser saves. @type {undefined | ((options: object) => Promise<any>)} */
    const picker = /** @type {any} */ (window).showSaveFilePicker;
    const choose = async () => {
      try {
        resolve(await (await picker({ suggestedName: name })).createWritable());
        bar.hidden = false;
      } catch (error) {
        if (error.name !== "AbortError") reject(error);
      }
    };
    put(
      line,
      h(
        "span",
        total === null
          ? t("This will be a large file.")
          : t("{count} results are a large file.", { count: number(total) }),
      ),
      h(
        "span.actions",
        picker
          ? h("button.button.primary", { type: "button", onclick: choose }, t("Choose a file"))
          : null,
        link,
      ),
    );
  });
}
