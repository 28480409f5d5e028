// What is wrong with a station that takes no part, and what to do about it, on its own card: its
// alarm says so too, but whoever stands before the line looks here.

import { may } from "../api.js";
import { cureOf } from "../cures.js";
import { doing } from "../dialog.js";
import { h, icon, put } from "../dom.js";
import { live } from "../events.js";
import { spoken } from "../told.js";
import { t } from "../words.js";
import { READY } from "./condition.js";

const FIRST = ["CRASHED", "CAMERA", "OUTPUTS", "PROGRAM"]; // of several, what stops it before others

const kind = (code) => code.split(".")[0];
const rank = (code) => (FIRST.includes(kind(code)) ? FIRST.indexOf(kind(code)) : FIRST.length);

/** The notice of a station; `resume()` ends its pause. */
export class Cure {
  #station;
  #resume;
  #drawn = "";

  constructor(station, resume) {
    this.#station = station;
    this.#resume = resume;
    this.element = h("div.notice.error.station-cure", { hidden: true });
  }

  /** Show what holds it up now; state: of the station, null if nobody knows. */
  draw(state) {
    const stopped = state && !state.maintenance && !READY.includes(state.state);
    const [code, alarm] = (stopped && this.#worst()) || ["", null];
    const known = JSON.stringify([code, alarm, alarm && state]);
    if (known === this.#drawn) return; // a button keeps its focus
    this.#drawn = known;
    this.element.hidden = alarm === null;
    put(this.element, alarm ? this.#rows(code, alarm, state) : []);
  }

  #worst() {
    return Object.entries(live.alarms)
      .filter(
        ([code, alarm]) =>
          alarm?.station === this.#station && typeof alarm.message === "string" && cureOf(code),
      )
      .sort(([one], [two]) => rank(one) - rank(two))[0];
  }

  #rows(code, alarm, state) {
    const { advice, href, text } = cureOf(code, this.#station);
    const program = state.program && ["CRASHED", "PROGRAM"].includes(kind(code));
    return [
      h("p", h("strong", spoken(alarm.message))),
      h("p", h("strong", t("What to do:")), " ", advice),
      h(
        "div.cluster",
        program && may("ADMIN")
          ? h(
              "a.button",
              { href: `/app/programs/${encodeURIComponent(state.program)}/edit#tools` },
              icon("edit"),
              t("Open the program"),
            )
          : null,
        may("VIEWER") && !href.startsWith("/app/run") ? h("a.button", { href }, text) : null,
        state.state === "Halted" && may("OPERATOR")
          ? h(
              "button.button",
              { type: "button", onclick: doing(this.#resume) },
              icon("run"),
              t("Resume"),
            )
          : null,
      ),
    ];
  }
}
