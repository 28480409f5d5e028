// All stations of a hall as tiles, those in trouble first.

import { get } from "../api.js";
import { h } from "../dom.js";
import { t } from "../words.js";
import { TROUBLE } from "./tile.js";

const ORDER_MS = 2000; // a tile that moves with every part cannot be read
const MOST_LARGE = 24; // beyond that many they are smaller

/** The order of tiles. */
export class Hall {
  constructor(tiles) {
    this.tiles = tiles;
    this.orderedAt = 0;
    this.element = h(
      "div.hall",
      {
        role: "group",
        "aria-label": t("Stations, those in trouble first"),
        dataset: { density: tiles.length > MOST_LARGE ? "dense" : "large" },
      },
      tiles.map(({ element }) => element),
    );
    // in the full screen they fill a window that is wider than high, each a little wider than high
    this.element.style.setProperty("--columns", Math.ceil(Math.sqrt(tiles.length * 1.1)));
  }

  /** What the ledger has of each: the verdicts of the last parts. */
  async load() {
    const recent = await get("/statistics/recent");
    for (const tile of this.tiles) tile.begin(recent[tile.station]);
    this.order();
  }

  /** Each second: the order, unless somebody is about to choose one. */
  tick() {
    const chosen = this.element.matches(":hover") || this.element.contains(document.activeElement);
    if (Date.now() - this.orderedAt >= ORDER_MS && !chosen) this.order();
  }

  order() {
    this.orderedAt = Date.now();
    const levels = new Map(this.tiles.map((tile) => [tile, TROUBLE[tile.trouble]]));
    const wanted = [...this.tiles].sort((a, b) => levels.get(b) - levels.get(a));
    if (wanted.every(({ element }, place) => this.element.children[place] === element)) return;
    this.element.append(...wanted.map(({ element }) => element));
  }
}
