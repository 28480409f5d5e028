// What the lines of a station did in the last 10 s: every change as the node has recorded it, so
// that no pulse is missed between two questions; drawn as one step line a row.

import { s } from "../dom.js";
import { number, t } from "../words.js";

export const LATELY_MS = 10_000;
export const INPUT = "trigger";
const HIGH = 20;

export class Lately {
  /** The number of the newest change that is known; null before the first answer. */
  after = null;
  /** How many changes could not be told, since the page was opened. */
  missed = 0;
  #changes = []; // {role, active, at}: at in ms of performance.now()
  #last = {}; // role to {at, ms}
  #pulses = {};

  /** Take what an answer tells; `now` in ms of performance.now(). */
  take(trace, now) {
    if (this.after !== null && trace.number < this.after) this.#changes = []; // the node was restarted
    this.after = trace.number;
    this.missed += trace.missed;
    for (const [, age, role, active] of trace.changes)
      this.#changes.push({ role, active, at: now - age });
    this.#changes = this.#changes.filter(({ at }) => now - at <= LATELY_MS + 1000);
    this.#last = Object.fromEntries(
      Object.entries(trace.last).map(([role, { age_ms, ms }]) => [role, { at: now - age_ms, ms }]),
    );
    this.#pulses = trace.pulses;
  }

  /** "0.4 s ago, 100 ms": the last pulse of a line; null if there was none since the start. */
  pulse(role, active, now) {
    const last = this.#last[role];
    if (!last) return null;
    const ago = (now - last.at) / 1000;
    const seconds = ago < 90 ? number(ago, 1) : number(ago, 0);
    if (role === INPUT) return t("{s} s ago", { s: seconds });
    if (active) return t("for {s} s", { s: seconds });
    return t("{s} s ago, {ms} ms", { s: seconds, ms: number(last.ms, 0) });
  }

  count(role) {
    return this.#pulses[role] ?? 0;
  }

  /** How often a line became active in the last 10 s. */
  recent(role, now) {
    return this.#of(role, now).filter(({ active }) => active).length;
  }

  /** The drawing of a line. */
  drawing(role) {
    return s(
      "svg.lately",
      {
        viewBox: `0 0 ${LATELY_MS} ${HIGH}`,
        preserveAspectRatio: "none",
        role: "img",
        dataset: { lately: role },
      },
      s("path", { "vector-effect": "non-scaling-stroke" }),
    );
  }

  /** Bring a drawing up to now. */
  paint(svg, role, active, now) {
    const found = this.#of(role, now);
    const x = (at) => Math.max(0, Math.round(LATELY_MS - (now - at)));
    const y = (on) => (on ? 2 : HIGH - 2);
    let d;
    if (role === INPUT) {
      d = `M0 ${y(false)}H${LATELY_MS}`;
      for (const { at } of found) d += `M${x(at)} ${y(false)}V${y(true)}`;
    } else {
      d = `M0 ${y(found.length ? !found[0].active : active)}`;
      for (const change of found) d += `H${x(change.at)}V${y(change.active)}`;
      d += `H${LATELY_MS}`;
    }
    svg.firstChild.setAttribute("d", d);
    const count = found.filter((change) => change.active).length;
    svg.setAttribute("aria-label", t("{n} pulses in the last 10 s", { n: count }));
    svg.dataset.pulses = count;
  }

  #of(role, now) {
    return this.#changes.filter((change) => change.role === role && now - change.at <= LATELY_MS);
  }
}
