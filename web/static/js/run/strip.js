// The film strip: the last 20 parts with their pictures, the newest first, each leading to its
// result, and below them the last 60 as bars. It stands still while somebody points at it.

import { ask, get } from "../api.js";
import { h, icon, put } from "../dom.js";
import { t, time } from "../words.js";
import { MOST as BARS, Spark } from "./spark.js";

const MOST = 20;
const WIDTH = 80 * Math.min(2, Math.ceil(devicePixelRatio)); // px of a picture
const EVERY_MS = 300; // on a quick line several parts move in at once

/** The strip of a station. */
export class Strip {
  constructor(station) {
    this.station = station;
    this.items = []; // newest first: {id, seq, element, canvas}
    this.waiting = []; // results that have not moved in yet
    this.held = false;
    this.list = h("ol.strip", { "aria-label": t("The last {count} parts", { count: MOST }) });
    this.spark = new Spark();
    this.lately = h("span.lately-words");
    this.element = h(
      "div.strip-box",
      { tabindex: -1 },
      this.list,
      h("p.lately", this.spark.element, this.lately),
    );
    const hold = (held) => () => this.hold(held);
    this.list.addEventListener(
      "pointerenter",
      (event) => event.pointerType !== "touch" && this.hold(true),
    );
    this.list.addEventListener(
      "pointerleave",
      () => !this.list.contains(document.activeElement) && this.hold(false),
    );
    this.list.addEventListener("focusin", hold(true));
    this.list.addEventListener(
      "focusout",
      (event) => !this.list.contains(event.relatedTarget) && this.hold(false),
    );
  }

  get newestSeq() {
    return this.waiting.at(-1)?.seq ?? this.items[0]?.seq ?? 0;
  }

  hold(held) {
    this.held = held;
    this.element.dataset.held = String(held);
    this.flush();
  }

  flush() {
    this.timer = 0;
    if (this.held || !this.waiting.length) return;
    this.flushedAt = Date.now();
    for (const result of this.waiting.splice(0)) {
      this.insert(result);
      this.spark.add(result);
    }
    this.tally();
  }

  /** A result that has just come. */
  add(result) {
    if (
      [...this.items, ...this.waiting].some(
        (known) => (known.id ?? known.result_id) === result.result_id,
      )
    )
      return;
    this.waiting.push(result);
    if (this.waiting.length > BARS) this.waiting.shift();
    if (!this.timer)
      this.timer = setTimeout(
        () => this.flush(),
        Math.max(0, (this.flushedAt ?? 0) + EVERY_MS - Date.now()),
      );
  }

  insert(result) {
    const item = this.made(result);
    const before = this.items.findIndex(({ seq }) => seq < result.seq);
    const place = before === -1 ? this.items.length : before;
    this.list.insertBefore(item.element, this.items[place]?.element ?? null);
    this.items.splice(place, 0, item);
    for (const gone of this.items.splice(MOST)) gone.element.remove();
  }

  // How the last parts were, for who cannot see the bars too.
  tally() {
    this.spark.draw();
    const counts = { count: this.spark.parts.length };
    for (const verdict of ["NG", "ERROR"]) counts[verdict] = this.spark.count(verdict);
    this.lately.textContent = t("Last {count} parts: {NG} NG, {ERROR} ERROR", counts);
  }

  made({ result_id: id, seq, verdict, part_id: part, finished_at: at }) {
    const canvas = h("canvas", { width: 0, height: 0, "aria-hidden": "true" });
    const label = [verdict, part ?? `#${seq}`, time(at, { date: false })].join(", ");
    const link = h(
      "a",
      { href: `/app/history/${id}`, "aria-label": label, title: label },
      canvas,
      h("span.strip-verdict", icon(verdict.toLowerCase())),
    );
    return { id, seq, canvas, element: h("li", { dataset: { verdict, result: id } }, link) };
  }

  /** Ask for the last results and for the pictures that are there. */
  async load() {
    const [{ results: all }, { result_ids: shown }] = await Promise.all([
      get("/results", { station: this.station, limit: BARS }),
      get(`/stations/${this.station}/pictures`).catch(() => ({ result_ids: [] })),
    ]);
    const results = all.slice(0, MOST);
    const newest = results[0]?.seq ?? 0;
    this.spark.know(all.map(({ seq, verdict }) => ({ seq, verdict })).reverse());
    this.tally();
    this.items = this.items.filter(({ seq }) => seq > newest); // came meanwhile
    put(
      this.list,
      this.items.map(({ element }) => element),
    );
    for (const result of results) this.insert(result);
    this.kept = new Set(
      results.filter((result) => result.images?.annotated).map((result) => result.result_id),
    );
    this.thumbs(
      results
        .filter((result) => result.images?.annotated || shown.includes(result.result_id))
        .map((result) => result.result_id),
    );
    return results;
  }

  async thumbs(ids) {
    this.pictured = ids;
    for (const id of ids) {
      if (!this.items.some((item) => item.id === id && !item.canvas.width)) continue;
      const blob =
        (this.kept.has(id) && (await blobOf(`/pictures/${id}.thumb.jpg`))) ||
        (await this.picture(id));
      if (blob) await this.thumb(id, blob);
    }
  }

  /** The annotated picture of a result; null if it is gone. */
  picture(id) {
    return blobOf(`/stations/${this.station}/pictures/${id}`);
  }

  /** Draw the picture of a result small. */
  async thumb(id, blob) {
    const found = this.items.find((item) => item.id === id);
    if (!found || found.canvas.width) return;
    try {
      const bitmap = await createImageBitmap(blob, { resizeWidth: WIDTH, resizeQuality: "medium" });
      Object.assign(found.canvas, { width: bitmap.width, height: bitmap.height });
      found.canvas.getContext("2d").drawImage(bitmap, 0, 0);
      bitmap.close();
    } catch {
      // no picture that this browser can draw: the verdict stands there
    }
  }
}

async function blobOf(path) {
  try {
    return await (await ask("GET", path)).response.blob();
  } catch {
    return null;
  }
}
