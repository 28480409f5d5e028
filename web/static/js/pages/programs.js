// The list of programs: where each runs, what is wrong, and what can be done with it.

import { get, may } from "../api.js";
import { $, h, icon, put } from "../dom.js";
import { live } from "../events.js";
import { importPrograms } from "../programs/importing.js";
import { List } from "../programs/list.js";
import { failure, spoken, translated } from "../told.js";
import { t } from "../words.js";

const shown = new List($("#list"), () => load());
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
    put($("#problem"), spoken(found.problem ?? ""));
    draw();
  } catch (error) {
    if (programs) return;
    put(
      $("#list"),
      h(
        "div.notice.error",
        { role: "alert" },
        h("p", failure(error)),
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
  const rows = programs.filter(({ id, name }) => `${id} ${name}`.toLowerCase().includes(wanted));
  if (!programs.length) return put(list, empty());
  if (!rows.length) return put(list, h("p.empty", t("No program has that name.")));
  shown.draw(rows, { wrong: problemsOf, node, searched: Boolean(wanted) });
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

/** What the stations that run it say is wrong with it. */
function problemsOf(id) {
  return stations
    .filter(
      (station) =>
        station.program === id &&
        /^(PROGRAM|MASTER|MODEL|NOT_TAUGHT|REGION)/.test(station.error?.code ?? ""),
    )
    .map((station) => `${station.id}: ${translated(station.error.message)}`);
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
