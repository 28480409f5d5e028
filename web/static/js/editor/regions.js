// Regions drawn over a picture: chosen, moved, resized, turned and drawn anew by mouse, touch and
// keys.
//
// `show` says what there is to see; whoever asked hears of edits (`onpreview` while dragging,
// `oncommit` once at the end, `onremove`,
// `onselect`) and shows the next state. marks.js draws; here is what pointers and keys do.
//
// One file: one drawing surface: what pointer and keys do shares one gesture.

import { h, icon, put, s } from "../dom.js";
import { t } from "../words.js";
import * as geometry from "./geometry.js";
import { describe, Marks, REACH_PX, shapeNames } from "./marks.js";
import { Surface } from "./surface.js";

const STILL_PX = 4; // a pointer that moves less was a click
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TURNS = { "[": -1, "]": 1, "{": -10, "}": 10 };

export class Drawing {
  #items = new Map(); // key to {key, label, region, role, shapes, active, verdict, removable}
  #current = null;
  #draft = null; // the current region while it is dragged
  #gesture = null;
  #pointers = new Map();
  #mode = null; // {key, shape, points, title} while one is drawn anew

  /**
   * on: {onselect(key), onpreview(key, region), oncommit(key, region, what), ondrag() before what a
   * pointer did, onremove(key), onmode(mode)}.
   */
  constructor(on) {
    this.on = on;
    this.help = h(
      "p.visually-hidden",
      { id: "regions-help" },
      t(
        "Arrow keys move by 1 px, with Shift by 10; Alt and arrow keys change the size; [ and ] turn; Tab leads to the handles; plus, minus and 0 zoom; Escape gives up.",
      ),
    );
    this.svg = s("svg.regions", {
      role: "application",
      "aria-label": t("Regions over the picture"),
      "aria-describedby": "regions-help",
    });
    this.surface = new Surface(this.svg, () => this.#paint());
    this.marks = new Marks(this.svg, on.onselect);
    this.said = h("div.visually-hidden", { "aria-live": "polite" });
    this.hint = h("div.regions-hint", { hidden: true });
    this.element = h(
      "div.regions-frame",
      this.svg,
      this.hint,
      this.surface.buttons,
      this.help,
      this.said,
    );
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"])
      this.svg.addEventListener(kind, (event) => this[`_${kind}`](event));
    this.svg.addEventListener("dblclick", () => this.#mode?.shape === "polygon" && this.#close());
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * What there is: items {key, label, region or null, role (region, ignore, search, other), shapes,
   * active, verdict, removable}, the key of the current one.
   */
  show({ picture, items, current }) {
    const changed = current !== this.#current;
    this.#items = new Map(items.map((item) => [item.key, item]));
    this.#current = this.#items.has(current) ? current : null;
    if (!this.#gesture?.moved || changed) this.#draft = null;
    if (this.#mode && this.#mode.key !== this.#current) this.point();
    this.surface.show(picture);
    this.marks.show(this.#items, this.#current);
    this.#paint();
  }

  /** Whether a region is being dragged or drawn. */
  get busy() {
    return Boolean(this.#gesture?.moved);
  }

  get mode() {
    return this.#mode;
  }

  /** Draw the region of a key anew, in a shape. */
  draw(key, shape) {
    this.#mode = { key, shape, points: [] };
    this.#changedMode();
  }

  /** End drawing. */
  point() {
    if (!this.#mode) return;
    this.#mode = null;
    this.marks.outline(null);
    this.#changedMode();
  }

  /** Put the keyboard on the current region. */
  focus() {
    this.marks.focus(this.#current);
  }

  #paint() {
    this.marks?.paint(this.surface, this.#draft, !this.#mode);
  }

  // Pointers

  _pointerdown(event) {
    if (!this.surface.picture) return;
    this.#pointers.set(event.pointerId, this.surface.within(event));
    this.svg.setPointerCapture(event.pointerId);
    if (this.#pointers.size > 1) return this.#giveUp();
    if (event.button > 1) return;
    const at = this.surface.inPicture(event);
    const gesture = { from: at, start: this.surface.within(event), moved: false };
    const handle = event.target.closest?.("[data-handle]");
    const region = this.#items.get(this.#current)?.region;
    const under = document
      .elementsFromPoint(event.clientX, event.clientY)
      .map((element) => element.closest?.("g.region")?.getAttribute("data-key"))
      .filter(Boolean);
    if (event.button === 1) Object.assign(gesture, { kind: "pan" });
    else if (this.#mode) Object.assign(gesture, { kind: "draw" });
    else if (handle)
      Object.assign(gesture, {
        kind: "handle",
        id: handle.dataset.handle,
        region,
        grip: geometry
          .handles(region, REACH_PX / this.surface.scale)
          .find(({ id }) => id === handle.dataset.handle),
      });
    else if (under.includes(this.#current))
      Object.assign(gesture, { kind: "move", region, click: under[0] });
    else Object.assign(gesture, { kind: "pan", click: under[0] ?? null });
    this.#gesture = gesture;
    if (handle) this.marks.focusHandle(handle.dataset.handle);
    else if (gesture.kind === "move") this.marks.focus(this.#current);
    event.preventDefault();
  }

  _pointermove(event) {
    if (this.#mode?.shape === "polygon" && !this.#gesture)
      this.#rubber(this.surface.inPicture(event));
    if (!this.#pointers.has(event.pointerId)) return;
    const before = this.#pointers.get(event.pointerId);
    const now = this.surface.within(event);
    if (this.#pointers.size === 2) return this.#pinch(event.pointerId, before, now);
    this.#pointers.set(event.pointerId, now);
    const gesture = this.#gesture;
    if (!gesture) return;
    if (
      !gesture.moved &&
      Math.hypot(now[0] - gesture.start[0], now[1] - gesture.start[1]) < STILL_PX
    )
      return;
    gesture.moved = true;
    const at = this.surface.inPicture(event);
    if (gesture.kind === "pan") this.surface.move(now[0] - before[0], now[1] - before[1]);
    else if (gesture.kind === "draw") this.#drawing(at);
    else
      this.#preview(
        gesture.kind === "move"
          ? geometry.moved(
              gesture.region,
              at.x - gesture.from.x,
              at.y - gesture.from.y,
              this.surface.picture,
            )
          : this.#pulled(gesture, at, event.shiftKey),
      );
  }

  _pointerup(event) {
    this.#pointers.delete(event.pointerId);
    const gesture = this.#gesture;
    this.#gesture = null;
    if (!gesture || gesture.pinched) return;
    if (gesture.kind === "draw") return this.#drawn(gesture, this.surface.inPicture(event));
    if (gesture.moved && this.#draft)
      return this.#commit(
        gesture.kind === "move"
          ? "move"
          : gesture.id === "turn"
            ? "turn"
            : gesture.id.startsWith("m")
              ? "corner"
              : "size",
      );
    if (!gesture.moved && gesture.id?.startsWith("m")) return this.#addCorner(gesture.id);
    if (!gesture.moved && gesture.click && gesture.click !== this.#current)
      this.on.onselect(gesture.click);
  }

  _pointercancel(event) {
    this.#pointers.delete(event.pointerId);
    this.#giveUp();
  }

  #giveUp() {
    const had = this.#draft;
    this.#gesture = this.#gesture && { ...this.#gesture, kind: "none", pinched: true };
    this.#draft = null;
    this.marks.outline(null);
    if (had) this.on.onpreview(this.#current, null);
    this.#paint();
  }

  #pinch(id, before, now) {
    const other = [...this.#pointers].find(([key]) => key !== id)[1];
    const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
    this.#pointers.set(id, now);
    this.surface.zoom(apart(now) / Math.max(1, apart(before)), [
      (now[0] + other[0]) / 2,
      (now[1] + other[1]) / 2,
    ]);
    this.surface.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  }

  #pulled(gesture, at, steps) {
    const { grip, from, id, region } = gesture;
    const to = { x: grip.x + at.x - from.x, y: grip.y + at.y - from.y };
    const found = geometry.reached(
      (p) => geometry.dragged(region, id, p, { steps }),
      gesture.reached ?? grip,
      to,
      this.surface.picture,
    );
    if (!found) return this.#draft ?? region;
    gesture.reached = found.at;
    return found.region;
  }

  #preview(region) {
    this.#draft = region;
    this.#paint();
    this.on.onpreview(this.#current, region);
  }

  #commit(what) {
    const region = this.#draft;
    this.#draft = null;
    this.on.ondrag();
    this.on.oncommit(this.#current, region, what);
    this.#paint();
    this.#say(describe(this.#items.get(this.#current)?.region ?? region));
  }

  #addCorner(id) {
    const region = this.#items.get(this.#current).region;
    const middle = geometry.handles(region).find((handle) => handle.id === id);
    this.on.oncommit(this.#current, geometry.dragged(region, id, middle), "corner");
    this.marks.focusHandle(`p${Number(id.slice(1)) + 1}`);
  }

  // Drawing anew

  #within({ x, y }) {
    const { width, height } = this.surface.picture;
    return { x: Math.min(Math.max(x, 0), width - 1), y: Math.min(Math.max(y, 0), height - 1) };
  }

  #drawing(at) {
    const mode = this.#mode;
    if (mode.shape === "polygon") return this.#rubber(at);
    const [a, b] = [this.#within(this.#gesture.from), this.#within(at)];
    const found = geometry.reached(
      (p) => geometry.between(mode.shape, a, p),
      a,
      b,
      this.surface.picture,
    );
    if (!found) return;
    mode.region = found.region;
    this.marks.outline(geometry.path(found.region));
    this.on.onpreview(mode.key, found.region);
  }

  #drawn(gesture, at) {
    const mode = this.#mode;
    if (!mode) return;
    if (mode.shape === "polygon") return this.#tap(this.#within(at));
    const click = { x: gesture.from.x, y: gesture.from.y };
    const region =
      mode.region ??
      geometry.into(
        placed(geometry.amid(mode.shape, this.surface.picture, 0.15), this.#within(click)),
        this.surface.picture,
      );
    this.#finish(region);
  }

  #tap(at) {
    const { points } = this.#mode;
    const near = (p) => Math.hypot(p.x - at.x, p.y - at.y) * this.surface.scale < 14;
    if (points.length >= 3 && near(points[0])) return this.#close();
    if (points.length && near(points.at(-1))) return;
    points.push(at);
    this.#rubber(at);
    this.#changedMode();
    if (points.length === geometry.MOST_CORNERS) this.#close();
  }

  #close() {
    const region = geometry.tidy({ shape: "polygon", points: this.#mode.points });
    if (this.#mode.points.length < 3 || !geometry.sound(region))
      return this.#say(t("A polygon has at least three corners, and its sides do not cross"), true);
    this.#finish(region);
  }

  #finish(region) {
    const { key } = this.#mode;
    this.point();
    this.on.ondrag();
    this.on.oncommit(key, region, "draw");
    this.focus();
    this.#say(describe(region));
  }

  #rubber(at) {
    const points = [...(this.#mode?.points ?? []), at];
    if (points.length > 1)
      this.marks.outline(
        `M${points.map(({ x, y }) => `${x} ${y}`).join("L")}${points.length > 3 ? "z" : ""}`,
      );
  }

  #changedMode() {
    const mode = this.#mode;
    this.svg.classList.toggle("drawing", Boolean(mode));
    this.hint.hidden = !mode;
    if (mode) {
      const polygon = mode.shape === "polygon";
      const text = polygon
        ? t("Click the corners; the first one again closes it")
        : ["circle", "ring"].includes(mode.shape)
          ? t("Drag from the centre outwards")
          : t("Drag over the picture");
      put(
        this.hint,
        h("span", text),
        polygon && mode.points.length >= 3
          ? h(
              "button.button.small.primary",
              { type: "button", onclick: () => this.#close() },
              t("Close polygon"),
            )
          : null,
        h("button.button.small", { type: "button", onclick: () => this.point() }, t("Cancel")),
      );
    }
    this.#paint();
    this.on.onmode(mode);
  }

  // Keys

  #key(event) {
    if (!this.surface.picture || event.target.closest("button")) return;
    if (event.key === "Escape" && (this.#mode || this.#gesture)) {
      event.preventDefault();
      event.stopPropagation();
      this.#giveUp();
      this.#gesture = null;
      return this.point();
    }
    if (this.#mode?.shape === "polygon" && event.key === "Enter") return this.#close();
    if (event.ctrlKey && !event.altKey) return;
    const done = this.#zoomKey(event) || this.#regionKey(event);
    if (done) event.preventDefault();
  }

  #zoomKey({ key }) {
    if (key === "+" || key === "=") this.surface.zoom(1.25);
    else if (key === "-") this.surface.zoom(0.8);
    else if (key === "0") this.surface.fit();
    else return false;
    return true;
  }

  #regionKey(event) {
    const key = event.target.closest?.("g.region")?.dataset.key;
    const id = event.target.closest?.("[data-handle]")?.dataset.handle;
    const item = this.#items.get(id ? this.#current : key);
    if (!item) return false;
    if (event.key === "Enter" || event.key === " ") {
      if (id?.startsWith("m")) this.#addCorner(id);
      else this.on.onselect(item.key);
      return true;
    }
    if (!item.active) return false;
    const frame = this.surface.picture;
    const far = event.shiftKey ? 10 : 1;
    const arrow = KEYS[event.key];
    const give = (region, what) => {
      if (!geometry.inside(region, frame) || !geometry.sound(region))
        return this.#say(t("It would leave the picture"));
      this.on.oncommit(item.key, region, what);
      this.surface.reveal(geometry.centre(region));
      this.#say(describe(region));
    };
    if (["Delete", "Backspace"].includes(event.key)) {
      if (id?.startsWith("p")) {
        give(geometry.without(item.region, Number(id.slice(1))), "corner");
        this.marks.focusHandle(`p${Math.max(0, Number(id.slice(1)) - 1)}`);
      } else if (item.removable && !id) this.on.onremove(item.key);
      return true;
    }
    if (TURNS[event.key] && (item.shapes.includes("rotated") || item.region.shape === "polygon"))
      give(geometry.turned(item.region, TURNS[event.key]), "turn");
    else if (arrow && id) this.#nudgeHandle(item, id, arrow, far, give);
    else if (arrow && event.altKey)
      give(geometry.grown(item.region, arrow[0] * far, arrow[1] * far), "size");
    else if (arrow)
      give(geometry.moved(item.region, arrow[0] * far, arrow[1] * far, frame), "move");
    else return false;
    return true;
  }

  #nudgeHandle(item, id, [dx, dy], far, give) {
    if (id === "turn") return give(geometry.turned(item.region, (dx || dy) * far), "turn");
    const grip = geometry.handles(item.region).find((handle) => handle.id === id);
    give(
      geometry.dragged(item.region, id, { x: grip.x + dx * far, y: grip.y + dy * far }),
      id.startsWith("m") ? "corner" : "size",
    );
  }

  #say(text, shown = false) {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => (this.said.textContent = text), 250);
    if (shown) this.hint.firstElementChild.textContent = text;
  }
}

// The same region with its centre at a point.
function placed(region, to) {
  const c = geometry.centre(region);
  if (geometry.shapeOf(region) === "polygon")
    return {
      ...region,
      points: region.points.map(({ x, y }) => ({ x: x + to.x - c.x, y: y + to.y - c.y })),
    };
  return geometry.tidy({ ...region, x: region.x + to.x - c.x, y: region.y + to.y - c.y });
}

/** Buttons that draw a region anew in a shape, and the pointer that ends it. */
export function shapeButtons(drawing, key, region, shapes) {
  const mode = drawing.mode;
  const button = (name, label, pressed, act) =>
    h(
      "button.button.icon-only.small",
      {
        type: "button",
        "aria-pressed": String(pressed),
        "aria-label": label,
        title: label,
        onclick: act,
      },
      icon(name),
    );
  return h(
    "div.cluster",
    { role: "group", "aria-label": t("Draw") },
    button("pointer", t("Move and resize"), !mode, () => drawing.point()),
    shapes.map((shape) =>
      button(
        shape,
        t("Draw again: {shape}", { shape: shapeNames[shape] }),
        mode?.shape === shape,
        () => (mode?.shape === shape ? drawing.point() : drawing.draw(key, shape)),
      ),
    ),
  );
}
