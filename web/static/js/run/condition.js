// What a station's verdict and lamps may claim now: a last verdict that says nothing about the line
// any more must not look as if it did.

import { live } from "../events.js";
import { ago, t } from "../words.js";

const IDLE_S = 600;
const AWAY_S = 15;
/** States in which it takes parts. */
export const READY = ["Ready", "SingleExecution", "ContinuousExecution", "Initialized"];

const STATES = {
  Preoperational: () => t("Not ready"),
  Initialized: () => t("Initialized"),
  Ready: () => t("Ready"),
  // busy is a lamp: a word that changes with every part cannot be read
  SingleExecution: () => t("Ready"),
  ContinuousExecution: () => t("Running"),
  Halted: () => t("Paused"),
  Error: () => t("Error"),
  Offline: () => t("Offline"),
};

/** A problem's sentence for people without its details: "The catalogue's sentence: details". */
export function sentence(message) {
  const whole = t(message);
  return whole === message ? t(message.split(": ")[0]) : whole;
}

/**
 * Why it takes no part, in a few words: the card says the rest.
 * @param {import("../events.js").Station} state
 */
function stopped({ error }) {
  if (error.code === "STATION_PAUSED") return t("its program failed again and again");
  return sentence(error.message);
}

/** The node's word about a station, null when nobody knows. */
export function stateOf(station) {
  return live.mode === "offline" || live.link.node !== "ok"
    ? null
    : (live.state?.stations?.[station] ?? null);
}

/** The state for people. */
export function stateWord(state) {
  if (!state) return t("Unknown");
  return state.maintenance ? t("Maintenance") : (STATES[state.state]?.() ?? state.state);
}

/** Why the newest result does not tell how the line is now; null if it does. */
export function outdated(station, result) {
  const age_s = result ? live.since(result.finished_at) : Infinity;
  if (live.mode === "connecting") return t("Connecting");
  if (live.mode === "offline") return t("No connection to the web");
  // results come from the ledger
  if (live.link.broker === "away") return age_s < AWAY_S ? null : t("Broker away");
  if (live.link.node === "away") return t("Node away");
  if (live.link.node !== "ok") return t("Node silent");
  // the broker has gone a moment ago, and nobody has said so yet
  if (live.state?.state === "Offline") return t("Node away");
  if (!Object.keys(live.state?.stations ?? {}).length)
    return age_s < AWAY_S ? null : t("Node silent");
  const state = stateOf(station);
  if (!state) return t("The node does not know this station");
  if (!READY.includes(state.state))
    return state.error ? `${stateWord(state)}: ${stopped(state)}` : stateWord(state);
  if (result && age_s > IDLE_S) return t("No part since {ago}", { ago: ago(age_s) });
  return null;
}

/** Lamps as [name, state, word for whoever cannot see it]. */
export function lamps(station) {
  const state = stateOf(station);
  const ready = state && READY.includes(state.state);
  const device = (word) =>
    word === "ok" ? "ok" : word === "error" ? "bad" : word === "opening" ? "warn" : "unknown";
  const disk = Object.keys(live.alarms).some((code) => ["DISK", "STORE", "LEDGER"].includes(code));
  return [
    ["ready", !state ? "unknown" : ready ? "ok" : state.state === "Error" ? "bad" : "warn"],
    ["busy", state && (state.state === "SingleExecution" || state.queue > 0) ? "busy" : "unknown"],
    ["camera", device(state?.camera)],
    [
      "broker",
      live.mode === "offline" ? "unknown" : device({ ok: "ok", away: "error" }[live.link.broker]),
    ],
    ["outputs", device(state?.outputs)],
    ["disk", !state ? "unknown" : disk ? "bad" : "ok"],
  ];
}

/** Names of the lamps. */
export const LAMPS = {
  ready: () => t("Ready"),
  busy: () => t("Busy"),
  camera: () => t("Camera"),
  broker: () => t("Broker"),
  outputs: () => t("Outputs"),
  disk: () => t("Disk"),
};

/** What a lamp says to whoever cannot see it. */
export const LAMP_WORDS = {
  ok: () => t("good"),
  busy: () => t("on"),
  warn: () => t("not ready"),
  bad: () => t("fault"),
  unknown: () => t("off or unknown"),
};
