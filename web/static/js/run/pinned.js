// The last part that was NG: it stays in sight after the next good ones, on every screen, until an
// operator has seen it.

import { get, may, post } from "../api.js";
import { doing } from "../dialog.js";
import { h, put } from "../dom.js";
import { whyOf, whyText } from "../why.js";
import { ago, t } from "../words.js";

export class Pinned {
  #station;
  #result = null; // {id, seq, part, at, why, kept}
  #seen = null; // id of the one that was seen last
  #age = h("span.muted");

  constructor(station) {
    this.#station = station;
    this.element = h("aside.pinned", { hidden: true, "aria-label": t("Last NG") });
  }

  /** The newest NG of before. Throws ApiError. */
  async load() {
    const query = { station: this.#station, verdict: "NG", limit: 1 };
    const [{ results }, { result_id }] = await Promise.all([
      get("/results", query),
      // where that cannot be asked, it is shown
      get(`/stations/${this.#station}/seen`).catch(() => ({ result_id: null })),
    ]);
    this.see(result_id);
    const [row] = results;
    if (row && !(this.#result?.seq >= row.seq)) this.#take(row, row.why, row.pictures);
  }

  /** A result that has just come. */
  add(result) {
    if (result.verdict === "NG")
      this.#take(result, whyOf(result), Boolean(result.images?.annotated));
  }

  /** Somebody has seen this one. */
  see(id) {
    this.#seen = id;
    if (this.#result?.id === id) this.element.hidden = true;
  }

  tick() {
    if (!this.element.hidden) this.#age.textContent = ago((Date.now() - this.#result.at) / 1000);
  }

  #take({ result_id: id, seq, part_id: part, finished_at: at }, why, kept) {
    this.#result = { id, seq, part, at: Date.parse(at), why, kept };
    this.element.hidden = this.#seen === id;
    if (!this.element.hidden) this.#draw();
  }

  #draw() {
    const { id, seq, part, why, kept } = this.#result;
    const picture = h("img", { alt: "", loading: "lazy", src: `/api/v1/pictures/${id}.thumb.jpg` });
    picture.addEventListener("error", () => picture.remove());
    const acknowledge = async () => {
      await post(`/stations/${this.#station}/seen`, { result_id: id });
      this.see(id);
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
      may("OPERATOR")
        ? h("button.button", { type: "button", onclick: doing(acknowledge) }, t("Seen"))
        : null,
    );
    this.tick();
  }
}
