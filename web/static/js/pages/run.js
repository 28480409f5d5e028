// The Run page: a card for each station, one alone or several beside each other; what has changed
// is drawn once a frame.

import { get } from "../api.js";
import { complain } from "../dialog.js";
import { $, $$, h, put } from "../dom.js";
import { live } from "../events.js";
import { Card } from "../run/card.js";
import { refresh } from "../run/figures.js";
import { t } from "../words.js";

const FIGURES_MS = 10000;
const SAID_MS = 5000;

const box = $("#lines");
let cards = {}; // station to Card, those on the screen
let stations = [];
let programs = [];
let frame = 0;
let waiting = new Set(); // cards to draw with the next frame
let saidAt = 0;
let counted = ""; // what the figures were asked for last

const chosen = () => new URLSearchParams(location.search).get("station");
const address = (station) =>
  station ? `/app/run?station=${encodeURIComponent(station)}` : "/app/run";

// Drawing

function soon(these = Object.values(cards)) {
  for (const card of these) waiting.add(card);
  if (!frame) frame = requestAnimationFrame(draw);
}

function draw() {
  const these = waiting;
  waiting = new Set();
  frame = 0;
  for (const card of these) card.draw(programs);
}

/** Show the stations that the address asks for. */
function layout() {
  const wanted = chosen();
  const shown = stations.includes(wanted) ? [wanted] : stations;
  cards = Object.fromEntries(
    shown.map((station) => [
      station,
      new Card(station, address(station), () => {
        count(true);
        soon();
      }),
    ]),
  );
  box.dataset.layout = shown.length === 1 ? "single" : "grid";
  box.removeAttribute("aria-busy");
  put(
    box,
    stations.length
      ? Object.values(cards).map((card) => card.element)
      : h("p.card.empty", t("The settings have no station.")),
  );
  const tabs = $("#stations");
  tabs.hidden = stations.length < 2;
  put(
    tabs,
    [null, ...stations].map((station) =>
      h(
        "a.button",
        {
          href: address(station),
          dataset: { open: station ?? "" },
          "aria-current": (
            station === null
              ? shown.length > 1
              : shown.length === 1 && shown[0] === station
          )
            ? "page"
            : null,
        },
        station ?? t("All stations"),
      ),
    ),
  );
  for (const [station, card] of Object.entries(cards)) {
    if (live.latest[station]) card.take(live.latest[station]);
    card.strip
      .load()
      .then((results) => card.result ?? (results[0] && newest(card, results[0])), complain);
  }
  count(true);
  soon();
  draw();
}

// A station whose newest result nobody has told yet: the broker is away, or nothing was published
// since it began anew.
async function newest(card, row) {
  card.take(await get(`/results/${row.result_id}`));
  soon([card]);
}

// Stations open without leaving the page, which would end the full screen.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-open]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  if (link.href !== location.href) history.pushState(null, "", link.href);
  layout();
  $("#main").focus();
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
  soon();
}

// What comes

live.addEventListener("result", ({ detail }) => {
  const card = cards[detail.station];
  if (!card) return;
  card.add(detail);
  say(detail);
  soon([card]);
});
live.addEventListener("hello", () => {
  for (const [station, result] of Object.entries(live.latest)) {
    const card = cards[station];
    if (!card) continue;
    const missed = card.result && result.seq > card.result.seq + 1 && live.mode === "stream";
    card.take(result);
    if (missed) card.strip.load().catch(complain);
  }
  soon();
});
live.addEventListener("gap", ({ detail }) => {
  cards[detail.station]?.strip.load().catch(complain);
  count(true);
});
live.addEventListener(
  "event",
  ({ detail }) => detail.type === "program.changed" && list().catch(complain),
);
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
  for (const card of Object.values(cards)) if (card.result) card.picture.want(card.result);
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
  document.body.classList.toggle("full", is);
  full.setAttribute("aria-pressed", String(is));
  $("span", full).textContent = is ? t("Leave full screen") : t("Full screen");
  // a screen that goes dark is no fault
  if (is) navigator.wakeLock?.request("screen").catch(() => {});
});

// Begin

async function begin() {
  try {
    stations = (await get("/stations")).stations.map(({ id }) => id);
  } catch (error) {
    $("#loading").textContent = error.text ?? String(error.message);
    return setTimeout(begin, 5000);
  }
  layout();
  list().catch(complain);
  setInterval(() => Object.values(cards).forEach((card) => card.tick()), 1000);
  setInterval(count, FIGURES_MS);
}

live.start();
begin();
