// A picture that is zoomed and panned inside an <svg>: by wheel, pinch, drag, keys and buttons.
// What lies on it is drawn by others.

import { h, icon, s } from "../dom.js";
import { number, t } from "../words.js";

const MOST = 64; // screen pixels for one of the picture

export class Surface {
  /**
   * Pixels of the screen for one of the picture, and where the picture's (0, 0) is on the <svg>.
   */
  scale = 1;
  x = 0;
  y = 0;
  /** {url, width, height}. */
  picture = null;

  #fitted = true;
  #image = s("image", { "aria-hidden": "true" });
  #layer = s("g", this.#image);
  #shown = h("output.small.number", { "aria-live": "off" });

  /** changed: called after every zoom and pan. */
  constructor(svg, changed) {
    this.svg = svg;
    this.changed = changed;
    svg.append(this.#layer);
    svg.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    new ResizeObserver(() => (this.#fitted ? this.fit() : this.move(0, 0))).observe(svg);
    const button = (name, label, act) =>
      h(
        "button.button.quiet.icon-only.small",
        { type: "button", "aria-label": label, title: label, onclick: act },
        icon(name),
      );
    this.buttons = h(
      "div.surface-zoom",
      { role: "group", "aria-label": t("Zoom") },
      button("minus", t("Zoom out"), () => this.zoom(1 / 1.5)),
      this.#shown,
      button("plus", t("Zoom in"), () => this.zoom(1.5)),
      button("full", t("Whole picture"), () => this.fit()),
    );
  }

  /** Show another picture; the place stays if it has the same size. */
  show(picture) {
    const sameSize =
      picture?.width === this.picture?.width && picture?.height === this.picture?.height;
    this.picture = picture;
    if (!picture) return this.#image.removeAttribute("href");
    const { url, width, height } = picture;
    if (this.#image.getAttribute("href") !== url) this.#image.setAttribute("href", url);
    for (const [name, value] of Object.entries({ x: -0.5, y: -0.5, width, height }))
      this.#image.setAttribute(name, value);
    if (!sameSize) {
      this.svg.style.setProperty("aspect-ratio", `${width} / ${height}`);
      this.fit();
    }
  }

  get fitted() {
    return this.#fitted;
  }

  /** The whole picture. */
  fit() {
    const [width, height] = this.#size();
    if (!this.picture || !width) return;
    this.#fitted = true;
    this.scale = this.#least();
    this.x = (width - this.picture.width * this.scale) / 2 + this.scale / 2;
    this.y = (height - this.picture.height * this.scale) / 2 + this.scale / 2;
    this.#place();
  }

  /**
   * Zoom by a factor about a point of the <svg>; the middle if none is given. False if nothing
   * changes.
   */
  zoom(factor, at = null) {
    const [width, height] = this.#size();
    const [px, py] = at ?? [width / 2, height / 2];
    const least = this.#least();
    const scale = Math.min(Math.max(this.scale * factor, least), Math.max(MOST, least));
    if (scale === this.scale) return false;
    if (scale === least) {
      this.fit();
      return true;
    }
    this.x = px - ((px - this.x) * scale) / this.scale;
    this.y = py - ((py - this.y) * scale) / this.scale;
    this.scale = scale;
    this.#fitted = false;
    this.move(0, 0);
    return true;
  }

  /** Pan by pixels of the screen; the picture never leaves the middle. */
  move(dx, dy) {
    if (!this.picture) return;
    const [width, height] = this.#size();
    const kept = (at, shown, room) =>
      shown <= room
        ? (room - shown) / 2
        : Math.min(Math.max(at, room - shown - room / 3), room / 3);
    this.x =
      kept(this.x + dx - this.scale / 2, this.picture.width * this.scale, width) + this.scale / 2;
    this.y =
      kept(this.y + dy - this.scale / 2, this.picture.height * this.scale, height) + this.scale / 2;
    this.#place();
  }

  /** Bring a point of the picture into sight. */
  reveal({ x, y }) {
    if (this.#fitted) return;
    const [width, height] = this.#size();
    const [sx, sy] = this.onScreen(x, y);
    const off = (at, room) => (at < 24 ? 24 - at : at > room - 24 ? room - 24 - at : 0);
    if (off(sx, width) || off(sy, height)) this.move(off(sx, width), off(sy, height));
  }

  /** A point of the picture in pixels of the <svg>. */
  onScreen(x, y) {
    return [this.x + x * this.scale, this.y + y * this.scale];
  }

  /** Where a pointer is, in pixels of the picture. */
  inPicture(event) {
    const [px, py] = this.within(event);
    return { x: (px - this.x) / this.scale, y: (py - this.y) / this.scale };
  }

  /** Where a pointer is, in pixels of the <svg>. */
  within(event) {
    const { left, top } = this.svg.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  get transform() {
    return `translate(${this.x} ${this.y}) scale(${this.scale})`;
  }

  #size() {
    return [this.svg.clientWidth, this.svg.clientHeight];
  }

  #least() {
    const [width, height] = this.#size();
    return Math.min(width / this.picture.width, height / this.picture.height);
  }

  #wheel(event) {
    if (!this.picture) return;
    const factor = Math.exp(
      -event.deltaY * (event.deltaMode === 1 ? 0.05 : event.ctrlKey ? 0.01 : 0.0018),
    );
    if (this.zoom(factor, this.within(event)) || event.ctrlKey) event.preventDefault();
  }

  #place() {
    this.#layer.setAttribute("transform", this.transform);
    this.svg.classList.toggle("pixels", this.scale >= 3);
    this.svg.classList.toggle("whole", this.#fitted);
    const text = `${number(this.scale * 100, 0)} %`;
    if (this.#shown.textContent !== text) this.#shown.textContent = text;
    this.changed();
  }
}
