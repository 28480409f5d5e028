// The first steps: a camera that sees, a program, the PLC's last trigger, the second factor. Looked
// at again every few seconds.

import { ask, get } from "../api.js";
import { complain, doing } from "../dialog.js";
import { $, h, icon, put } from "../dom.js";
import { live } from "../events.js";
import { page, t, time } from "../words.js";

const AGAIN_MS = 4000;
const FEW = 4; // stations that are named
const BY_HAND = ["http", "command"];

let shown = "";
let base = null; // of all topics
let picture = null; // of the camera, as it was seen last: {station, url}

/** What is there already, from the API alone. */
async function look() {
  const [{ stations }, { programs }, { results }, me] = await Promise.all([
    get("/stations"),
    get("/programs"),
    get("/results", { limit: 20 }),
    get("/auth/me"),
  ]);
  base ??= (await get("/settings")).settings.find(({ key }) => key === "broker.base").value;
  return { stations, programs, me, trigger: await fromOutside(results) };
}

// The newest part that no person of the web has triggered.
async function fromOutside(results) {
  for (const { result_id: id } of results.filter(({ trigger_id: id }) => !id.startsWith("web-"))) {
    const result = await get(`/results/${id}`);
    if (!BY_HAND.includes(result.source)) return result;
  }
  return null;
}

function card(number, name, done, title, ...content) {
  const mark = h("span.step-mark", { "aria-hidden": "true" }, done ? icon("ok") : String(number));
  const word = h("span.visually-hidden", done ? t("done") : t("open"));
  return h(
    "section.card.step-card",
    { dataset: { step: name, done: String(done) }, "aria-label": title },
    h("h2", mark, h("span", title), word),
    content,
  );
}

const few = (all) => [...all.slice(0, FEW), ...(all.length > FEW ? ["…"] : [])].join(", ");
const link = (href, text, primary) => h(`a.button${primary ? ".primary" : ""}`, { href }, text);

function camera(stations) {
  const seeing = stations.filter(({ camera: state }) => state === "ok");
  const done = seeing.length > 0;
  const said = done
    ? t("{stations}: the camera gives pictures.", {
        stations: few(seeing.map(({ id }) => id)),
      })
    : t("No camera gives pictures yet. Check cable and power, and which camera the settings name.");
  const see = async () => {
    const id = (seeing[0] ?? stations[0]).id;
    const { response } = await ask("GET", `/stations/${id}/image`, { limit_ms: 15000 });
    if (picture) URL.revokeObjectURL(picture.url);
    picture = { station: id, url: URL.createObjectURL(await response.blob()) };
    shown = "";
    await draw();
  };
  return card(
    1,
    "camera",
    done,
    t("A camera that sees"),
    h("p", said),
    picture
      ? h("img.step-picture", { src: picture.url, alt: t("What {station} sees", picture) })
      : null,
    done
      ? h(
          "button.button",
          { type: "button", onclick: doing(see) },
          icon("camera"),
          t("Take a picture"),
        )
      : link("/app/health", t("See what is wrong"), true),
  );
}

function program(programs, stations) {
  const active = stations.filter(({ program: id }) => programs.some((one) => one.id === id));
  const done = active.length > 0;
  if (done) {
    const all = few(active.map(({ id, program: name }) => `${id}: ${name}`));
    return card(
      2,
      "program",
      true,
      t("A program"),
      h("p", all),
      link("/app/programs", t("See the programs")),
    );
  }
  return programs.length
    ? card(
        2,
        "program",
        false,
        t("A program"),
        h("p", t("There are programs, but no station uses one yet.")),
        link("/app/programs", t("Choose one"), true),
      )
    : card(
        2,
        "program",
        false,
        t("A program"),
        h(
          "p",
          t(
            "It says what is looked at, and when a part is good: made from one picture of a good part.",
          ),
        ),
        link("/app/programs/new", t("Make the first program"), true),
      );
}

function trigger(result, stations) {
  const station = stations[0]?.id ?? "STATION";
  if (result) {
    const told = {
      trigger: result.trigger_id,
      station: result.station,
      time: time(result.received_at),
    };
    return card(
      3,
      "trigger",
      true,
      t("The PLC's trigger"),
      h("p", t("Last: {trigger} at {station}, {time}", told)),
      link(`/app/history/${result.result_id}`, t("See what came of it")),
    );
  }
  const topic = `${base}/${page.node_id}/trigger/${station}`;
  return card(
    3,
    "trigger",
    false,
    t("The PLC's trigger"),
    h(
      "p",
      t("None has come yet. A PLC publishes to this topic, or pulses the trigger line; to try it:"),
    ),
    h("pre", `mosquitto_pub -q 1 -t ${topic} -m '{"part_id":"1"}'`),
    link(`/app/run?station=${encodeURIComponent(station)}`, t("Trigger one by hand")),
  );
}

function factor(me) {
  const done = me.twofactor || me.subject !== null;
  const said = done
    ? t("Signing in asks for it.")
    : t(
        "A password alone can be seen and copied. An app on your phone, or a security key, cannot.",
      );
  return card(
    4,
    "factor",
    done,
    t("The second factor"),
    h("p", said),
    link("/app/account", done ? t("My account") : t("Set it up"), !done),
  );
}

async function draw() {
  const found = await look();
  const { stations, programs, me } = found;
  const now = JSON.stringify([
    stations.map(({ id, camera: state, program: name }) => [id, state, name]),
    programs.map(({ id }) => id),
    found.trigger?.result_id,
    me.twofactor,
  ]);
  if (now === shown) return; // a button keeps its focus
  shown = now;
  put(
    $("#steps"),
    camera(stations),
    program(programs, stations),
    trigger(found.trigger, stations),
    factor(me),
  );
  $("#steps").removeAttribute("aria-busy");
}

draw().catch(complain);
// the lamp says what is wrong
setInterval(() => document.hidden || draw().catch(() => {}), AGAIN_MS);
live.addEventListener("result", () => shown.includes("null") && draw().catch(() => {}));
