// The lines of every station, twice a second, with every pulse between two questions; in maintenance
// mode an administrator tests outputs.

import { ApiError, get, may, post, put as send } from "../api.js";
import { complain, confirm, doing } from "../dialog.js";
import { $, h, lamp, put } from "../dom.js";
import { live } from "../events.js";
import { INPUT, Lately } from "../lines/lately.js";
import { mayEnd } from "../run/maintenance.js";
import { table } from "../table.js";
import { failure } from "../told.js";
import { number, t } from "../words.js";

const MEANINGS = {
  ready: t("Takes triggers"),
  busy: t("A part is inspected"),
  trigger: t("Triggers an inspection"),
  ok: t("Verdict OK"),
  ng: t("Verdict NG"),
  error: t("Verdict ERROR"),
  result_valid: t("Strobe: the verdict may be read"),
  heartbeat: t("1 Hz while the node runs"),
};
const EVERY_MS = 500;
const AT_ONCE_MS = 2000;
const AWAY = ["NODE_AWAY", "BROKER_AWAY"];
const cards = new Map(); // station to {element, lately, lines, drawn}

async function begin() {
  const { stations } = await get("/stations");
  const ids = stations.map(({ id }) => id);
  const wanted = new URLSearchParams(location.search).get("station");
  const one = ids.includes(wanted) ? wanted : null;
  choice(ids, one);
  const all = (one ? [one] : ids).map((id) => {
    const element = h(
      "section.card",
      { dataset: { station: id }, "aria-label": id },
      h("h2", id),
      h("p.muted", t("Loading")),
    );
    cards.set(id, { element, lately: new Lately(), asked: Promise.resolve(), drawn: "" });
    return element;
  });
  put($("#stations"), h("p.muted", t("Loading")));
  // all at once, so that none is pushed away by another that fills
  await Promise.race([look(), new Promise((done) => setTimeout(done, AT_ONCE_MS))]);
  put($("#stations"), all);
  $("#stations").removeAttribute("aria-busy");
}

/** Which station is shown: one of many is found by its name, and only its lines are asked for. */
function choice(ids, one) {
  const select = $("#choice");
  const option = (id) => h("option", { value: id, selected: id === one }, id);
  put(select, select.firstElementChild, ids.map(option));
  select.addEventListener("change", () => {
    const query = select.value ? `?station=${encodeURIComponent(select.value)}` : "";
    location.assign(`/app/lines${query}`);
  });
}

async function look() {
  if (!document.hidden) {
    const problems = await Promise.all([...cards.keys()].map(one));
    const away = problems.find((problem) => AWAY.includes(problem?.code));
    const shown = away ? away.text : "";
    if ($("#away").textContent !== shown) $("#away").textContent = shown;
    $("#away").hidden = !away;
    // one message, and no cards that say nothing
    $("#stations").hidden = Boolean(away) && problems.every((problem) => problem);
  }
  setTimeout(look, EVERY_MS);
}

/** Ask for one station and show it; the problem if it cannot be asked. */

function one(station) {
  const card = cards.get(station);
  card.asked = card.asked.then(() => ask(station, card));
  return card.asked;
}

async function ask(station, card) {
  let lines = null;
  let problem = null;
  try {
    if (live.link.node === "away") throw new ApiError("NODE_AWAY", t("Node away"));
    const { after } = card.lately;
    lines = await get(`/stations/${station}/outputs`, after === null ? {} : { after });
    card.lately.take(lines.trace, performance.now());
  } catch (error) {
    problem = error;
  }
  show(station, card, lines, problem);
  if (lines) pulses(card, lines);
  return problem;
}

/** What of a card changes at every look. */
function pulses({ element, lately }, lines) {
  const now = performance.now();
  const active = Object.fromEntries(lines.outputs.map((row) => [row.role, row.active]));
  active[INPUT] = lines.trace.input;
  for (const svg of element.querySelectorAll("[data-lately]"))
    lately.paint(svg, svg.dataset.lately, active[svg.dataset.lately], now);
  for (const cell of element.querySelectorAll("[data-pulse]")) {
    const role = cell.dataset.pulse;
    cell.textContent = lately.pulse(role, active[role], now) ?? t("never");
  }
  for (const cell of element.querySelectorAll("[data-count]"))
    cell.textContent = number(lately.count(cell.dataset.count), 0);
}

function show(station, card, lines, problem) {
  const state = live.state?.stations?.[station];
  const { trace, ...standing } = lines ?? {};
  const drawn = JSON.stringify([
    standing,
    trace?.input,
    problem?.text,
    state?.maintenance,
    state?.outputs,
    state?.state,
  ]);
  if (drawn === card.drawn) return; // nothing new: focus and selection stay
  const focused = document.activeElement?.getAttribute("data-key");
  card.drawn = drawn;
  draw(card, station, lines, problem, state);
  if (focused) card.element.querySelector(`[data-key="${focused}"]`)?.focus();
}

function draw({ element, lately }, station, lines, problem, state) {
  const maintenance = Boolean(state?.maintenance);
  element.classList.toggle("maintenance", maintenance);
  put(
    element,
    h(
      "div.row",
      h("h2", station),
      h(
        "span.cluster",
        state
          ? lamp(
              state.outputs === "ok" ? "ok" : state.outputs === "none" ? "unknown" : "bad",
              t("Outputs"),
            )
          : null,
        lines
          ? h(
              lines.kind === "memory" ? "span.tag.simulated" : "span.tag",
              lines.kind === "memory" ? t("Simulated") : lines.chip,
            )
          : null,
        maintenance
          ? h(
              "span.tag.warn",
              lines?.maintenance?.by
                ? t("Maintenance by {by}", { by: lines.maintenance.by })
                : t("Maintenance"),
            )
          : null,
        controls(station, maintenance, state),
      ),
    ),
    problem && !AWAY.includes(problem.code) ? h("p.notice.error", failure(problem)) : null,
    problem && AWAY.includes(problem.code) ? h("p.muted", t("How they stand is not known.")) : null,
    lines ? outputs(station, lines, maintenance, lately) : null,
    lines ? h("p.muted.small", input(lines.trigger), " ", drive(lines.drive)) : null,
  );
}

function controls(station, maintenance, state) {
  if (!may("ADMIN") || !state) return null;
  const on = async () => {
    const sure = await confirm(
      t("Begin maintenance of {station}?", { station }),
      t(
        "The station takes no triggers while lines are set by hand. Whatever they drive will move. It ends by itself after 15 minutes without a test.",
      ),
      { yes: t("Begin maintenance"), danger: true },
    );
    if (sure) await post(`/stations/${station}/pause`, { maintenance: true });
  };
  return maintenance
    ? h(
        "button.button.primary",
        {
          type: "button",
          dataset: { key: `${station}-end` },
          onclick: doing(
            async () => (await mayEnd(station)) && post(`/stations/${station}/resume`),
          ),
        },
        t("End maintenance"),
      )
    : h(
        "button.button",
        { type: "button", dataset: { key: `${station}-begin` }, onclick: doing(on) },
        t("Maintenance"),
      );
}

function outputs(station, lines, maintenance, lately) {
  if (!lines.outputs.length && !lines.trigger)
    return h("p.empty", t("No output line is assigned in the settings."));
  const { trigger, trace } = lines;
  const inputs = trigger
    ? [{ role: INPUT, line: trigger.line, level: trigger.active, active: trace.input, input: true }]
    : [];
  const set = (row) => async () => {
    await send(`/stations/${station}/outputs/${row.role}`, { active: !row.active });
    await one(station);
  };
  const shown = table(
    t("Lines of {station}", { station }),
    [
      {
        title: t("Line"),
        cell: (row) => [h("strong", row.role), row.input ? h("span.tag", t("Input")) : null],
      },
      {
        title: t("Meaning"),
        cell: (row) => MEANINGS[row.role] ?? row.meaning ?? h("span.muted", t("not assigned")),
      },
      {
        title: t("Place"),
        cell: (row) =>
          h(
            "span.mono",
            `${row.line} (${row.level === "low" ? t("active low") : t("active high")})`,
          ),
      },
      {
        title: t("Level"),
        cell: (row) =>
          h(
            "span.level",
            { dataset: { active: String(row.active) } },
            row.active === null ? t("unknown") : row.active ? t("Active") : t("Inactive"),
          ),
      },
      { title: t("Last 10 s"), cell: (row) => lately.drawing(row.role) },
      {
        title: t("Last pulse"),
        cell: (row) => h("span.nowrap.number", { dataset: { pulse: row.role } }),
      },
      {
        title: t("Pulses"),
        cell: (row) => h("span.number", { dataset: { count: row.role } }),
      },
      maintenance && may("ADMIN")
        ? {
            title: t("Test"),
            cell: (row) =>
              row.input
                ? "–"
                : h(
                    "button.button.small",
                    {
                      type: "button",
                      dataset: { key: `${station}-${row.role}` },
                      "aria-pressed": String(Boolean(row.active)),
                      onclick: doing(set(row)),
                    },
                    row.active ? t("Turn off") : t("Turn on"),
                  ),
          }
        : null,
    ].filter(Boolean),
    [...inputs, ...lines.outputs],
  );
  shown.classList.add("line-table");
  return shown;
}

const input = (trigger) =>
  trigger
    ? t("Trigger input: line {line}, {edge} edge, {ms} ms debounce.", {
        line: trigger.line,
        edge: trigger.edge === "rising" ? t("rising") : t("falling"),
        ms: trigger.debounce_ms,
      })
    : t("No trigger input.");
const drive = ({ mode, pulse_ms, delay_ms }) =>
  mode === "pulse"
    ? t("Verdicts are pulses of {ms} ms, {delay} ms after the verdict.", {
        ms: pulse_ms,
        delay: delay_ms,
      })
    : t("Verdicts stay until the next inspection begins.");

begin().catch(complain);
