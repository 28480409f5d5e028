// One station on the screen: verdict, picture, tools, lamps, figures, film strip, actions. Each
// part changes only what is different.

import { complain } from "../dialog.js";
import { h, icon, put } from "../dom.js";
import { live } from "../events.js";
import { whyOf, whyText } from "../why.js";
import { translated } from "../told.js";
import { ago, t, time } from "../words.js";
import { Actions } from "./actions.js";
import { LAMPS, LAMP_WORDS, lamps, outdated, sentence, stateOf, stateWord } from "./condition.js";
import { Cure } from "./cure.js";
import { Figures } from "./figures.js";
import { Picture } from "./picture.js";
import { Pinned } from "./pinned.js";
import { Strip } from "./strip.js";
import { Tools } from "./tools.js";

const text = (element, words) => element.textContent !== words && (element.textContent = words);
const data = (element, name, value) =>
  element.dataset[name] !== value && (element.dataset[name] = value);

const since = (age_s) => (age_s < 1 ? t("now") : ago(age_s));

/**
 * A station; `open` is where it stands alone, `programs()` gives those there are, `newest(card, row)` is asked for the
 * newest result where nobody has told it.
 */
export class Card {
  constructor(station, open, programs, changed, newest) {
    this.station = station;
    this.programs = programs;
    this.newest = newest;
    this.seen = false; // whether it is in sight
    this.missing = true; // whether the strip lacks results
    this.result = null;
    this.tools = new Tools();
    this.figures = new Figures();
    this.strip = new Strip(station);
    this.pinned = new Pinned(station);
    this.strip.element.prepend(this.pinned.element);
    this.picture = new Picture(station, (id, blob) => this.strip.thumb(id, blob));
    this.picture.fallback = () => this.kept();
    this.actions = new Actions(station, changed);
    this.cure = new Cure(station, () => this.actions.halt());
    this.state = h("span.tag");
    this.program = h("span.station-program");
    this.lamps = Object.keys(LAMPS).map((name) => {
      const word = h("span.visually-hidden");
      return {
        name,
        word,
        element: h(
          "li.lamp",
          { dataset: { lamp: name, state: "unknown" } },
          h("span.dot", { "aria-hidden": "true" }),
          h("span.lamp-text", LAMPS[name]()),
          word,
        ),
      };
    });
    this.note = h("p.call-note", { hidden: true });
    this.word = h("p.call-word", "–");
    this.why = h("p.call-why");
    this.part = h("span.call-part");
    this.age = h("span.call-age");
    this.call = h(
      "div.call",
      { dataset: { verdict: "none", current: "true" } },
      this.note,
      this.word,
      this.why,
      h("p.call-about", this.part, this.age),
      this.picture.closeup.element,
    );
    const head = h(
      "header.station-head",
      h("h2", h("a", { href: open, dataset: { open: station } }, station)),
      this.program,
      this.state,
      h(
        "ul.lamps",
        { "aria-label": t("Lamps") },
        this.lamps.map(({ element }) => element),
      ),
      this.cure.element,
    );
    this.element = h(
      "section.card.station",
      { dataset: { station }, "aria-label": station },
      head,
      this.call,
      this.picture.element,
      this.tools.element,
      this.figures.element,
      this.strip.element,
      this.actions.element,
    );
  }

  /** A result that has just come; draw() shows it. */
  add(result) {
    this.figures.add(result);
    this.pinned.add(result);
    if (this.seen) this.strip.add(result);
    else this.missing = true;
    this.take(result);
  }

  /** It comes into sight: only now it asks for its last parts. */
  appear() {
    if (this.missing) this.missed().catch(complain);
  }

  /** Some results were not told: ask for the last ones, and show them. */
  async missed() {
    if (!this.seen) return (this.missing = true);
    this.missing = false;
    this.pinned.load().catch(complain);
    const [row] = await this.strip.load();
    if (!this.result && row) await this.newest(this, row);
  }

  /** The page is looked at again. */
  awake() {
    if (this.result) this.picture.want(this.result);
  }

  /** The newest result, perhaps known already. */
  take(result) {
    if (
      this.result &&
      result.seq <= this.result.seq &&
      result.finished_at <= this.result.finished_at
    )
      return;
    this.result = result;
  }

  // Without a drawn picture: the newest of the strip that was kept.
  async kept() {
    const id = this.strip.pictured?.[0];
    const item = this.strip.items.find((each) => each.id === id);
    const blob = item && (await this.strip.picture(id));
    if (blob) await this.picture.show(blob, id, item.seq);
    else this.picture.nothing(t("The picture of this part was not kept"));
  }

  /** Everything that is different now. */
  draw() {
    const programs = this.programs();
    const result = this.result;
    if (result && this.drawn !== result.result_id) {
      this.drawn = result.result_id;
      this.verdict(result);
      this.tools.draw(result);
      this.picture.want(result);
      this.figures.draw();
    }
    const state = stateOf(this.station);
    text(this.state, stateWord(state));
    const name =
      programs.find(({ id }) => id === state?.program)?.name ?? state?.program ?? t("No program");
    text(
      this.program,
      state ? `${name}${state.program_version ? ` · v${state.program_version}` : ""}` : "",
    );
    for (const [index, [, lamp]] of lamps(this.station).entries()) {
      const { element, word } = this.lamps[index];
      if (element.dataset.state === lamp) continue;
      element.dataset.state = lamp;
      word.textContent = `: ${LAMP_WORDS[lamp]()}`;
    }
    this.actions.draw(state, programs);
    this.cure.draw(state);
    this.tick();
  }

  verdict(result) {
    const { verdict, tools, error, part_id, seq, finished_at } = result;
    data(this.call, "verdict", verdict);
    put(this.word, icon(verdict.toLowerCase()), verdict);
    const bad = tools.filter((tool) => tool.verdict !== "OK").map((tool) => tool.name);
    const why = whyOf(result);
    text(this.why, error && !why?.code ? sentence(error.message) : why ? whyText(why) : "");
    this.why.title = error ? `${error.code}: ${translated(error.message)}` : bad.join(", ");
    text(
      this.part,
      `${part_id ? `${part_id} · ` : ""}#${seq} · ${time(finished_at, { date: false })}`,
    );
    data(this.element, "seq", String(seq)); // last: all of it is there
  }

  /** What changes with time alone: how old the verdict is, and whether it still says anything. */
  tick() {
    this.picture.name();
    this.pinned.tick();
    const reason = outdated(this.station, this.result);
    data(this.call, "current", String(reason === null));
    data(this.element, "current", String(reason === null));
    this.note.hidden = reason === null;
    text(this.note, reason ?? "");
    text(
      this.age,
      this.result ? since(live.since(this.result.finished_at)) : t("Waiting for the first part"),
    );
  }
}
