// A sound when a part is not good, on the screen where somebody has asked for it: one tone for NG, two
// low ones for ERROR. Browsers play nothing before somebody has touched the page.

import { h, icon, put } from "../dom.js";
import { t } from "../words.js";

const KEPT = "run.sound";
const EVERY_MS = 1000; // of a series of bad parts one is enough
const TONES = {
  NG: [[880, 0, 0.18]],
  ERROR: [
    [440, 0, 0.15],
    [440, 0.22, 0.15],
  ],
}; // Hz, from, s

/** What turns a button into the switch of the sound; `play(verdict)` is called for every result. */
export class Sound {
  #button;
  #on = localStorage.getItem(KEPT) === "on";
  /** @type {AudioContext | null} */
  #audio = null;
  #playedAt = 0;

  constructor(button) {
    this.#button = button;
    button.hidden = !("AudioContext" in window);
    button.addEventListener("click", () => this.#turn());
    document.addEventListener("pointerdown", () => this.#on && this.#wake());
    this.#draw();
  }

  play(verdict) {
    const tones = TONES[verdict];
    if (!this.#on || !tones || Date.now() - this.#playedAt < EVERY_MS) return;
    if (this.#audio?.state !== "running") return;
    this.#playedAt = Date.now();
    for (const [pitch, from, length] of tones) this.#tone(pitch, from, length);
  }

  #tone(pitch, from, length) {
    const audio = /** @type {AudioContext} */ (this.#audio);
    const [voice, loudness] = [audio.createOscillator(), audio.createGain()];
    const begin = audio.currentTime + from;
    voice.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.4, begin);
    loudness.gain.exponentialRampToValueAtTime(0.001, begin + length);
    voice.connect(loudness).connect(audio.destination);
    voice.start(begin);
    voice.stop(begin + length);
    this.#button.dataset.played = String(Number(this.#button.dataset.played ?? 0) + 1);
  }

  async #turn() {
    this.#on = !this.#on;
    localStorage.setItem(KEPT, this.#on ? "on" : "off");
    this.#draw();
    if (!this.#on) return;
    await this.#wake();
    this.#tone(880, 0, 0.1); // so that it is known how loud it is
  }

  #wake() {
    this.#audio ??= new AudioContext();
    return this.#audio.resume();
  }

  #draw() {
    this.#button.setAttribute("aria-pressed", String(this.#on));
    put(this.#button, icon(this.#on ? "sound" : "silent"), h("span", t("Sound at NG")));
  }
}
