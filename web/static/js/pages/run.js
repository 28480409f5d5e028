// The Run page: a card for each station, one alone or several beside each other; what has changed
// is drawn once a frame.

import { get } from "../api.js";
import { complain } from "../dialog.js";
import { $, h, put, targetOf } from "../dom.js";
import { live } from "../events.js";
import { Card } from "../run/card.js";
import { refresh } from "../run/figures.js";
import { Hall } from "../run/hall.js";
import { Sight } from "../run/sight.js";
import { Sound } from "../run/sound.js";
import { address, asked, draw as drawTabs } from "../run/tabs.js";
import { Tile } from "../run/tile.js";
import { failure } from "../told.js";
import { page, t } from "../words.js";

const FIGURES_MS = 10000;
const SAID_MS = 5000;

const looksOnly = page.person?.role === "SCREEN"; // a screen that nobody operates

const box = $("#lines");
const sound = new Sound($("#sound"));
let cards = {}; // station to its Card or Tile, those on the page
let sight = new Sight([]);
let hall = null; // the order of the tiles, where there are tiles
let stations = [];
let programs = [];
let frame = 0;
let waiting = new Set(); // cards to draw with the next frame
let saidAt = 0;
let counted = ""; // what the figures were asked for last

// Drawing

function soon(these = Object.values(cards)) {
  for (const card of these) waiting.add(card);
  if (!frame) frame = requestAnimationFrame(draw);
}

function draw() {
  const these = waiting;
  waiting = new Set();
  frame = 0;
  for (const card of these) sight.draw(card);
}

/** Show the stations that the address asks for. */
function layout() {
  const wanted = asked(stations);
  const changed = () => {
    count(true);
    soon();
  };
  const made = (station) =>
    wanted.view === "tiles"
      ? new Tile(station, address(station))
      : new Card(station, address(station), () => programs, changed, newest);
  cards = Object.fromEntries(wanted.shown.map((station) => [station, made(station)]));
  sight.end();
  waiting.clear();
  const all = Object.values(cards);
  hall = wanted.view === "tiles" ? new Hall(all) : null;
  box.dataset.layout = { single: "single", cards: "grid", tiles: "hall" }[wanted.view];
  box.removeAttribute("aria-busy");
  const elements = hall ? hall.element : all.map(({ element }) => element);
  put(box, stations.length ? elements : h("p.card.empty", t("The settings have no station.")));
  drawTabs($("#stations"), stations, wanted, go);
  for (const card of all) if (live.latest[card.station]) card.take(live.latest[card.station]);
  sight = new Sight(all);
  hall?.load().then(() => soon(), complain);
  count(true);
  soon();
}

// A station whose newest result nobody has told yet: the broker is away, or nothing was published
// since it began anew.
async function newest(card, row) {
  card.take(await get(`/results/${row.result_id}`));
  soon([card]);
}

// Stations open without leaving the page, which would end the full screen.
function go(href) {
  if (new URL(href, location.href).href !== location.href) history.pushState(null, "", href);
  layout();
  scrollTo(0, 0);
  $("#main").focus();
}
document.addEventListener("click", (event) => {
  const link = /** @type {HTMLAnchorElement | undefined} */ (
    targetOf(event)?.closest("a[data-open]")
  );
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link.href);
});
addEventListener("popstate", layout);

// Figures

async function count(now = false) {
  const key = Object.values(cards)
    .map((card) => card.result?.result_id)
    .join();
  if (!now && (document.hidden || key === counted)) return;
  counted = key;
  await refresh(
    Object.fromEntries(Object.entries(cards).map(([station, card]) => [station, card.figures])),
  ).catch(() => (counted = "")); // the lamps say what is wrong
}

async function list() {
  programs = (await get("/programs")).programs.map(({ id, name }) => ({ id, name }));
  const first = $("#first");
  if (first) first.hidden = programs.length > 0;
  soon();
}

// What comes

// Some results of a station were not told.
function reload(card) {
  (hall ? hall.load().then(() => soon()) : card.missed()).catch(complain);
}

live.addEventListener("result", ({ detail }) => {
  const card = cards[detail.station];
  if (!card) return;
  card.add(detail);
  sound.play(detail.verdict);
  say(detail);
  soon([card]);
});
live.addEventListener("hello", () => {
  for (const [station, result] of Object.entries(live.latest)) {
    const card = cards[station];
    if (!card) continue;
    const missed = card.result && result.seq > card.result.seq + 1 && live.mode === "stream";
    card.take(result);
    if (missed) reload(card);
  }
  soon();
});
live.addEventListener("gap", ({ detail }) => {
  if (cards[detail.station]) reload(cards[detail.station]);
  count(true);
});
live.addEventListener(
  "event",
  ({ detail }) => detail.type === "program.changed" && list().catch(complain),
);
// seen at another screen
live.addEventListener("notice", ({ detail }) => {
  if (detail.kind === "ng.acknowledged") cards[detail.station]?.pinned?.see(detail.result_id);
});
for (const kind of ["state", "link", "mode", "alarm"]) live.addEventListener(kind, () => soon());

// For who cannot see the screen: a verdict that is not good, now and then.
function say({ station, verdict, error, tools }) {
  if (verdict === "OK" || Date.now() - saidAt < SAID_MS) return;
  saidAt = Date.now();
  const why =
    error?.code ??
    tools
      .filter((tool) => tool.verdict !== "OK")
      .map((tool) => tool.name)
      .join(", ");
  $("#said").textContent = `${station}: ${verdict}, ${why}`;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  count();
  for (const card of Object.values(cards)) if (card.seen) card.awake?.();
});

// Full screen

const full = $("#full");
full.hidden = !document.fullscreenEnabled;
full.addEventListener("click", () =>
  (document.fullscreenElement
    ? document.exitFullscreen()
    : document.documentElement.requestFullscreen()
  ).catch(complain),
);
document.addEventListener("fullscreenchange", () => {
  const is = Boolean(document.fullscreenElement);
  document.body.classList.toggle("full", is || looksOnly);
  full.setAttribute("aria-pressed", String(is));
  $("span", full).textContent = is ? t("Leave full screen") : t("Full screen");
  // a screen that goes dark is not a fault
  if (is) navigator.wakeLock?.request("screen").catch(() => {});
});

// Begin

async function begin() {
  try {
    stations = (await get("/stations")).stations.map(({ id }) => id);
  } catch (error) {
    put($("#loading"), failure(error));
    return setTimeout(begin, 5000);
  }
  layout();
  list().catch(complain);
  setInterval(() => {
    sight.tick();
    hall?.tick();
  }, 1000);
  setInterval(count, FIGURES_MS);
}

live.start();
begin();
