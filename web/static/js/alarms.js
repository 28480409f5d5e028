// The alarm banner of every page: what is wrong, since when, who has seen it; operators
// acknowledge.

import { get, may, post } from "./api.js";
import { cureOf } from "./cures.js";
import { doing, toast } from "./dialog.js";
import { $, h, icon, put } from "./dom.js";
import { live } from "./events.js";
import { spoken } from "./told.js";
import { page, t, time } from "./words.js";

const AWAY = "NODE_AWAY";
let box;
let seen = {}; // code to {by, at, since}
let known = "[]";
let drawn = "";

/** Keep the banner current. */
export function start() {
  box = $("#alarms");
  box.setAttribute("aria-live", "polite");
  for (const kind of ["hello", "alarm", "link"]) live.addEventListener(kind, look);
  live.addEventListener("notice", ({ detail }) => detail.kind === "alarm.acknowledged" && load());
  live.addEventListener(
    "notice",
    ({ detail }) =>
      detail.kind === "maintenance.ended" &&
      detail.by !== page.person?.username &&
      toast(t("{by} ended the maintenance of {station}: its lines are off.", detail), "warn"),
  );
  live.addEventListener(
    "event",
    ({ detail }) =>
      detail.type === "station.maintenance_ended" &&
      toast(
        t(
          "The maintenance of {station} ended by itself: its lines are off, and it stays paused.",
          detail,
        ),
        "warn",
      ),
  );
}

const SILENT = { away: () => t("Node away"), silent: () => t("Node silent") };

// Whatever came: what is no alarm at all is one that cannot be read. Two the web finds itself: that
// the node goes by other settings, and that it is not there, which stands before what it had raised.
/** @returns {[string, any][]} code and alarm */
function all() {
  /** @type {[string, any][]} */
  const told = Object.entries(live.alarms ?? {}).map(([code, alarm]) => [code, Object(alarm)]);
  if (live.link.settings === "other")
    told.push(["SETTINGS", { message: "Node and web have read different settings", since: "" }]);
  if (live.link.node in SILENT) told.push([AWAY, { message: SILENT[live.link.node](), since: "" }]);
  return told;
}

// Only what is new is asked for: who has seen it.
function look() {
  const now = JSON.stringify(
    all()
      .map(([code, { since }]) => [code, since])
      .sort(),
  );
  if (now === known) return draw();
  known = now;
  return now === "[]" ? draw() : load();
}

async function load() {
  try {
    const { alarms } = await get("/alarms");
    seen = Object.fromEntries(
      alarms
        .filter((alarm) => alarm.acknowledged)
        .map((alarm) => [alarm.id, { ...alarm.acknowledged, since: alarm.since }]),
    );
  } catch {
    known = ""; // asked again with the next word of the node
  }
  draw();
}

const seenBy = ([code, alarm]) => (seen[code]?.since === alarm.since ? seen[code] : null);

function draw() {
  const rows = all().sort(
    (a, b) =>
      Number(b[0] === AWAY) - Number(a[0] === AWAY) ||
      Number(Boolean(seenBy(a))) - Number(Boolean(seenBy(b))) ||
      String(b[1].since).localeCompare(String(a[1].since)),
  );
  const now = JSON.stringify([rows, rows.map(seenBy)]);
  if (now === drawn) return; // a button keeps its focus
  drawn = now;
  box.hidden = rows.length === 0;
  if (!rows.length) box.open = false;
  box.dataset.level = rows.some((row) => !seenBy(row)) ? "new" : "seen";
  put($("summary", box), rows.length ? line(rows) : []);
  put($("#alarm-list"), rows.map(safely));
}

// All of them in one line: the newest that nobody has seen, and how many there are.
function line(rows) {
  const [[code, alarm]] = rows;
  const said = readable(alarm) ? spoken(alarm.message) : t("Unreadable alarm");
  return [
    icon("warning"),
    rows.length > 1 ? h("span.alarm-count", String(rows.length)) : null,
    h("strong", code),
    h("span.alarm-said", said),
  ];
}

const readable = (alarm) => typeof alarm.message === "string";

// One that cannot be drawn must not hide the others.
function safely([code, alarm]) {
  try {
    if (readable(alarm)) return row([code, alarm]);
  } catch (error) {
    console.error(error);
  }
  return h(
    "div.notice.error",
    { dataset: { alarm: code } },
    h("span.cluster", icon("warning"), h("strong", code), h("span", t("Unreadable alarm"))),
  );
}

function row([code, alarm]) {
  const by = seenBy([code, alarm]);
  const acknowledge = async () => {
    await post(`/alarms/${encodeURIComponent(code)}/acknowledge`, { since: alarm.since });
    await load();
  };
  const cure = cureOf(code, alarm.station);
  const elsewhere = alarm.station && !code.endsWith(`.${alarm.station}`);
  const button = { type: "button", onclick: doing(acknowledge) };
  return h(
    `div.notice.${by ? "warn" : "error"}`,
    { dataset: { alarm: code } },
    h(
      "div.cluster",
      icon("warning"),
      h("strong", code),
      elsewhere ? h("span.tag", alarm.station) : null,
      h("span", spoken(alarm.message)),
      alarm.since === "" ? null : h("span.small", t("since {time}", { time: time(alarm.since) })),
    ),
    cure ? h("p.small", h("strong", t("What to do:")), " ", cure.advice) : null,
    h(
      "div.cluster",
      cure ? h("a.button.small", { href: cure.href }, cure.text) : null,
      by
        ? h(
            "span.small",
            t("Seen by {name} at {time}", { name: by.by, time: time(by.at, { date: false }) }),
          )
        : may("OPERATOR") && alarm.since !== ""
          ? h("button.button.small", button, t("Acknowledge"))
          : null,
    ),
  );
}
