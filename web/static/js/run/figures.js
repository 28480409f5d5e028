// Counts, yield and cycle times since the counters were reset: from the ledger now and then,
// counted on with each result.

import { get } from "../api.js";
import { h } from "../dom.js";
import { number, percent, t, time } from "../words.js";

const KEPT = 500;

/** Figures of one station. */
export class Figures {
  constructor() {
    this.base = null; // as the ledger said
    this.since = []; // results that came later: {seq, verdict, ms}
    this.shown = {};
    const figure = (name, text) =>
      h(
        "div.figure",
        { dataset: { figure: name } },
        h("dt", text),
        (this.shown[name] = h("dd", "–")),
      );
    this.reset = h("p.small.muted.figures-since");
    this.element = h(
      "div.figures",
      h(
        "dl.counts",
        figure("yield", t("Yield")),
        figure("total", t("Total")),
        figure("OK", "OK"),
        figure("NG", "NG"),
        figure("ERROR", "ERROR"),
      ),
      h(
        "dl.times",
        { "aria-label": t("Cycle time in ms") },
        figure("last", t("Cycle")),
        figure("average", t("avg.")),
        figure("p95", "p95"),
        figure("max", t("max.")),
      ),
      this.reset,
    );
  }

  /** The ledger's figures. */
  set(counters) {
    this.base = counters;
    this.since = this.since.filter(({ seq }) => seq > counters.last_seq);
    this.draw();
  }

  /** A result that has just come; draw() shows it. */
  add({ seq, verdict, duration_ms: ms }) {
    this.since.push({ seq, verdict, ms });
    if (this.since.length > KEPT) this.since.shift();
  }

  draw() {
    if (!this.base) return;
    const later = this.since.filter(({ seq }) => seq > this.base.last_seq);
    const counts = Object.fromEntries(
      ["OK", "NG", "ERROR"].map((verdict) => [
        verdict,
        this.base[verdict] + later.filter((each) => each.verdict === verdict).length,
      ]),
    );
    const total = counts.OK + counts.NG + counts.ERROR;
    const { last, average, p95, max } = this.base.cycle_ms;
    const newest = later.at(-1)?.ms ?? last;
    const texts = {
      yield: total ? percent(counts.OK / total) : "–",
      total: number(total),
      last: ms(newest, true),
      average: ms(average),
      p95: ms(p95),
      max: ms(Math.max(max ?? 0, ...later.map((each) => each.ms)) || null),
    };
    for (const verdict of Object.keys(counts)) texts[verdict] = number(counts[verdict]);
    for (const [name, text] of Object.entries(texts))
      if (this.shown[name].textContent !== text) this.shown[name].textContent = text;
    const since = this.base.since
      ? t("since {time}", { time: time(this.base.since) })
      : t("since the beginning");
    if (this.reset.textContent !== since) this.reset.textContent = since;
  }
}

/** Those of all stations, for {station: Figures}. */
export async function refresh(cards) {
  const found = await get("/statistics/stations");
  for (const [station, figures] of Object.entries(cards))
    if (found[station]) figures.set(found[station]);
}

function ms(value, unit = false) {
  if (value === null || value === undefined) return "–";
  if (value >= 10000) return `${number(value / 1000, 0)} s`;
  const text = number(value, value < 100 ? 1 : 0);
  return unit ? `${text} ms` : text;
}
