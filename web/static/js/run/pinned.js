// The last part that was NG: it stays in sight after the next good ones, until somebody has
// acknowledged it on this screen.

import { get } from "../api.js";
import { h, put } from "../dom.js";
import { whyOf, whyText } from "../why.js";
import { ago, t } from "../words.js";

export class Pinned {
  #station;
  #result = null; // {id, seq, part, at, why, kept}
  #age = h("span.muted");

  constructor(station) {
    this.#station = station;
    this.element = h("aside.pinned", { hidden: true, "aria-label": t("Last NG") });
  }

  /** The newest NG of before. Throws ApiError. */
  async load() {
    const query = { station: this.#station, verdict: "NG", limit: 1 };
    const [row] = (await get("/results", query)).results;
    if (row && !(this.#result?.seq >= row.seq)) this.#take(row, row.why, row.pictures);
  }

  /** A result that has just come. */
  add(result) {
    if (result.verdict === "NG")
      this.#take(result, whyOf(result), Boolean(result.images?.annotated));
  }

  tick() {
    if (!this.element.hidden) this.#age.textContent = ago((Date.now() - this.#result.at) / 1000);
  }

  #take({ result_id: id, seq, part_id: part, finished_at: at }, why, kept) {
    this.#result = { id, seq, part, at: Date.parse(at), why, kept };
    this.element.hidden = localStorage.getItem(this.#key) === id;
    if (!this.element.hidden) this.#draw();
  }

  get #key() {
    return `acknowledged.${this.#station}`;
  }

  #draw() {
    const { id, seq, part, why, kept } = this.#result;
    const picture = h("img", { alt: "", loading: "lazy", src: `/api/v1/pictures/${id}.thumb.jpg` });
    picture.addEventListener("error", () => picture.remove());
    const acknowledge = () => {
      localStorage.setItem(this.#key, id);
      this.element.hidden = true;
    };
    put(
      this.element,
      h(
        "a.pinned-part",
        { href: `/app/history/${encodeURIComponent(id)}`, dataset: { pinned: id } },
        kept ? picture : null,
        h("strong", t("Last NG")),
        h("span", part ?? `#${seq}`),
        why ? h("span", whyText(why)) : null,
        this.#age,
      ),
      h("button.button", { type: "button", onclick: acknowledge }, t("Seen")),
    );
    this.tick();
  }
}
