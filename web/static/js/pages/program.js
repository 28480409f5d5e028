// One program: what it is, its tools, its versions and what they changed.
//
// One file: a page's module; its parts are of no use to another page.

import { ask, get, may } from "../api.js";
import { confirm, doing, toast } from "../dialog.js";
import { $, h, icon, put } from "../dom.js";
import { activate, exported, remove } from "../programs/actions.js";
import { facts, masterCard, toolsTable } from "../programs/facts.js";
import { changesTable } from "../editor/versions.js";
import { failure, translated } from "../told.js";
import { page, t, time } from "../words.js";

const { id } = page.parts;
const at = `/programs/${encodeURIComponent(id)}`;
let shown = null; // the version that is shown
let versions = []; // oldest first
let pair = null; // versions that are compared

async function load() {
  const wanted = new URLSearchParams(location.search).get("version");
  try {
    const [found, rows, { stations }] = await Promise.all([
      get(at, { version: wanted }),
      get(`${at}/versions`),
      get("/stations"),
    ]);
    shown = found;
    versions = rows;
    draw(stations.filter((station) => station.program === id));
  } catch (error) {
    const gone = error.code === "PROGRAM_NOT_FOUND";
    put(
      $("#content"),
      h(
        "div.notice.error",
        { role: "alert" },
        h("p", failure(error)),
        gone
          ? h("a.button", { href: "/app/programs" }, t("To the programs"))
          : h("button.button", { type: "button", onclick: load }, t("Try again")),
      ),
    );
  }
  $("#content").removeAttribute("aria-busy");
}

function draw(users) {
  const { program, version } = shown;
  const head = versions.at(-1).version;
  const old = version !== head;
  document.title = document.title.replace(/^[^·]*/, `${program.name} `);
  $("#title").textContent = program.name;
  put(
    $("#subtitle"),
    h("span.mono", id),
    " · ",
    t("version {version}", { version }),
    users.length
      ? [
          " · ",
          users.map((user) => h("span.tag.good", t("active at {station}", { station: user.id }))),
        ]
      : null,
  );
  put($("#actions"), actions(program, version, old, users));
  put(
    $("#notices"),
    old
      ? h(
          "div.notice.warn",
          h(
            "p",
            t("This is version {version}; the newest is {head}.", { version, head }),
            " ",
            h("a", { href: location.pathname }, t("Show the newest")),
          ),
        )
      : null,
    users
      .filter(
        (user) => user.error && /^(PROGRAM|MASTER|MODEL|NOT_TAUGHT|REGION)/.test(user.error.code),
      )
      .map((user) =>
        h(
          "div.notice.error",
          { role: "alert" },
          t("{station} cannot use it: {message}", {
            station: user.id,
            message: translated(user.error.message),
          }),
        ),
      ),
  );
  pair ??= versions.length > 1 ? [versions.at(-2).version, head] : null;
  const compare = h("section.card", {
    id: "compare",
    hidden: !pair,
    "aria-labelledby": "compare-title",
  });
  put(
    $("#content"),
    h(
      "div.program-grid",
      h("div.stack", masterCard(shown), h("section.card", h("h2", t("Facts")), facts(shown))),
      h(
        "div.stack",
        h(
          "section.card",
          h("h2", t("Tools ({count})", { count: program.tools.length })),
          toolsTable(program),
        ),
        h("section.card", h("h2", t("Versions")), versionsTable(head)),
        compare,
      ),
    ),
  );
  if (pair) comparison(compare);
}

function actions(program, version, old, users) {
  const href = `/app/programs/${encodeURIComponent(id)}/edit`;
  return [
    may("ADMIN") && users.length === 0
      ? h(
          "button.button.danger",
          {
            type: "button",
            dataset: { action: "delete" },
            onclick: doing(
              async () =>
                (await remove({ id, name: program.name })) && location.assign("/app/programs"),
            ),
          },
          icon("trash"),
          t("Delete"),
        )
      : null,
    h(
      "button.button",
      {
        type: "button",
        dataset: { action: "export" },
        onclick: doing(() => exported(id, version)),
      },
      icon("download"),
      t("Export"),
    ),
    may("ADMIN")
      ? h(
          "a.button",
          {
            href: `/app/programs/new?from=${encodeURIComponent(id)}#outputs`,
            dataset: { action: "copy" },
          },
          icon("copy"),
          t("Copy"),
        )
      : null,
    may("OPERATOR")
      ? h(
          "button.button",
          {
            type: "button",
            dataset: { action: "activate" },
            onclick: doing(() => activate(id, load)),
          },
          icon("run"),
          t("Activate"),
        )
      : null,
    may("ADMIN") && !old
      ? h("a.button.primary", { href, dataset: { action: "edit" } }, icon("edit"), t("Edit"))
      : null,
  ];
}

function versionsTable(head) {
  const titles = [t("Version"), t("Saved"), t("By"), t("Note")];
  const few = versions.slice(-100).reverse();
  return h(
    "div.table-scroll",
    { tabindex: 0, role: "region", "aria-label": t("Versions") },
    h(
      "table.cards.versions",
      h(
        "thead",
        h(
          "tr",
          titles.map((title) => h("th", { scope: "col" }, title)),
          h("th", { scope: "col" }, h("span.visually-hidden", t("Actions"))),
        ),
      ),
      h(
        "tbody",
        few.map(({ version, saved_at, saved_by, note }) =>
          h(
            "tr",
            { dataset: { version } },
            h(
              "th",
              { scope: "row" },
              h(
                "a",
                {
                  href: version === head ? location.pathname : `?version=${version}`,
                  "aria-current": version === shown.version ? "true" : null,
                },
                String(version),
              ),
              version === head ? h("span.tag.good", t("newest")) : null,
            ),
            h("td.nowrap", { "data-label": titles[1] }, time(saved_at, { seconds: false })),
            h("td", { "data-label": titles[2] }, saved_by),
            h("td", { "data-label": titles[3] }, note || h("span.muted", "–")),
            h(
              "td.row-actions",
              h(
                "span.cluster",
                version > versions[0].version
                  ? small(
                      "compare",
                      t("What version {version} changed", { version }),
                      () => choose(before(version), version),
                      "diff",
                    )
                  : null,
                small(
                  "download",
                  t("Export version {version}", { version }),
                  () => exported(id, version),
                  "export",
                ),
                may("ADMIN") && version !== head
                  ? small(
                      "undo",
                      t("Roll back to version {version}", { version }),
                      () => rollback(version, head),
                      "rollback",
                    )
                  : null,
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

function small(symbol, label, job, action) {
  return h(
    "button.button.icon-only.small",
    { type: "button", "aria-label": label, title: label, dataset: { action }, onclick: doing(job) },
    icon(symbol),
  );
}

const before = (version) =>
  versions[versions.findIndex((row) => row.version === version) - 1].version;

async function choose(a, b) {
  pair = [a, b];
  const section = $("#compare");
  section.hidden = false;
  await comparison(section);
  section.scrollIntoView({ block: "nearest", behavior: "smooth" });
}

async function comparison(section) {
  const [a, b] = pair;
  const select = (name, value, label) =>
    h(
      "label.field",
      h("span", label),
      h(
        "select",
        {
          name,
          onchange: doing(({ currentTarget }) =>
            choose(
              ...(name === "a"
                ? [Number(currentTarget.value), b]
                : [a, Number(currentTarget.value)]),
            ),
          ),
        },
        versions.map((row) =>
          h(
            "option",
            { value: row.version, selected: row.version === value },
            t("{version}: {note}", {
              version: row.version,
              note: row.note || time(row.saved_at, { seconds: false }),
            }),
          ),
        ),
      ),
    );
  const body = h("div", { "aria-live": "polite" });
  put(
    section,
    h("h2", { id: "compare-title" }, t("What changed")),
    h("div.compare-choice", select("a", a, t("From version")), select("b", b, t("To version"))),
    body,
  );
  const changes = await get(`${at}/diff`, { a, b });
  put(
    body,
    changesTable(changes, {
      before: t("Version {version}", { version: a }),
      after: t("Version {version}", { version: b }),
      empty: t("These two versions are the same."),
    }),
  );
}

async function rollback(version, head) {
  const changes = await get(`${at}/diff`, { a: head, b: version });
  const text = h(
    "div.stack",
    h(
      "p",
      t(
        "Version {version} is stored again as version {next}. Stations that run this program take it for the next part.",
        { version, next: head + 1 },
      ),
    ),
    changesTable(changes, {
      before: t("Version {version}", { version: head }),
      after: t("Version {version}", { version }),
    }),
  );
  if (
    !(await confirm(t("Roll back to version {version}?", { version }), text, {
      yes: t("Roll back"),
    }))
  )
    return;
  const { data } = await ask("POST", `${at}/rollback`, {
    body: { version },
    headers: { "If-Match": versions.at(-1).etag },
  });
  toast(t("Version {version} is the newest now.", { version: data.version }));
  history.replaceState(null, "", location.pathname);
  pair = null;
  await load();
}

load();
