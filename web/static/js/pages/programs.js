// The list of programs: where each runs, what is wrong, and what can be done with it.

import { get, may } from "../api.js";
import { doing } from "../dialog.js";
import { $, h, icon, put } from "../dom.js";
import { live } from "../events.js";
import { activate, exported, remove } from "../programs/actions.js";
import { importPrograms } from "../programs/importing.js";
import { page, t, time } from "../words.js";

let programs = null;
let stations = [];
let node = "unknown";

async function load() {
  try {
    const [found, now] = await Promise.all([get("/programs"), get("/stations")]);
    ({ programs } = found);
    stations = now.stations;
    ({ node } = now);
    $("#problem").hidden = !found.problem;
    $("#problem").textContent = found.problem ?? "";
    draw();
  } catch (error) {
    if (programs) return;
    put(
      $("#list"),
      h(
        "div.notice.error",
        { role: "alert" },
        h("p", error.text ?? error.message),
        h("button.button", { type: "button", onclick: load }, icon("refresh"), t("Try again")),
      ),
    );
    $("#list").removeAttribute("aria-busy");
  }
}

function draw() {
  const list = $("#list");
  list.removeAttribute("aria-busy");
  $("#search-field").hidden = programs.length < 8;
  const wanted = $("#search").value.trim().toLowerCase();
  const rows = programs
    .filter(({ id, name }) => `${id} ${name}`.toLowerCase().includes(wanted))
    .sort((a, b) => a.name.localeCompare(b.name, page.language));
  if (!programs.length) return put(list, empty());
  if (!rows.length) return put(list, h("p.empty", t("No program is called like that.")));
  const titles = [t("Program"), t("Version"), t("Saved"), t("Active at"), t("State"), t("Actions")];
  put(
    list,
    h(
      "div.table-scroll",
      h(
        "table.cards.programs",
        h(
          "thead",
          h(
            "tr",
            titles.map((title, n) =>
              h("th", { scope: "col" }, n === 5 ? h("span.visually-hidden", title) : title),
            ),
          ),
        ),
        h(
          "tbody",
          rows.map((row) => line(row, titles)),
        ),
      ),
    ),
  );
}

function empty() {
  return h(
    "div.card.empty",
    h("p", t("There is no program yet.")),
    may("ADMIN")
      ? h(
          "div.cluster.centred",
          h(
            "a.button.primary",
            { href: "/app/programs/new" },
            icon("plus"),
            t("Make the first one"),
          ),
        )
      : h("p", t("An administrator can make one.")),
  );
}

function line(program, titles) {
  const { id, name, version, saved_at, saved_by, note, active } = program;
  const href = `/app/programs/${encodeURIComponent(id)}`;
  const wrong = problemsOf(id);
  return h(
    "tr",
    { dataset: { program: id } },
    h("th.program-name", { scope: "row" }, h("a", { href }, name), h("span.muted.mono", id)),
    h("td", { "data-label": titles[1] }, String(version)),
    h(
      "td",
      { "data-label": titles[2] },
      h(
        "span",
        h("span.nowrap", time(saved_at, { seconds: false })),
        " ",
        h("span.muted", saved_by),
        note ? h("span.note", note) : null,
      ),
    ),
    h(
      "td",
      { "data-label": titles[3] },
      active.length
        ? h(
            "span.cluster",
            active.map((station) => h("span.tag.good", station)),
          )
        : h("span.muted", t("nowhere")),
    ),
    h(
      "td",
      { "data-label": titles[4] },
      wrong.length
        ? h("span.wrong", wrong.join("; "))
        : !active.length
          ? h("span.muted", "–")
          : node === "ok"
            ? h("span.tag.good", t("good"))
            : h("span.muted", t("unknown: the node is away")),
    ),
    h(
      "td.row-actions",
      h(
        "span.cluster",
        may("OPERATOR")
          ? act("run", t("Activate {name}", { name }), () => activate(id, load), "activate")
          : null,
        may("ADMIN")
          ? h(
              "a.button.icon-only.small",
              {
                href: `${href}/edit`,
                "aria-label": t("Edit {name}", { name }),
                title: t("Edit"),
                dataset: { action: "edit" },
              },
              icon("edit"),
            )
          : null,
        may("ADMIN")
          ? h(
              "a.button.icon-only.small",
              {
                href: `/app/programs/new?from=${encodeURIComponent(id)}#outputs`,
                "aria-label": t("Copy {name}", { name }),
                title: t("Copy"),
                dataset: { action: "copy" },
              },
              icon("copy"),
            )
          : null,
        act("download", t("Export {name}", { name }), () => exported(id, version), "export"),
        may("ADMIN")
          ? act(
              "trash",
              active.length
                ? t("{name} cannot be deleted while a station uses it", { name })
                : t("Delete {name}", { name }),
              async () => (await remove(program)) && load(),
              "delete",
              active.length > 0,
            )
          : null,
      ),
    ),
  );
}

function act(symbol, label, job, action, disabled = false) {
  return h(
    "button.button.icon-only.small",
    {
      type: "button",
      "aria-label": label,
      title: label,
      disabled,
      dataset: { action },
      onclick: doing(job),
    },
    icon(symbol),
  );
}

/** What the stations that run it say is wrong with it. */
function problemsOf(id) {
  return stations
    .filter(
      (station) =>
        station.program === id &&
        /^(PROGRAM|MASTER|MODEL|NOT_TAUGHT|REGION)/.test(station.error?.code ?? ""),
    )
    .map((station) => `${station.id}: ${station.error.message}`);
}

$("#search").addEventListener("input", draw);
$("#import")?.addEventListener("click", () => importPrograms(load));
// programs and stations change under our eyes: at most once a second
let waiting = null;
const soon = () =>
  (waiting ??= setTimeout(() => {
    waiting = null;
    load();
  }, 1000));
let known = "";
live.addEventListener("state", ({ detail }) => {
  const now = JSON.stringify(
    Object.entries(detail?.stations ?? {}).map(([id, { program, program_version, error }]) => [
      id,
      program,
      program_version,
      error?.code,
    ]),
  );
  if (known && now !== known) soon();
  known = now;
});
live.addEventListener(
  "event",
  ({ detail }) => String(detail?.type).startsWith("program.") && soon(),
);
load();
