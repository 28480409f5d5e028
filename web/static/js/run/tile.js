// One station among many: its name, verdict and why, its yield, its last parts, how old that is. It
// leads to its card.

import { h, icon, put } from "../dom.js";
import { live } from "../events.js";
import { whyOf, whyText } from "../why.js";
import { ago, percent, t } from "../words.js";
import { outdated, sentence, stateOf } from "./condition.js";
import { Counts } from "./counts.js";
import { Spark } from "./spark.js";

const LATELY = 5; // parts

/** How much a station needs somebody: stopped, errors, bad parts or paused, nothing. */
export const TROUBLE = { stopped: 3, error: 2, bad: 1, none: 0 };

const text = (element, words) => element.textContent !== words && (element.textContent = words);
const data = (element, name, value) =>
  element.dataset[name] !== value && (element.dataset[name] = value);

/** A tile; `open` is where the station stands alone. */
export class Tile {
  constructor(station, open) {
    this.station = station;
    this.result = null;
    this.figures = new Counts();
    this.spark = new Spark();
    this.seen = false; // whether it is in sight
    this.note = h("span.tile-note");
    this.word = h("span.tile-word", "–");
    this.why = h("span.tile-why");
    this.good = h("span.tile-yield");
    this.age = h("span.tile-age");
    this.element = h(
      "a.tile",
      { href: open, dataset: { open: station, station, verdict: "none", trouble: "none" } },
      h("span.tile-head", h("strong", station), this.age),
      h("span.tile-call", this.word, this.note, this.why),
      h("span.tile-foot", this.good, this.spark.element),
    );
  }

  /** What the ledger has of it; of a station whose newest result nobody has told yet, its verdict too. */
  begin(recent) {
    if (!recent?.at) return;
    this.spark.begin(recent);
    const [{ seq, verdict }] = this.spark.parts.slice(-1);
    const told = { tools: [], error: null, result_id: `${this.station}:${seq}` };
    this.take({ seq, verdict, finished_at: recent.at, ...told });
  }

  /** A result that has just come; draw() shows it. */
  add(result) {
    this.figures.add(result);
    this.spark.add(result);
    this.take(result);
  }

  /** The newest result, perhaps known already. */
  take(result) {
    const known = this.result;
    if (known && result.seq <= known.seq && result.finished_at <= known.finished_at) return;
    this.result = result;
  }

  /** How much it needs somebody, as a key of TROUBLE. */
  get trouble() {
    const state = stateOf(this.station);
    if (!state) return live.link.node === "ok" && live.mode !== "offline" ? "stopped" : "none";
    if (["Error", "Preoperational", "Offline"].includes(state.state)) return "stopped";
    if (state.camera === "error" || state.outputs === "error") return "stopped";
    const lately = this.spark.newest(LATELY);
    if (lately.includes("ERROR")) return "error";
    return lately.includes("NG") || state.state === "Halted" ? "bad" : "none";
  }

  /** Everything that is different now. */
  draw() {
    const { result } = this;
    if (result && this.drawn !== result.result_id) {
      this.drawn = result.result_id;
      data(this.element, "verdict", result.verdict);
      put(this.word, icon(result.verdict.toLowerCase()), result.verdict);
      const why = whyOf(result);
      const { error } = result;
      text(this.why, error && !why?.code ? sentence(error.message) : why ? whyText(why) : "");
      data(this.element, "seq", String(result.seq));
    }
    const good = this.figures.now?.good ?? null;
    text(this.good, good === null ? "–" : percent(good));
    this.spark.draw();
    data(this.element, "trouble", this.trouble);
    this.tick();
  }

  /** What changes with time alone. */
  tick() {
    const reason = outdated(this.station, this.result);
    data(this.element, "current", String(reason === null));
    text(this.note, reason ?? "");
    const age_s = this.result ? live.since(this.result.finished_at) : null;
    text(this.age, age_s === null ? "" : age_s < 1 ? t("now") : ago(Math.floor(age_s)));
  }
}
