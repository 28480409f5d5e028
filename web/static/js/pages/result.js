// One result: its pictures, what the tools measured, times and origin; buttons and arrow keys lead
// to its neighbours without leaving the page.

import { get, may } from "../api.js";
import { complain, doing, toast } from "../dialog.js";
import { $, h, icon, put, targetOf, verdict } from "../dom.js";
import { live } from "../events.js";
import { facts } from "../history/facts.js";
import { viewer } from "../history/picture.js";
import { timesBar } from "../history/times_bar.js";
import { toolsTable } from "../history/tools.js";
import { tryNewest } from "../history/try.js";
import { failure, spoken } from "../told.js";
import { whyOf, whyText } from "../why.js";
import { number, page, t, time } from "../words.js";

// of the answers, not of the result
const EXTRA = ["kept", "previous", "next", "advice", "newest_version"];
const list = stored();
const pictures = viewer($("#viewer"), $("#viewer-bar"), $("#panes"));
let result = null;
let asking = 0;
let known = null; // the neighbour that was asked for ahead

load(page.parts.result_id);
addEventListener("popstate", () => load(decodeURIComponent(location.pathname.split("/").pop())));
for (const [id, way] of [
  ["previous", "previous"],
  ["next", "next"],
])
  $(`#${id}`).addEventListener("click", () => go(result?.[way]));
$("#list-back").addEventListener("click", () => go(list.ids[place() - 1]));
$("#list-on").addEventListener("click", () => go(list.ids[place() + 1]));
document.addEventListener("keydown", (event) => {
  if (
    event.defaultPrevented ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    targetOf(event)?.closest("input, select, textarea, dialog, summary, .table-scroll")
  )
    return;
  if (event.key === "ArrowLeft") go(result?.previous);
  if (event.key === "ArrowRight") go(result?.next);
});
live.addEventListener("result", ({ detail }) => {
  if (!result || detail.station !== result.station || result.next || detail.seq !== result.seq + 1)
    return;
  result.next = detail.result_id;
  buttons();
});

/** The list that this result was opened from. */
function stored() {
  try {
    const found = JSON.parse(sessionStorage.getItem("history-list"));
    if (found?.ids.includes(page.parts.result_id)) return found;
  } catch {
    // none
  }
  return { href: "/app/history", ids: [] };
}

function place() {
  return list.ids.indexOf(result?.result_id);
}

function go(id) {
  if (!id) return;
  history.pushState(null, "", `/app/history/${encodeURIComponent(id)}`);
  sessionStorage.setItem("history-opened", id);
  load(id);
}

/** A result and what is known around it. */
async function ask(id) {
  const path = `/results/${encodeURIComponent(id)}`;
  const [found, around] = await Promise.all([get(path), get(`${path}/around`)]);
  return { ...found, ...around };
}

async function load(id) {
  const mine = (asking += 1);
  const slow = setTimeout(() => $("#body").setAttribute("aria-busy", "true"), 200);
  try {
    const found = (known?.result_id === id && known) || (await ask(id));
    if (mine !== asking) return;
    result = found;
    $("#failed").hidden = true;
    $("#body").hidden = false;
    show();
    ahead();
  } catch (error) {
    if (mine !== asking) return;
    $("#body").hidden = true;
    put($("#actions"));
    put(
      $("#failed"),
      h("p", failure(error)),
      error.code === "RESULT_NOT_FOUND"
        ? null
        : h("button.button", { type: "button", onclick: () => load(id) }, t("Try again")),
    ).hidden = false;
  } finally {
    clearTimeout(slow);
    if (mine === asking) $("#body").setAttribute("aria-busy", "false");
  }
}

function show() {
  document.title = `${result.verdict} ${result.part_id ?? number(result.seq)} · ${page.node_id}`;
  const why = whyOf(result);
  put(
    $("#head"),
    verdict(result.verdict),
    h("span", result.part_id ?? t("Number {seq}", { seq: number(result.seq) })),
    h("span.muted.small.nowrap", `${result.station}, ${time(result.finished_at)}`),
    result.simulated ? h("span.tag.simulated", t("Simulated")) : null,
    why ? h("span.head-why", whyText(why)) : null,
  );
  const { error } = result;
  $("#problem").hidden = !error;
  if (error)
    put(
      $("#problem"),
      h("p", h("strong", error.code), " ", spoken(error.message)),
      result.advice ? h("p", t("What to do: {advice}.", { advice: t(result.advice) })) : null,
    );
  pictures.show(result);
  put($("#tools"), toolsTable(result.tools));
  put($("#times"), timesBar(result));
  put($("#facts"), facts(result));
  put($("#actions"), actions());
  buttons();
}

function actions() {
  const { program, images, kept, newest_version: newest } = result;
  const admin = may("ADMIN") && program !== null && newest !== null;
  return [
    h(
      "button.button.small",
      { type: "button", onclick: copy },
      icon("copy"),
      h("span", t("Copy JSON")),
    ),
    admin && kept.includes(images.raw)
      ? h(
          "button.button.small",
          { type: "button", onclick: doing(() => tryNewest(result)) },
          icon("run"),
          t("Try newest version"),
        )
      : null,
    admin
      ? h(
          "a.button.small",
          {
            href: `/app/programs/${encodeURIComponent(program)}/edit?result=${encodeURIComponent(result.result_id)}`,
          },
          icon("edit"),
          t("Open in editor"),
        )
      : null,
  ];
}

function buttons() {
  $("#previous").disabled = !result.previous;
  $("#next").disabled = !result.next;
  $("#to-list").href = list.href;
  const at = place();
  $("#in-list").hidden = at < 0;
  $("#place").textContent = t("{place} of {count} in the list", {
    place: at + 1,
    count: list.ids.length,
  });
  $("#list-back").disabled = at < 1;
  $("#list-on").disabled = at < 0 || at >= list.ids.length - 1;
}

async function copy() {
  const published = Object.fromEntries(
    Object.entries(result).filter(([name]) => !EXTRA.includes(name)),
  );
  try {
    await navigator.clipboard.writeText(JSON.stringify(published, null, 2));
    toast(t("Copied"));
  } catch (error) {
    complain(error);
  }
}

/**
 * Ask for the neighbour that is likely to be next, and its picture, while nothing else is to do.
 */
function ahead() {
  const id = list.ids[place() + 1] ?? result.next;
  if (!id) return;
  (window.requestIdleCallback ?? setTimeout)(async () => {
    const found = await ask(id).catch(() => null);
    known = found?.next ? found : null; // the newest one soon gets a next
    if (found?.kept.includes(found.images.annotated))
      new Image().src = `/api/v1/pictures/${found.images.annotated}`;
  });
}
