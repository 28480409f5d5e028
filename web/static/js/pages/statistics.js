// The statistics: counts and yield over time, reject reasons, and each tool's values against its
// limits, for a range, station and program.

import { ApiError, get } from "../api.js";
import { countsChart, ranking } from "../charts.js";
import { $, h, put } from "../dom.js";
import { address, asked, read } from "../history/address.js";
import { offer } from "../history/choices.js";
import { rangeFields } from "../history/range.js";
import { named, QUICK } from "../history/times.js";
import { keyOf, spansTable, toolCharts, toolsTable } from "../history/tool_figures.js";
import { failure } from "../told.js";
import { number, percent, t, time } from "../words.js";

const PATH = "/app/statistics";
const NAMES = ["station", "program", "tool", "series"];
const RANGE = "24h"; // if the address names none
const form = $("#choices");
let filter = read(location.search, NAMES);
let choices = { stations: [], programs: [] };
let asking = new AbortController();
let found = null; // figures of the tools

const range = rangeFields(
  form.elements.range,
  form.elements.since,
  form.elements.until,
  changed,
  "all",
);
fields();
load();
get("/results/choices").then(
  (data) => {
    choices = data;
    fields();
  },
  () => {},
);

for (const name of ["station", "program", "tool"])
  form.elements[name].addEventListener("change", changed);
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("popstate", () => {
  filter = read(location.search, NAMES);
  fields();
  load();
});
$("#again").addEventListener("click", load);
$("#print").addEventListener("click", () => print());
// Paper is white, whatever the screen is.
addEventListener("beforeprint", () => {
  document.documentElement.dataset.before = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = document.documentElement.dataset.before ?? "auto";
});

function changed() {
  const { station, program, tool } = form.elements;
  go({ ...range.read(), station: station.value, program: program.value, tool: tool.value });
}

function go(wanted) {
  filter = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value));
  history.pushState(null, "", address(PATH, filter));
  fields();
  load();
}

/**
 * The filter with its range, for links and requests.
 * @returns {Record<string, string>}
 */
function whole() {
  const { range: wanted, ...rest } = filter;
  return { ...(rest.since || rest.until ? {} : { range: wanted ?? RANGE }), ...rest };
}

function fields() {
  range.show(whole());
  offer(form, { ...choices, codes: [] }, filter);
  $("#to-history").href = toHistory({});
}

/** The address of the results that a figure is about. */
function toHistory(more) {
  const { range: wanted, tool, series, ...rest } = whole();
  return address("/app/history", { ...(wanted !== "all" && { range: wanted }), ...rest, ...more });
}

async function load() {
  asking.abort();
  const { signal } = (asking = new AbortController());
  const { tool, series, ...query } = asked(whole());
  about();
  $("#figures").setAttribute("aria-busy", "true");
  $("#failed").hidden = true;
  const tools = get("/statistics/tools", query, { signal })
    .then((data) => {
      found = data;
      showTools(signal);
    })
    .catch((error) => signal.aborted || put($("#tools"), trouble(error)));
  try {
    const data = await get("/statistics", query, { signal });
    show(data);
    $("#figures").setAttribute("aria-busy", "false");
    await tools;
  } catch (error) {
    if (signal.aborted) return;
    $("#figures").hidden = true;
    $("#empty").hidden = true;
    put($("#failed"), trouble(error)).hidden = false;
  } finally {
    if (!signal.aborted) $("#figures").setAttribute("aria-busy", "false");
  }
}

/** What went wrong; a question that takes too long is asked for a shorter time. */
function trouble(error) {
  if (!(error instanceof ApiError)) console.error(error);
  if (error.code !== "QUERY_LIMIT")
    return [
      h("p", failure(error)),
      h("button.button", { type: "button", onclick: load }, t("Try again")),
    ];
  const now = QUICK[whole().range] ?? Infinity;
  const shorter = Object.entries(QUICK)
    .filter(([, seconds]) => seconds < now)
    .map(([wanted]) =>
      h(
        "button.button",
        { type: "button", onclick: () => go({ ...filter, since: "", until: "", range: wanted }) },
        named(wanted),
      ),
    );
  return [
    h("p", t("There are too many results for one answer in time. Choose a shorter range.")),
    h("p.cluster", shorter),
  ];
}

function about() {
  const { range: wanted, since, until, station, program } = whole();
  $("#about").textContent = [
    named(wanted, since, until),
    station,
    program,
    t("as of {time}", { time: time(new Date().toISOString()) }),
  ]
    .filter(Boolean)
    .join(" · ");
}

function show({ counts, buckets, bucket_s, cycle_ms, rejects }) {
  const { range: wanted, station, program } = whole();
  const none = counts.total === 0;
  $("#empty").hidden = !none;
  $("#figures").hidden = none;
  if (none) {
    const all = h(
      "button.button",
      { type: "button", onclick: () => go({ range: "all" }) },
      t("Show all results"),
    );
    return put(
      $("#empty"),
      h("p", t("No part was inspected in this time.")),
      wanted === "all" && !station && !program ? null : all,
    );
  }
  for (const box of $("#totals").children) {
    const key = box.dataset.total;
    const note =
      key === "average"
        ? t("95 %: {p95} ms, longest {max} ms", {
            p95: number(cycle_ms.p95, 1),
            max: number(cycle_ms.max, 1),
          })
        : key in counts && !["yield", "total"].includes(key)
          ? percent(counts[key] / counts.total)
          : null;
    put(
      $("dd", box),
      key === "yield"
        ? percent(counts.yield, 2)
        : key === "average"
          ? `${number(cycle_ms.average, 1)} ms`
          : number(counts[key]),
      note ? h("small", note) : null,
    );
  }
  const pick = ({ at }) =>
    location.assign(
      toHistory({
        range: "",
        since: at,
        until: new Date(Date.parse(at) + bucket_s * 1000).toISOString(),
      }),
    );
  put(
    $("#over"),
    countsChart({ title: t("Steps of {step}", { step: step(bucket_s) }), buckets, bucket_s, pick }),
  );
  put(
    $("#rejects"),
    rejects.reasons.length
      ? [
          h(
            "p.muted.small",
            t("Of the newest {of} rejected parts; a part can have several reasons.", {
              of: number(rejects.of),
            }),
          ),
          ranking(rejects.reasons.map(reason), { of: rejects.of }),
        ]
      : h("p.muted", t("No part was rejected.")),
  );
}

function step(seconds) {
  const [value, unit] =
    seconds % 86400 === 0
      ? [seconds / 86400, "day"]
      : seconds % 3600 === 0
        ? [seconds / 3600, "hour"]
        : seconds % 60 === 0
          ? [seconds / 60, "minute"]
          : [seconds, "second"];
  return new Intl.NumberFormat(document.documentElement.lang, {
    style: "unit",
    unit,
    unitDisplay: "long",
  }).format(value);
}

function reason({ reason: text, count }) {
  if (text === "judgement")
    return { label: t("Judgement"), count, href: toHistory({ verdict: "NG" }) };
  if (text.startsWith("tool:"))
    return {
      label: text.slice(5),
      note: t("Tool"),
      count,
      href: toHistory({ verdict: "NG", tool: text.slice(5), tool_verdict: "NG" }),
    };
  return { label: text, note: t("Error"), count, href: toHistory({ code: text }) };
}

/** The table, and the series of the address or the one that keeps its limits worst. */
function showTools(signal) {
  const tools = found.tools.filter(({ name }) => !filter.tool || name === filter.tool);
  const worst = [...tools].sort((a, b) => (a.ppk ?? Infinity) - (b.ppk ?? Infinity))[0];
  const chosen = tools.find((tool) => keyOf(tool) === filter.series) ?? worst;
  put($("#tools"), toolsTable({ ...found, tools }, chosen && keyOf(chosen), choose));
  return showTool(chosen, signal);
}

async function choose(series) {
  filter = { ...filter, series };
  history.replaceState(null, "", address(PATH, filter));
  await showTools(asking.signal);
  $("#tool").scrollIntoView({ block: "nearest" });
  $("#tool").focus({ preventScroll: true });
}

async function showTool(chosen, signal) {
  $("#tool").hidden = !chosen;
  if (!chosen) return;
  const { name, program } = chosen;
  $("#tool-title").textContent = `${name} · ${program}`;
  try {
    const { series, ...query } = asked(whole());
    const { tools } = await get(
      "/statistics/tools",
      { ...query, tool: name, ...(program && { program }) },
      { signal },
    );
    const tool = tools.find((each) => keyOf(each) === keyOf(chosen));
    put(
      $("#tool-figures"),
      tool
        ? [toolCharts(tool), spansTable(tool)]
        : h("p.muted", t("This tool has given no value here.")),
    );
  } catch (error) {
    if (!signal.aborted) put($("#tool-figures"), trouble(error));
  }
}
