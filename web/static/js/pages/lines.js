// The lines of every station, twice a second; in maintenance mode an administrator tests outputs.

import { get, may, post, put as send } from "../api.js";
import { complain, confirm, doing } from "../dialog.js";
import { $, h, lamp, put } from "../dom.js";
import { live } from "../events.js";
import { mayEnd } from "../run/maintenance.js";
import { table } from "../table.js";
import { t } from "../words.js";

const MEANINGS = {
  ready: t("Takes triggers"),
  busy: t("A part is inspected"),
  ok: t("Verdict OK"),
  ng: t("Verdict NG"),
  error: t("Verdict ERROR"),
  result_valid: t("Strobe: the verdict may be read"),
  heartbeat: t("1 Hz while the node lives"),
};
const EVERY_MS = 500;
const cards = new Map(); // station to {element, lines, drawn}

async function begin() {
  const { stations } = await get("/stations");
  put(
    $("#stations"),
    stations.map(({ id }) => {
      const element = h("section.card", { dataset: { station: id }, "aria-label": id });
      cards.set(id, { element, drawn: "" });
      return element;
    }),
  );
  $("#stations").removeAttribute("aria-busy");
  await look();
}

async function look() {
  if (!document.hidden) await Promise.all([...cards.keys()].map(one));
  setTimeout(look, EVERY_MS);
}

async function one(station) {
  const card = cards.get(station);
  let lines = null;
  let problem = null;
  try {
    lines = await get(`/stations/${station}/outputs`);
  } catch (error) {
    problem = error;
  }
  const state = live.state?.stations?.[station];
  const drawn = JSON.stringify([
    lines,
    problem?.text,
    state?.maintenance,
    state?.outputs,
    state?.state,
  ]);
  if (drawn === card.drawn) return; // nothing new: focus and selection stay
  const focused = document.activeElement?.dataset?.key;
  card.drawn = drawn;
  draw(card.element, station, lines, problem, state);
  if (focused) card.element.querySelector(`[data-key="${focused}"]`)?.focus();
}

function draw(element, station, lines, problem, state) {
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
    problem ? h("p.notice.error", problem.text) : null,
    lines ? outputs(station, lines, maintenance) : null,
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

function outputs(station, lines, maintenance) {
  if (!lines.outputs.length) return h("p.empty", t("No output line is assigned in the settings."));
  const set = (row) => async () => {
    await send(`/stations/${station}/outputs/${row.role}`, { active: !row.active });
    await one(station);
  };
  const shown = table(
    t("Output lines of {station}", { station }),
    [
      { title: t("Output"), cell: (row) => h("strong", row.role) },
      {
        title: t("Meaning"),
        cell: (row) => MEANINGS[row.role] ?? row.meaning ?? h("span.muted", t("not assigned")),
      },
      {
        title: t("Line"),
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
      maintenance && may("ADMIN")
        ? {
            title: t("Test"),
            cell: (row) =>
              h(
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
    lines.outputs,
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
