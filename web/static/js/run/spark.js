// The last parts of a station as small bars, the newest at the right: good ones up, bad ones down,
// errors both ways.

import { s } from "../dom.js";

export const MOST = 60;
const STEP = 3;
const HEIGHT = 20;
const MIDDLE = 8;
const BARS = { OK: [MIDDLE, 2], NG: [MIDDLE, HEIGHT], ERROR: [0, HEIGHT] }; // from, to
const LETTERS = { O: "OK", N: "NG", E: "ERROR" };

/** Bars of one station; `draw()` shows what `add()` and `begin()` have brought. */
export class Spark {
  constructor() {
    this.parts = []; // oldest first: {seq, verdict}
    this.paths = Object.keys(BARS).map((verdict) => s("path", { dataset: { verdict } }));
    this.element = s(
      "svg.spark",
      {
        viewBox: `0 0 ${MOST * STEP} ${HEIGHT}`,
        preserveAspectRatio: "none",
        "aria-hidden": "true",
      },
      this.paths,
    );
  }

  /**
   * What the ledger has: `verdicts` are letters, the newest last; that one has the number
   * `last_seq`.
   */
  begin({ last_seq: last, verdicts }) {
    const known = [...verdicts].map((letter, place) => ({
      seq: last - verdicts.length + 1 + place,
      verdict: LETTERS[letter],
    }));
    this.know(known);
  }

  /** What is known of the last parts, the oldest first; newer ones that came meanwhile stay. */
  know(parts) {
    const last = parts.at(-1)?.seq ?? 0;
    this.parts = [...parts, ...this.parts.filter(({ seq }) => seq > last)].slice(-MOST);
  }

  /** How many of them had this verdict. */
  count(verdict) {
    return this.parts.filter((part) => part.verdict === verdict).length;
  }

  add({ seq, verdict }) {
    const newest = this.parts.at(-1);
    if (newest && newest.seq === seq) return;
    if (newest && newest.seq > seq) this.parts = []; // the ledger began anew
    this.parts.push({ seq, verdict });
    if (this.parts.length > MOST) this.parts.shift();
  }

  /** Verdicts of the newest parts, the newest first. */
  newest(count) {
    return this.parts
      .slice(-count)
      .reverse()
      .map(({ verdict }) => verdict);
  }

  draw() {
    const bars = { OK: "", NG: "", ERROR: "" };
    const first = MOST - this.parts.length;
    this.parts.forEach(({ verdict }, place) => {
      const [from, to] = BARS[verdict];
      bars[verdict] += `M${(first + place) * STEP + 1} ${from}V${to}`;
    });
    for (const path of this.paths) {
      const d = bars[path.dataset.verdict];
      if (path.getAttribute("d") !== d) path.setAttribute("d", d);
    }
  }
}
