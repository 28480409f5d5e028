// What every page has: menu, language and theme, the lamp of the connection, alarms, signing out.

import { signOut } from "./api.js";
import { start as startAlarms } from "./alarms.js";
import { complain } from "./dialog.js";
import { $ } from "./dom.js";
import { live } from "./events.js";
import { start as startHelp } from "./help.js";
import { ago, page, t } from "./words.js";

preference("language", () => location.reload());
preference("theme", (value) => (document.documentElement.dataset.theme = value));
preference("calm", (value) => (document.documentElement.dataset.calm = value));
if ($(".frame")) frame();

function preference(name, then) {
  $(`#${name}`)?.addEventListener("change", ({ target }) => {
    document.cookie = `${name}=${target.value}; path=/; max-age=31536000; samesite=strict`;
    then(target.value);
  });
}

function frame() {
  const button = $("#menu-button");
  const menu = $("#menu");
  const show = (open) => {
    menu.classList.toggle("open", open);
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => show(!menu.classList.contains("open")));
  const unfolded = [$("#person"), $("#alarms")];
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    show(false);
    for (const one of unfolded) one.open = false;
  });
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target) && !button.contains(event.target)) show(false);
    for (const one of unfolded) if (!one.contains(event.target)) one.open = false;
  });
  $("#sign-out").addEventListener("click", async () => {
    try {
      await signOut();
      await forget();
      location.assign("/app/sign-in");
    } catch (error) {
      complain(error);
    }
  });
  startHelp();
  if (!page.person) return;
  for (const kind of ["hello", "link", "state", "mode"]) live.addEventListener(kind, draw);
  setInterval(draw, 1000);
  startAlarms();
  live.start();
}

// Nothing of this person is left for who sits here next: browsers that know Clear-Site-Data have
// done it already.
async function forget() {
  localStorage.clear();
  sessionStorage.clear();
  for (const { name } of (await indexedDB.databases?.()) ?? []) indexedDB.deleteDatabase(name);
  for (const key of (await globalThis.caches?.keys()) ?? []) await caches.delete(key);
}

function draw() {
  const [state, text] = connection();
  const lamp = $("#link");
  if (lamp.dataset.state !== state) lamp.dataset.state = state;
  const shown = $(".lamp-text", lamp);
  if (shown.textContent !== text) shown.textContent = text;
}

/** State of the lamp and its words: how what is shown gets here, and how old it is. */
function connection() {
  const { broker, node } = live.link;
  if (live.mode === "offline")
    return ["bad", t("No connection to the web, {ago}", { ago: ago(live.age / 1000) })];
  if (live.mode === "connecting") return ["unknown", t("Connecting")];
  if (broker === "away") return ["bad", t("Broker away")];
  if (node === "away") return ["bad", t("Node away")];
  if (node === "silent") return ["warn", t("Node silent")];
  if (live.mode === "polling") return ["warn", t("Every 2 s")];
  return node === "ok" ? ["ok", t("Live")] : ["unknown", t("Connecting")];
}
