// The picture of the newest part with what each tool found. The node draws it while somebody
// watches, some 50 ms after the result;
// one request at a time asks for the newest, so parts that come faster than pictures are skipped.

import { ask } from "../api.js";
import { h, icon, put } from "../dom.js";
import { live } from "../events.js";
import { translated } from "../told.js";
import { t } from "../words.js";
import { Closeup, placeOf } from "./closeup.js";

const AGAIN_MS = 3000;
const EVERY_MS = 300; // as often as the node draws one
const ON_ITS_WAY_S = 2;
const TRIES = 4;
const REMEMBERED = 64;

/** The picture of a station; `loaded(resultId, blob)` is told of each. */
export class Picture {
  constructor(station, loaded) {
    this.station = station;
    this.loaded = loaded;
    this.wanted = 0; // seq of the newest part
    this.busy = false;
    /** What to show where no picture is drawn. @type {(() => Promise<void>) | null} */
    this.fallback = null;
    this.verdicts = new Map(); // of the last parts, by seq
    this.url = null;
    this.closeup = new Closeup();
    this.failedAt = null; // where the part that is shown failed
    this.frame = h("a.picture-frame");
    this.caption = h("figcaption.small");
    this.element = h("figure.shot", this.frame, this.caption);
    this.nothing(t("No picture yet"));
  }

  /** The newest part has changed. */
  want(result) {
    this.newest = result;
    this.wanted = result.seq;
    this.verdicts.set(result.seq, result.verdict);
    if (this.verdicts.size > REMEMBERED) this.verdicts.delete(this.verdicts.keys().next().value);
    this.agree();
    if (!result.captured_at)
      this.nothing(
        result.error
          ? t("No picture was taken: {reason}", { reason: translated(result.error.message) })
          : t("No picture was taken"),
      );
    else if (!this.busy && !document.hidden) this.load();
  }

  async load() {
    this.busy = true;
    let tries = 0; // for a picture that is drawn late
    for (
      let seq = 0;
      (seq !== this.wanted || ((this.shownSeq ?? 0) < seq && tries < TRIES)) &&
      this.newest.captured_at &&
      !document.hidden;
    ) {
      const wait_ms = (this.askedAt ?? 0) + EVERY_MS - Date.now();
      if (wait_ms > 0) await new Promise((resolve) => setTimeout(resolve, wait_ms));
      this.askedAt = Date.now();
      tries = seq === this.wanted ? tries + 1 : 0;
      seq = this.wanted;
      try {
        const { response } = await ask("GET", `/stations/${this.station}/picture`, {
          query: { seq },
          limit_ms: 10000,
        });
        if (response.status === 204) tries === TRIES - 1 && (await this.fallback?.());
        else if (Number(response.headers.get("X-Seq")) !== this.shownSeq)
          await this.show(
            await response.blob(),
            response.headers.get("X-Result-Id"),
            Number(response.headers.get("X-Seq")),
            placeOf(response.headers.get("X-Failed-At")),
          );
      } catch {
        // the lamps say what is wrong
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
    this.busy = false;
  }

  /** Show a picture when the browser has decoded it, in place of the one before; `place`: where its part failed. */
  async show(blob, resultId, seq, place = null) {
    const url = URL.createObjectURL(blob);
    const image = h("img", {
      src: url,
      alt: t("Picture of part #{seq} with what each tool found", { seq }),
      dataset: { result: resultId },
    });
    try {
      await image.decode();
    } catch {
      return URL.revokeObjectURL(url);
    }
    this.loaded(resultId, blob);
    // meanwhile a part came without a picture
    if (!this.newest?.captured_at && this.newest?.seq > seq) return URL.revokeObjectURL(url);
    put(this.frame, image);
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = url;
    this.frame.href = `/app/history/${resultId}`;
    this.element.dataset.seq = seq;
    this.shownSeq = seq;
    this.failedAt = place;
    if (place) this.closeup.draw(image, place);
    this.agree();
    this.name();
  }

  /**
   * A picture of a part that was judged otherwise than the newest says nothing beside its verdict:
   * it steps back at once.
   */
  agree() {
    const other =
      this.shownSeq !== this.wanted && this.verdicts.get(this.shownSeq) !== this.newest?.verdict;
    this.element.dataset.other = String(Boolean(this.url) && other);
    // beside a verdict stands the place of its own part, or none
    this.closeup.element.hidden = this.shownSeq !== this.wanted || !this.failedAt;
  }

  /**
   * Say of which part the picture is. On a quick line it may be a part or two behind for a moment:
   * the next one is on its way.
   */
  name() {
    if (!this.url) return;
    const seq = this.shownSeq;
    const old =
      seq < this.wanted &&
      (this.wanted - seq > 3 || live.since(this.newest.finished_at) > ON_ITS_WAY_S);
    const text = old ? t("Picture of an earlier part, #{seq}", { seq }) : t("Part #{seq}", { seq });
    if (this.caption.textContent === text) return;
    this.element.dataset.old = String(old);
    this.caption.textContent = text;
  }

  /** A place for the picture, and why there is none. */
  nothing(text) {
    put(this.frame, h("span.no-picture", icon("camera"), h("span", text)));
    this.frame.removeAttribute("href");
    this.element.dataset.old = this.element.dataset.other = "false";
    this.caption.textContent = "";
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = null;
    this.shownSeq = 0;
    this.closeup.element.hidden = true;
  }
}
