// The history: filters in the address, pages by cursor, new results as a quiet button, one click to
// a result.
//
// One file: a page's module; its parts are of no use to another page.

import { get } from "../api.js";
import { $, $$, h, put, typed } from "../dom.js";
import { live } from "../events.js";
import { address, asked, CONDITIONS, read } from "../history/address.js";
import { offer, toolsOf } from "../history/choices.js";
import { askExport } from "../history/export.js";
import { fits } from "../history/fresh.js";
import { rangeFields } from "../history/range.js";
import { keys, tableRow, tile } from "../history/rows.js";
import { search } from "../history/search.js";
import { failure } from "../told.js";
import { number, t, time, unitText } from "../words.js";

const PATH = "/app/history";
const NAMES = [...CONDITIONS, "order", "limit", "cursor"];
const form = $("#filters");
let filter = read(location.search, NAMES);
let choices = { stations: [], programs: [], codes: [] };
let query = {}; // what was asked, its times fixed, so that all pages belong together
let next = null;
let shown = [];
let fresh = 0;
let asking = null;

const range = rangeFields(form.elements.range, form.elements.since, form.elements.until, changed);
keys($("#rows"));
keys($("#tiles"));
view(localStorage.getItem("history-view") ?? "table");
fields();
load(true);
get("/results/choices").then(
  (data) => {
    choices = data;
    fields();
  },
  () => {},
);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  changed();
});
form.addEventListener("change", ({ target }) => {
  if (!["range", "since", "until"].includes(target.name)) changed();
});
for (const button of $$("[data-view]"))
  button.addEventListener("click", () => view(button.dataset.view));
for (const name of ["order", "limit"])
  $(`#${name}`).addEventListener("change", () =>
    go({ ...conditions(), order: $("#order").value, limit: $("#limit").value }),
  );
$("#clear").addEventListener("click", () => {
  go({ order: filter.order, limit: filter.limit });
  $("input[name=verdict]:checked").focus();
});
$("#show-filters").addEventListener("click", ({ currentTarget }) =>
  currentTarget.setAttribute("aria-expanded", String(form.classList.toggle("open"))),
);
$("#export").addEventListener("click", () =>
  askExport(asked(conditions()), filter.order ?? "newest"),
);
$("#new").addEventListener("click", () => {
  load(true).then(() => $("[data-open]", list())?.focus());
});
$("#first").addEventListener("click", () => {
  const quick = history.state?.range;
  go({ ...filter, cursor: "", ...(quick && { range: quick, since: "" }) });
});
$("#back").addEventListener("click", () => history.back());
$("#on").addEventListener("click", () => turn());
addEventListener("popstate", () => {
  filter = read(location.search, NAMES);
  fields();
  load(true);
});
addEventListener("pagehide", () =>
  sessionStorage.setItem("history-at", JSON.stringify({ href: location.href, y: scrollY })),
);
live.addEventListener("result", ({ detail }) => arrived(detail));

/** The conditions alone. */
function conditions() {
  const { order, limit, cursor, ...rest } = filter;
  return rest;
}

/** The list that is in sight. */
function list() {
  return $("#tiles").hidden ? $("#rows") : $("#tiles");
}

function changed() {
  const given = typed(form);
  const values = Object.fromEntries(
    CONDITIONS.filter((name) => given[name]?.trim()).map((name) => [name, given[name].trim()]),
  );
  if (!values.tool)
    for (const name of ["tool_low", "tool_high", "tool_verdict"]) delete values[name];
  go({ ...range.read(), ...values, order: filter.order, limit: filter.limit });
}

function go(wanted) {
  const { order, limit, ...rest } = wanted;
  filter = Object.fromEntries(
    Object.entries({
      ...rest,
      ...(order !== "newest" && { order }),
      ...(limit !== "50" && { limit }),
    }).filter(([, value]) => value),
  );
  const to = address(PATH, filter);
  if (to === location.pathname + location.search && asking && $("#results").ariaBusy === "true")
    return; // Enter is a change and a submission
  if (to !== location.pathname + location.search) history.pushState({}, "", to);
  fields();
  load(true);
}

// A cursor belongs to its filter: from the second page on "the last hour" is the time at which that
// hour began, in the address too.
function turn() {
  const { range: quick = history.state?.range, ...rest } = filter;
  filter = { ...rest, ...(query.since && { since: query.since }), cursor: next };
  history.pushState({ behind: true, range: quick }, "", address(PATH, filter));
  load(true).then(() => {
    scrollTo({ top: 0 });
    $("[data-open]", list())?.focus({ preventScroll: true });
  });
}

/** Show in the fields what the filter says. */
function fields() {
  range.show({ ...filter, range: filter.range ?? history.state?.range });
  offer(form, choices, filter);
  for (const input of $$("[name=verdict]", form))
    input.checked = input.value === (filter.verdict ?? "");
  for (const name of ["part_id", "tool_low", "tool_high", "tool_verdict"])
    form.elements[name].value = filter[name] ?? "";
  $("#order").value = filter.order ?? "newest";
  $("#limit").value = filter.limit ?? "50";
  $("#of-tool").hidden = !filter.tool;
  const unit = toolsOf(choices.programs, filter.program).get(filter.tool)?.unit ?? "";
  for (const each of $$("[data-unit]")) each.textContent = unitText(unit);
  const set = Object.keys(conditions()).filter((name) => name !== "until" || !filter.since).length;
  $("#filter-count").hidden = $("#clear").hidden = set === 0;
  $("#filter-count").textContent = set;
  for (const field of $$(".field", form))
    field.classList.toggle("set", Boolean($("input, select", field).value));
  $("#to-statistics").href = address(
    "/app/statistics",
    Object.fromEntries(
      ["range", "since", "until", "station", "program", "tool"].map((name) => [name, filter[name]]),
    ),
  );
}

function view(name) {
  localStorage.setItem("history-view", name);
  for (const button of $$("[data-view]"))
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  $("#as-table").hidden = name !== "table";
  $("#tiles").hidden = name !== "pictures";
  draw();
}

function draw() {
  if (query.order === undefined) return;
  put(list(), shown.map($("#tiles").hidden ? tableRow : tile));
}

/** Ask for the page of the filter, from its beginning or on from where the search was stopped. */
async function load(anew) {
  asking?.abort();
  const mine = (asking = new AbortController());
  let stopped = false;
  if (anew) {
    query = { ...asked(conditions()), order: filter.order ?? "newest" };
    fresh = 0;
    $("#new").hidden = true;
    next = filter.cursor ?? null;
  }
  let first = anew;
  const limit = Number(filter.limit ?? 50);
  const busy = setTimeout(() => $("#results").setAttribute("aria-busy", "true"), 150);
  $("#searching").hidden = true;
  $("#failed").hidden = true;
  try {
    const answer = await search(query, anew ? limit : limit - shown.length, next, {
      signal: mine.signal,
      stop: () => stopped,
      piece: (rows) => {
        shown = first ? rows : [...shown, ...rows];
        if (first) draw();
        else list().append(...rows.map($("#tiles").hidden ? tableRow : tile));
        first = false;
      },
      standing: (to) =>
        (put(
          $("#searching"),
          h(
            "span",
            to
              ? t("Searching. {count} found, looked at results back to {time}.", {
                  count: shown.length,
                  time: time(to),
                })
              : t("Searching. {count} found.", { count: shown.length }),
          ),
          h("button.button.small", { type: "button", onclick: () => (stopped = true) }, t("Stop")),
        ).hidden = false),
    });
    next = answer.cursor;
    finish(answer.stopped);
  } catch (error) {
    if (mine.signal.aborted) return;
    put(
      $("#failed"),
      h("span", failure(error)),
      " ",
      h("button.button.small", { type: "button", onclick: () => load(true) }, t("Try again")),
    ).hidden = false;
    $("#summary").textContent = "";
  } finally {
    clearTimeout(busy);
    if (asking === mine) $("#results").setAttribute("aria-busy", "false");
  }
}

function finish(stopped) {
  $("#searching").hidden = !stopped;
  if (stopped)
    put(
      $("#searching"),
      h("span", t("The search was stopped.")),
      h("button.button.small", { type: "button", onclick: () => load(false) }, t("Go on")),
    );
  const filtered = Object.keys(conditions()).length > 0;
  $("#empty").hidden = shown.length > 0 || stopped;
  $("#as-table").hidden = shown.length === 0 || !$("#tiles").hidden;
  put(
    $("#empty"),
    h(
      "p",
      filtered
        ? t("No result fits these filters.")
        : filter.cursor
          ? t("There are no more results.")
          : t("No part has been inspected yet."),
    ),
    filtered
      ? h(
          "button.button",
          { type: "button", onclick: () => $("#clear").click() },
          t("Clear the filters"),
        )
      : null,
  );
  const ends = shown
    .map((row) => row.finished_at)
    .sort()
    .filter((_, each, all) => each === 0 || each === all.length - 1)
    .map((at) => time(at));
  $("#summary").textContent =
    shown.length === 0
      ? t("No results")
      : shown.length === 1
        ? t("1 result, {time}", { time: ends[0] })
        : t("{count} results, {first} to {last}", {
            count: number(shown.length),
            first: ends[0],
            last: ends[1],
          });
  $("#pages").hidden = !filter.cursor && (next === null || stopped);
  $("#first").disabled = !filter.cursor;
  $("#back").disabled = !history.state?.behind;
  $("#on").disabled = next === null || stopped;
  sessionStorage.setItem(
    "history-list",
    JSON.stringify({
      href: location.pathname + location.search,
      ids: shown.map((row) => row.result_id),
    }),
  );
  restore();
}

/** Coming back from a result: to the row that was opened. */
let came =
  /** @type {PerformanceNavigationTiming} */ (performance.getEntriesByType("navigation")[0])
    ?.type === "back_forward";
function restore() {
  if (!came) return;
  came = false;
  const row = $(
    `[data-result="${CSS.escape(sessionStorage.getItem("history-opened") ?? "")}"]`,
    list(),
  );
  if (!row) return;
  row.scrollIntoView({ block: "center" });
  $("[data-open]", row)?.focus({ preventScroll: true });
}
for (const id of ["#rows", "#tiles"])
  $(id).addEventListener(
    "click",
    ({ target }) => {
      const row = target.closest("[data-result]");
      if (row) sessionStorage.setItem("history-opened", row.dataset.result);
    },
    true,
  );

/** A new result: counted if it belongs on this page. */
function arrived(result) {
  if (
    filter.cursor ||
    (filter.order ?? "newest") !== "newest" ||
    shown.some((row) => row.result_id === result.result_id) ||
    !fits(result, filter)
  )
    return;
  fresh += 1;
  $("#new").hidden = false;
  $("#new").textContent = fresh === 1 ? t("1 new") : t("{count} new", { count: number(fresh) });
}
