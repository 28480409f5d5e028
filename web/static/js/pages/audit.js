// The audit: rows newest first, filters, verification of the chain.

import { get } from "../api.js";
import { complain, doing } from "../dialog.js";
import { $, h, put } from "../dom.js";
import { table } from "../table.js";
import { translated } from "../told.js";
import { t, time } from "../words.js";

let shown = [];
let next = null;

async function load(before = null) {
  const { username, action } = Object.fromEntries(new FormData($("#filter")));
  const found = await get("/audit", { username, action, before, limit: 100 });
  shown = before ? [...shown, ...found.rows] : found.rows;
  next = found.next;
  put(
    $("#rows"),
    table(
      t("Audit"),
      [
        { title: t("Time"), cell: (row) => h("span.nowrap", time(row.at)), class: "phone-end" },
        {
          title: t("User name"),
          cell: (row) => row.username || h("span.muted", stranger(row)),
          class: "phone-second",
        },
        {
          title: t("Action"),
          class: "phone-first",
          cell: (row) =>
            h(/\.failed$|reuse|locked/.test(row.action) ? "span.tag.bad" : "span.tag", row.action),
        },
        {
          title: t("Target"),
          cell: (row) => h("span.mono", row.whom ?? (row.target || "–")),
          class: "phone-second.phone-told",
        },
        { title: t("Details"), cell: details, class: "phone-foot" },
        {
          title: t("Address"),
          cell: (row) => h("code", row.address || "–"),
          class: "phone-second",
        },
      ],
      shown,
      { empty: t("No rows"), lines: true },
    ),
  );
  $("#rows").removeAttribute("aria-busy");
  $("#more").hidden = next === null;
}

// Who has not signed in: of one who tried to, the target is the account; a name that is none is not
// written down, for it may be a password.
function stranger({ action, target }) {
  if (action !== "sign-in.failed") return t("nobody");
  return target ? t("who could not sign in") : t("an unknown name");
}

const SMALL_PRINT = ["hash"]; // what says nothing at a glance

function details(row) {
  const entries = Object.entries(row.details ?? {});
  const text = entries
    .filter(([key, value]) => !SMALL_PRINT.includes(key) && value !== null && value !== "")
    .map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ");
  return h(
    "details",
    h("summary", text.length > 60 ? `${text.slice(0, 57)}…` : text || t("more")),
    h(
      "dl.facts.small",
      ...entries.flatMap(([key, value]) => [
        h("dt", key),
        h("dd", typeof value === "object" ? JSON.stringify(value) : String(value)),
      ]),
      row.whom ? [h("dt", t("Target")), h("dd.mono", row.target)] : null,
      h("dt", t("Number")),
      h("dd", row.id),
      h("dt", t("Request")),
      h("dd.mono", row.request_id || "–"),
      h("dt", t("Hash")),
      h("dd.mono", row.hash),
    ),
  );
}

$("#filter").addEventListener("submit", (event) => {
  event.preventDefault();
  load().catch(complain);
});
$("#more").addEventListener(
  "click",
  doing(() => load(next)),
);
$("#verify").addEventListener(
  "click",
  doing(async () => {
    const found = await get("/audit/verify");
    put(
      $("#verified"),
      h(
        `div.notice.${found.intact ? "good" : "error"}`,
        h(
          "p",
          found.intact
            ? t("The chain of {n} rows is intact.", { n: found.rows })
            : t("The chain is broken: {problem}", { problem: translated(found.problem) }),
        ),
        h(
          "p.small",
          t("Keep this value somewhere else, to compare it later:"),
          " ",
          h("code", found.head),
        ),
      ),
    );
  }),
);
load().catch(complain);
