// The program tried on pictures of the history: what was the verdict then, what would it be now,
// changed ones first.

import { complain } from "../dialog.js";
import { h, icon, put, verdict } from "../dom.js";
import { number, t, time } from "../words.js";
import { judge } from "./judge.js";
import { editor } from "./state.js";
import { recount, trying } from "./trying.js";

/**
 * draft() gives the document as it is being dragged; shown() is told of the picture that was
 * chosen. Gives {element, update()}.
 */
export function picturesPanel({ draft, shown }) {
  const choice = (label, name, rows) =>
    h(
      "label.cluster",
      h("span", label),
      h(
        "select",
        { name },
        rows.map(([value, text]) => h("option", { value }, text)),
      ),
    );
  const most = choice(t("Pictures"), "most", [
    [10, "10"],
    [5, "5"],
    [20, "20"],
  ]);
  const which = choice(t("That were"), "verdict", [
    ["", t("OK or NG or ERROR")],
    ["NG", "NG"],
    ["OK", "OK"],
    ["ERROR", "ERROR"],
  ]);
  const mine = h(
    "label.cluster",
    h("input", { type: "checkbox", name: "mine" }),
    h("span", t("only of this program")),
  );
  const go = h("button.button", { type: "submit" }, icon("history"), t("Try on them"));
  const stop = h(
    "button.button",
    { type: "button", hidden: true, onclick: () => trying.stopPictures() },
    t("Stop"),
  );
  const form = h("form.cluster", most, which, mine, go, stop);
  const progress = h("progress", { hidden: true, "aria-label": t("Pictures tried") });
  const summary = h("p", { role: "status" });
  const body = h("tbody");
  const table = h(
    "div.table-scroll",
    { hidden: true, tabindex: 0, role: "region", "aria-label": t("Pictures of the history") },
    h(
      "table.cards",
      h(
        "thead",
        h(
          "tr",
          [t("Picture"), t("When"), t("Then"), t("Now"), t("Why")].map((text) =>
            h("th", { scope: "col" }, text),
          ),
        ),
      ),
      body,
    ),
  );
  let tried = false;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const value = (name) => form.elements.namedItem(name);
    tried = true;
    try {
      await trying.tryPictures({
        most: Number(value("most").value),
        verdict: value("verdict").value,
        mine: value("mine").checked,
      });
    } catch (error) {
      complain(error);
    }
  });

  const row = (entry, now) => {
    const { row: old, url, result, problem } = entry;
    const changed = now?.verdict && now.verdict !== old.verdict;
    const program = draft();
    const why = problem
      ? problem
      : (now?.code ??
        program.tools
          .filter((tool) => now?.tools[tool.name]?.verdict === "NG")
          .map((tool) => `${tool.name} ${number(now.tools[tool.name].value, 3)}`)
          .join(", "));
    const open = () => {
      trying.take(entry);
      shown();
    };
    const name = old.part_id ?? old.result_id.slice(-8);
    const chosen = trying.source.kind === "result" && trying.source.id === old.result_id;
    return h(
      "tr",
      {
        dataset: { changed: String(Boolean(changed)), result: old.result_id },
        "aria-current": chosen ? "true" : null,
      },
      h(
        "th",
        { scope: "row" },
        h(
          "button.thumb",
          {
            type: "button",
            disabled: !result,
            onclick: open,
            "aria-label": t("Show {name}", { name }),
          },
          url ? h("img", { src: url, alt: "", loading: "lazy" }) : icon("camera"),
          h("span", name),
        ),
      ),
      h("td.nowrap", { dataset: { label: t("When") } }, time(old.finished_at)),
      h("td", { dataset: { label: t("Then") } }, verdict(old.verdict)),
      h(
        "td",
        { dataset: { label: t("Now") } },
        h(
          "span.cluster",
          verdict(now?.verdict ?? null),
          changed ? h("span.tag.warn", t("changed")) : null,
        ),
      ),
      h("td", { dataset: { label: t("Why") } }, why || "–"),
    );
  };

  let drawn = "";
  return {
    element: h(
      "section.card.pictures",
      { "aria-labelledby": "pictures-title" },
      h("h2", { id: "pictures-title" }, t("Try on pictures of the history")),
      h(
        "p.muted.small",
        t(
          "Kept pictures are JPEG: near a limit the value, and so the verdict, can differ from that of the part itself.",
        ),
      ),
      h("div.row", form, progress),
      summary,
      table,
    ),
    update() {
      const { progress: now, pictures } = trying;
      go.disabled = Boolean(now) || editor.link.node !== "ok" || editor.program.tools.length === 0;
      mine.hidden = !editor.id;
      stop.hidden = progress.hidden = !now;
      if (now) Object.assign(progress, { max: now.of, value: now.done });
      const program = draft();
      /** @type {[any, any][]} */
      const known = pictures.map((entry) => [
        entry,
        entry.result ? judge(entry.result, program, recount) : null,
      ]);
      const rank = ([entry, found]) =>
        found?.verdict && found.verdict !== entry.row.verdict ? 0 : 1;
      known.sort((a, b) => rank(a) - rank(b));
      const changes = known.filter((one) => rank(one) === 0);
      const stale =
        known.some(([, found]) => found && found.verdict === null) ||
        (pictures.length &&
          JSON.stringify(valuesOnly(program)) !==
            JSON.stringify(valuesOnly(trying.picturesProgram)));
      const state = JSON.stringify([
        known.map(([entry, found]) => [entry.row.result_id, found]),
        trying.source.id,
        stale,
        now,
        tried,
      ]);
      if (state === drawn) return;
      drawn = state;
      table.hidden = !pictures.length;
      put(
        body,
        known.map(([entry, found]) => row(entry, found)),
      );
      const better = (from, to) =>
        changes.filter(([entry, found]) => entry.row.verdict === from && found.verdict === to)
          .length;
      put(
        summary,
        !pictures.length
          ? tried && !now
            ? t(
                "There are no such kept pictures. NG parts keep theirs; of OK parts every n-th does.",
              )
            : ""
          : h(
              "span.cluster",
              h(
                "strong",
                changes.length
                  ? t("{changed} of {count} change their verdict", {
                      changed: changes.length,
                      count: known.length,
                    })
                  : t("All {count} keep their verdict", { count: known.length }),
              ),
              [
                ["OK", "NG"],
                ["NG", "OK"],
                ["OK", "ERROR"],
                ["NG", "ERROR"],
                ["ERROR", "OK"],
                ["ERROR", "NG"],
              ].map(([from, to]) =>
                better(from, to) ? h("span.tag", `${better(from, to)} × ${from} → ${to}`) : null,
              ),
              stale ? h("span.tag.warn", t("Settings have changed since: try again")) : null,
            ),
      );
    },
  };
}

// What decides about values: the document without limits, judgement and outputs.
function valuesOnly(program) {
  return (
    program && [
      program.locator,
      program.calibration,
      program.master,
      program.tools.map(({ low, high, ...others }) => others),
    ]
  );
}
