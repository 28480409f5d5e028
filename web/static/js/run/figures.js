// Counts, yield and cycle times since the counters were reset: from the ledger now and then,
// counted on with each result.

import { get } from "../api.js";
import { h } from "../dom.js";
import { number, percent, t, time } from "../words.js";
import { Counts } from "./counts.js";

/** Figures of one station. */
export class Figures {
  constructor() {
    this.counts = new Counts();
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
    this.counts.set(counters);
    this.draw();
  }

  /** A result that has just come; draw() shows it. */
  add(result) {
    this.counts.add(result);
  }

  draw() {
    const { base, now } = this.counts;
    if (!now) return;
    const { later } = this.counts;
    const { last, average, p95, max } = base.cycle_ms;
    const newest = later.at(-1)?.ms ?? last;
    const texts = {
      yield: now.good === null ? "–" : percent(now.good),
      total: number(now.total),
      last: ms(newest, true),
      average: ms(average),
      p95: ms(p95),
      max: ms(Math.max(max ?? 0, ...later.map((each) => each.ms)) || null),
    };
    for (const verdict of ["OK", "NG", "ERROR"]) texts[verdict] = number(now[verdict]);
    for (const [name, text] of Object.entries(texts))
      if (this.shown[name].textContent !== text) this.shown[name].textContent = text;
    const since = base.since
      ? t("since {time}", { time: time(base.since) })
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
