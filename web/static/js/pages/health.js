// Health: every component with what is wrong and what to do; the node's and the machine's figures.
// Looked at every 5 s.

import { ask, get } from "../api.js";
import { $, $$, h, lamp, put } from "../dom.js";
import { live } from "../events.js";
import { failure, spoken } from "../told.js";
import { number, t, time } from "../words.js";

const LAMPS = { ok: "ok", degraded: "warn", error: "bad" };
const NAMES = {
  accounts: t("Accounts"),
  audit: t("Audit"),
  programs: t("Programs"),
  ledger: t("Results"),
  disk: t("Disk"),
  exports: t("Exports"),
  broker: t("Broker"),
  node: t("Node"),
  settings: t("Settings"),
};
const WORDS = { ok: t("Good"), degraded: t("Needs attention"), error: t("Failed") };
const COMMAND = /^(systemctl|inspection-node) /; // an advice that is typed on the machine
let knownAt = null; // UTC

async function load() {
  // 503 is an answer here: the components that failed are in it
  const health = await ask("GET", "/health").then(
    ({ data }) => data,
    (error) => (error.data?.components ? error.data : Promise.reject(error)),
  );
  const bad = Object.values(health.components).filter((one) => one.status !== "ok").length;
  const failed = Object.values(health.components).some((one) => one.status === "error");
  put(
    $("#overall"),
    h(
      `div.notice.${health.status === "ok" ? "good" : failed ? "error" : "warn"}`,
      health.status === "ok"
        ? t("All is well.")
        : bad === 1
          ? t("1 component needs attention.")
          : t("{n} components need attention.", { n: bad }),
    ),
  );
  const order = Object.entries(health.components).sort((a, b) => rank(a[1]) - rank(b[1]));
  put(
    $("#components"),
    h(
      "div.grid",
      order.map(([name, one]) =>
        h(
          "article.card",
          { dataset: { component: name, status: one.status } },
          h(
            "div.row",
            h("h2", NAMES[name] ?? name),
            lamp(LAMPS[one.status], WORDS[one.status] ?? one.status),
          ),
          one.message
            ? h(
                "p",
                one.said.map((each, n) => [n ? "; " : "", sentence(each)]),
              )
            : null,
          h("p.muted.small", t("since {time}", { time: time(one.since) }), " · ", one.unit),
          one.advice
            ? h(
                `p.notice.${one.status === "error" ? "error" : "warn"}`,
                h("strong", t("What to do:")),
                " ",
                COMMAND.test(one.advice) ? h("code", one.advice) : t(one.advice),
              )
            : null,
          one.log && !one.advice.includes(one.log)
            ? h("p.small", t("Its log:"), " ", h("code", one.log))
            : null,
          one.line ? h("pre.log-line", { title: t("The last error in its log") }, one.line) : null,
        ),
      ),
    ),
  );
  $("#components").removeAttribute("aria-busy");
  figures(await get("/metrics", {}, { headers: { Accept: "application/json" } }));
  knownAt = new Date().toISOString();
}

// What is put in is a word of ours too, such as a state; what is none stays as it is.
const sentence = ({ text, values }) =>
  spoken(
    t(
      text,
      Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          name,
          typeof value === "string" ? t(value) : number(value),
        ]),
      ),
    ),
  );

// When a node began that says how long it has run.
const started = ({ at, uptime_s }) => new Date(Date.parse(at) - uptime_s * 1000).toISOString();

const rank = (one) => ["error", "degraded", "ok"].indexOf(one.status);
const facts = (element, rows) =>
  put(
    element,
    rows.flatMap(([name, value]) => [h("dt", name), h("dd", value)]),
  );

function figures(found) {
  facts($("#machine"), [
    [
      t("Load"),
      `${found.cpu.load.map((one) => number(one, 2)).join(" · ")} (${t("{n} core | {n} cores", { n: found.cpu.count })})`,
    ],
    [
      t("Memory free"),
      t("{a} of {b} MB", {
        a: number(found.memory.available_mb, 0),
        b: number(found.memory.total_mb, 0),
      }),
    ],
    [
      t("Disk free"),
      t("{a} of {b} GB", {
        a: number(found.disk.free_mb / 1024, 1),
        b: number(found.disk.total_mb / 1024, 1),
      }),
    ],
    [
      t("Web process"),
      t("{mb} MB, {threads} threads, {files} files", {
        mb: found.process.memory_mb,
        threads: found.process.threads,
        files: found.process.files,
      }),
    ],
    [
      t("Web runs since"),
      time(new Date(Date.now() - found.process.uptime_s * 1000).toISOString(), { seconds: false }),
    ],
    [t("Sessions"), String(found.pool.sessions)],
  ]);
  const state = live.state;
  facts(
    $("#node"),
    state
      ? [
          [t("State"), t(state.state)],
          [t("Version"), state.version ?? "–"],
          [t("In this state since"), time(state.since)],
          [t("Runs since"), found.node ? time(started(found.node)) : "–"],
          [t("MQTT"), [state.protocol, state.session].filter(Boolean).join(", ") || "–"],
          [
            t("Commands"),
            state.commands === "apart"
              ? t("over a connection of their own")
              : state.commands === "shared"
                ? t("behind the triggers")
                : t("not heard"),
          ],
          [t("Alarms"), Object.keys(live.alarms).join(", ") || t("none")],
        ]
      : [[t("State"), t("not heard")]],
  );
  put(
    $("#stations"),
    Object.entries(state?.stations ?? {}).map(([id, one]) =>
      h(
        "div.row",
        { dataset: { station: id } },
        h("strong", id),
        h(
          "span.cluster",
          lamp(
            one.state === "Error" || one.state === "Preoperational"
              ? "bad"
              : one.state === "Halted"
                ? "warn"
                : "ok",
            t(one.state),
          ),
          lamp(one.camera === "ok" ? "ok" : one.camera === "opening" ? "warn" : "bad", t("Camera")),
          lamp(
            one.outputs === "ok" ? "ok" : one.outputs === "none" ? "unknown" : "bad",
            t("Outputs"),
          ),
          one.error ? h("span.tag.bad", one.error.code) : null,
        ),
      ),
    ),
  );
}

// What cannot be asked is not well, and what stands below is old.
function failed(error) {
  put(
    $("#overall"),
    h(
      "div.notice.error",
      { role: "alert" },
      h("p", failure(error)),
      knownAt ? h("p", t("What you see below is from {time}.", { time: time(knownAt) })) : null,
    ),
  );
  for (const one of $$("#components .lamp, #stations .lamp")) one.dataset.state = "unknown";
}

const again = () => (document.hidden ? null : load().catch(failed));
again();
setInterval(again, 5000);
live.addEventListener("hello", again);
