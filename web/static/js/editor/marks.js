// What is seen of regions: borders in pixels of the picture, names and handles in those of the
// screen, so that they keep their size.

import { s } from "../dom.js";
import { number, t } from "../words.js";
import * as geometry from "./geometry.js";

const SMALL_PX = 64; // a region smaller than this on the screen has fewer handles
const SIGNS = { OK: "✓ ", NG: "✕ ", ERROR: "! " };
const NAMES = {
  n: t("Top side"),
  ne: t("Top right corner"),
  e: t("Right side"),
  se: t("Bottom right corner"),
  s: t("Bottom side"),
  sw: t("Bottom left corner"),
  w: t("Left side"),
  nw: t("Top left corner"),
  turn: t("Turn"),
  inner: t("Inner radius"),
};

export const shapeNames = {
  rectangle: t("Rectangle"),
  rotated: t("Turned rectangle"),
  circle: t("Circle"),
  ring: t("Ring"),
  polygon: t("Polygon"),
};
export const REACH_PX = 26; // from a region to the handle that turns it

/** A region in words and numbers. */
export function describe(region) {
  const of = Object.fromEntries(
    Object.entries(region).map(([key, value]) => [
      key,
      typeof value === "number" ? number(value, 1) : value,
    ]),
  );
  switch (geometry.shapeOf(region)) {
    case "rectangle":
      return t("x {x}, y {y}, {width} × {height} px", of);
    case "rotated":
      return t("centre x {x}, y {y}, {width} × {height} px, {angle_deg}°", of);
    case "circle":
      return t("centre x {x}, y {y}, radius {radius} px", of);
    case "ring":
      return t("centre x {x}, y {y}, radius {inner_radius} to {radius} px", of);
    default:
      return t("{count} corners", { count: region.points.length });
  }
}

/**
 * The elements of the regions in an <svg>; they stay as long as what they show, so that the
 * keyboard stays on them.
 */
export class Marks {
  #items = new Map(); // key to the item, as Drawing.show has it
  #current = null;
  #nodes = new Map(); // key to its elements
  #handles = new Map(); // id to its element

  /** focused(key): the keyboard has come to a region. */
  constructor(svg, focused) {
    this.focused = focused;
    this.shapes = s("g.shapes");
    this.sketch = s("path.sketch", { "vector-effect": "non-scaling-stroke" });
    this.notes = s("g.notes", { "aria-hidden": "true" });
    this.grips = s("g.grips");
    this.hatch = s(
      "pattern",
      { id: "hatch", width: 8, height: 8, patternUnits: "userSpaceOnUse" },
      s("path", { d: "M-2 2l4-4M0 8l8-8M6 10l4-4" }),
    );
    svg.append(s("defs", this.hatch), this.shapes, this.notes, this.grips);
  }

  /** Other items; the key of the current one. */
  show(items, current) {
    this.#items = items;
    this.#current = current;
    const drawn = [...items.values()]
      .filter((item) => item.region)
      .sort((a, b) => geometry.area(b.region) - geometry.area(a.region)); // small ones on top
    for (const [key, { group, note }] of this.#nodes) {
      if (drawn.some((item) => item.key === key)) continue;
      group.remove();
      note.remove();
      this.#nodes.delete(key);
    }
    let before = null;
    for (const item of drawn) {
      const { group, note } = this.#nodes.get(item.key) ?? this.#node(item);
      if (before ? group.previousSibling !== before : group !== this.shapes.firstChild)
        before ? before.after(group) : this.shapes.prepend(group);
      before = group;
      Object.assign(group.dataset, {
        role: item.role,
        active: String(Boolean(item.active)),
        current: String(item.key === current),
        verdict: item.verdict ?? "",
      });
      Object.assign(note.dataset, { active: group.dataset.active, verdict: group.dataset.verdict });
      group.setAttribute("tabindex", item.active ? "0" : "-1");
      const text = (SIGNS[item.verdict] ?? "") + item.label;
      if (note.textContent !== text) note.textContent = text;
    }
  }

  /**
   * Put everything where it is on a surface; `draft`: the current region while it is dragged;
   * `grips`: whether it has handles.
   */
  paint(surface, draft, grips) {
    const region = (item) => (draft && item.key === this.#current ? draft : item.region);
    this.shapes.setAttribute("transform", surface.transform);
    this.hatch.setAttribute("patternTransform", `scale(${1 / surface.scale})`);
    for (const [key, { group, paths }] of this.#nodes) {
      const item = this.#items.get(key);
      const now = region(item);
      const d = geometry.path(now);
      for (const path of paths) path.setAttribute("d", d);
      group.setAttribute(
        "aria-label",
        `${item.label}: ${shapeNames[geometry.shapeOf(now)]}, ${describe(now)}`,
      );
    }
    this.#paintNotes(surface, region);
    const item = grips ? this.#items.get(this.#current) : null;
    this.#paintHandles(
      surface,
      item?.region ? wantedHandles(item, region(item), surface.scale) : [],
    );
  }

  /** A path that is only being drawn; null for none. */
  outline(d) {
    if (!d) return this.sketch.remove();
    this.sketch.setAttribute("d", d);
    if (!this.sketch.parentNode) this.shapes.append(this.sketch);
  }

  /** Put the keyboard on a region, or on a handle of the current one. */
  focus(key) {
    this.#nodes.get(key)?.group.focus({ preventScroll: true });
  }

  focusHandle(id) {
    this.#handles.get(id)?.focus({ preventScroll: true });
  }

  #node(item) {
    const line = (name) => s(`path.${name}`, { "vector-effect": "non-scaling-stroke" });
    const [body, halo, border] = [line("body"), line("halo"), line("border")];
    const group = s("g.region", { role: "button", dataset: { key: item.key } }, body, halo, border);
    group.addEventListener(
      "focus",
      () =>
        group.matches(":focus-visible") &&
        item.key !== this.#current &&
        this.#items.get(item.key)?.active &&
        this.focused(item.key),
    );
    const note = s("text.note");
    this.notes.append(note);
    const node = { group, note, paths: [body, halo, border] };
    this.#nodes.set(item.key, node);
    return node;
  }

  // Each name where it covers no other: above its region, below it, or in it; the one of the
  // selected tool first.
  #paintNotes(surface, region) {
    const taken = [];
    const size = parseFloat(getComputedStyle(this.notes).fontSize) * 0.75;
    const rows = [...this.#nodes]
      .map(([key, node]) => [this.#items.get(key), node])
      .sort((a, b) => Number(b[0].active) - Number(a[0].active));
    for (const [item, { note }] of rows) {
      const { left, top, right, bottom } = geometry.box(region(item));
      const [x, y] = surface.onScreen(left - 0.5, top - 0.5);
      const [end, under] = surface.onScreen(right + 0.5, bottom + 0.5);
      const [wide, high] = [note.textContent.length * size * 0.6, size * 1.3];
      const places = [
        [x + 2, y - size * 0.4],
        [x + 2, under + size * 1.15],
        [end - wide, y - size * 0.4],
        [x + 4, y + size * 1.2],
      ];
      const free = ([px, py]) =>
        py > high &&
        !taken.some(
          (box) => px < box[2] && px + wide > box[0] && py - high < box[3] && py > box[1],
        );
      const place = places.find(free) ?? (item.active ? places[y < high ? 3 : 0] : null);
      note.style.setProperty("visibility", place ? "visible" : "hidden");
      if (!place) continue;
      const at = [Math.max(4, place[0]), place[1]];
      taken.push([at[0], at[1] - high, at[0] + wide, at[1]]);
      note.setAttribute("x", at[0]);
      note.setAttribute("y", at[1]);
    }
  }

  #paintHandles(surface, wanted) {
    for (const [id, element] of this.#handles) {
      if (wanted.some((handle) => handle.id === id)) continue;
      element.remove();
      this.#handles.delete(id);
    }
    for (const handle of wanted) {
      const element = this.#handles.get(handle.id) ?? this.#handle(handle.id);
      const [x, y] = surface.onScreen(handle.x, handle.y);
      element.setAttribute("transform", `translate(${x} ${y})`);
      element.setAttribute("aria-label", nameOf(handle));
    }
  }

  #handle(id) {
    const kind = id.startsWith("m")
      ? "middle"
      : id === "turn" || id === "inner"
        ? id
        : id.startsWith("p")
          ? "corner"
          : "side";
    const mark =
      kind === "side"
        ? s("rect", { x: -5, y: -5, width: 10, height: 10, rx: 1 })
        : s("circle", { r: kind === "middle" ? 4 : 6 });
    const element = s(
      "g.handle",
      { role: "button", tabindex: 0, dataset: { handle: id, kind } },
      s("circle.reach", { r: 16 }),
      mark,
    );
    this.#handles.set(id, element);
    this.grips.append(element);
    return element;
  }
}

function wantedHandles(item, region, scale) {
  const all = geometry.handles(region, REACH_PX / scale, item.shapes.includes("rotated"));
  const { left, top, right, bottom } = geometry.box(region);
  if (Math.min(right - left, bottom - top) * scale >= SMALL_PX) return all;
  return all.filter(
    ({ id }) => !id.startsWith("m") && ("radius" in region || !["n", "e", "s", "w"].includes(id)),
  );
}

function nameOf({ id, x, y }) {
  const n = Number(id.slice(1));
  if (id.startsWith("p"))
    return t("Corner {n}: x {x}, y {y}; Delete removes it", {
      n: n + 1,
      x: number(x, 1),
      y: number(y, 1),
    });
  return id.startsWith("m") ? t("New corner after {n}", { n: n + 1 }) : NAMES[id];
}
