// The live picture of a station: about two a second, none while the page is hidden, and always with
// its age.

import { ApiError, post } from "../api.js";
import { h, icon, lamp, put } from "../dom.js";
import { failure } from "../told.js";
import { number, t } from "../words.js";
import { blobOf, editor } from "./state.js";

const EVERY_MS = 500;
const AGAIN_MS = 2000;
const OLD_MS = 3000;
const SMALL_PX = 2e6; // up to this size a picture without losses can be had twice a second

/**
 * `element` shows it; "shot" tells each picture (detail: the API's answer), "failed" why there is
 * none.
 */
export class Viewfinder extends EventTarget {
  shot = null; // the newest answer of the API, without its picture
  #image = h("img", { alt: "", hidden: true });
  #wrong = h("div.viewfinder-wrong", { hidden: true });
  #wait = h("p.viewfinder-wait", t("Waiting for the camera"));
  #state = h("div.viewfinder-state");
  #at = 0;
  #failed = null;
  #timer = null;
  #clock = null;
  #asking = null;
  #url = null;
  held = false;
  picture = null; // what is shown: {base64, type, width, height}

  /**
   * exact: show pictures without losses, as long as they are small, so that what is seen can be
   * taken.
   */
  constructor({ exact = false } = {}) {
    super();
    this.exact = exact;
    this.element = h(
      "figure.viewfinder",
      h("div.viewfinder-picture", this.#image, this.#wait, this.#wrong),
      h("figcaption", this.#state),
    );
  }

  /** Begin, or go on. */
  start() {
    if (this.#clock) return;
    document.addEventListener("visibilitychange", this.#visible);
    this.#clock = setInterval(() => this.#draw(), 250);
    this.#next(0);
  }

  /** End; the last picture stays. */
  stop() {
    document.removeEventListener("visibilitychange", this.#visible);
    clearInterval(this.#clock);
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#clock = this.#timer = this.#asking = null;
  }

  /** Hold the picture that is shown, or go on. */
  hold(held) {
    this.held = held;
    this.#draw();
    if (!held && this.#clock) this.#next(0);
  }

  /** Another camera: what is shown is not its picture. */
  forget() {
    this.shot = this.picture = this.#failed = null;
    this.#image.hidden = this.#wrong.hidden = true;
    this.#wait.hidden = false;
    this.again();
  }

  /** Ask anew, at once: the settings are others. */
  again() {
    if (!this.#clock || this.held) return;
    this.#asking?.abort();
    this.#next(0);
  }

  /**
   * One picture now, with these keys of the API's body; shown as the others are. Throws ApiError.
   */
  async take(body = {}) {
    this.#asking?.abort();
    clearTimeout(this.#timer);
    try {
      const shot = await post(`/stations/${encodeURIComponent(editor.station)}/capture`, {
        camera: editor.program.camera,
        ...body,
      });
      this.#show(shot);
      return shot;
    } finally {
      if (this.#clock) this.#next(EVERY_MS);
    }
  }

  /** The picture that is shown, if nothing of it was lost and it is not old; else null. */
  get taken() {
    return this.picture?.type === "image/png" &&
      !this.#failed &&
      (this.held || Date.now() - this.#at < OLD_MS)
      ? this.picture
      : null;
  }

  get #small() {
    return !this.shot || this.shot.width * this.shot.height <= SMALL_PX;
  }

  #visible = () => {
    if (document.hidden) this.#asking?.abort();
    else this.again();
  };

  #next(after) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), after);
  }

  async #ask() {
    if (document.hidden || this.held || !editor.station) return;
    const asking = (this.#asking = new AbortController());
    const began = performance.now();
    const station = editor.station;
    let wait = EVERY_MS;
    try {
      const shot = await post(
        `/stations/${encodeURIComponent(station)}/capture`,
        { camera: editor.program.camera, ...(this.exact && this.#small && { exact: true }) },
        { signal: asking.signal, limit_ms: 15000 },
      );
      if (asking.signal.aborted || station !== editor.station) return;
      this.#show(shot);
    } catch (error) {
      if (asking.signal.aborted) return;
      wait = error.status === 429 ? 10000 : AGAIN_MS;
      this.#fail(error instanceof ApiError ? error : new ApiError("INTERNAL", error.message));
    }
    if (this.#clock && asking === this.#asking)
      this.#next(Math.max(0, wait - (performance.now() - began)));
  }

  #show(shot) {
    const { image, ...facts } = shot;
    const old = this.#url;
    this.picture = {
      base64: image,
      type: image.startsWith("iVBOR") ? "image/png" : "image/jpeg",
      width: facts.width,
      height: facts.height,
    };
    this.#url = URL.createObjectURL(blobOf(image, this.picture.type));
    this.#image.src = this.#url;
    if (old)
      this.#image
        .decode()
        .catch(() => null)
        .then(() => URL.revokeObjectURL(old));
    this.#image.alt = t("Live picture of {station}", { station: editor.station });
    this.#image.hidden = false;
    this.#image.classList.remove("stale");
    this.#wrong.hidden = this.#wait.hidden = true;
    Object.assign(this, { shot: facts });
    this.#failed = null;
    this.#at = Date.now();
    this.#draw();
    this.dispatchEvent(new CustomEvent("shot", { detail: shot }));
  }

  #fail(error) {
    this.#wait.hidden = true;
    if (this.#failed?.text !== error.text)
      put(this.#wrong, icon("warning"), h("strong", error.code), h("span", failure(error)));
    this.#wrong.hidden = false;
    this.#image.classList.add("stale");
    this.#failed = error;
    this.#draw();
    this.dispatchEvent(new CustomEvent("failed", { detail: error }));
  }

  #draw() {
    const age = Date.now() - this.#at;
    const [state, text] = this.held
      ? ["busy", t("Held")]
      : this.#failed
        ? ["bad", t("No picture")]
        : !this.shot
          ? ["unknown", t("Waiting")]
          : age > OLD_MS
            ? ["warn", t("Old")]
            : ["ok", t("Live")];
    const facts = this.shot
      ? [
          t("{age} s old", { age: number(age / 1000, age < 10000 ? 1 : 0) }),
          `${this.shot.width} × ${this.shot.height} px`,
        ]
      : [];
    put(
      this.#state,
      lamp(state, text),
      facts.map((fact) => h("span.muted", fact)),
      this.shot?.simulated ? h("span.tag.simulated", t("Simulated")) : null,
    );
  }
}
