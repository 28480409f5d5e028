// Backups: those kept here, one that is being made or checked, how it stands elsewhere, and how to
// restore.

import { ask, get, post } from "../api.js";
import { complain, doing, form, toast } from "../dialog.js";
import { $, h, put } from "../dom.js";
import { own, sent } from "../proof.js";
import { table } from "../table.js";
import { spoken } from "../told.js";
import { bytes, t, time } from "../words.js";

const LOOK_MS = 1000; // while something goes on
const WHY = t("A backup holds programs and results, so it asks for your password.");
const PICTURES = [
  ["none", t("none")],
  ["ng", t("of bad parts")],
  ["all", t("all")],
];
let going = false;

async function load() {
  const found = await get("/backups");
  const { job } = found;
  $("#folder").textContent = t("Folder: {path}. The newest five stay.", { path: found.folder });
  put($("#job"), job ? progress(job) : []);
  put($("#archives"), listed(found.archives));
  $("#archives").removeAttribute("aria-busy");
  put($("#elsewhere"), elsewhere(found));
  $("#restore").textContent = [
    "sudo systemctl stop inspection-node inspection-web",
    `sudo ${found.restore}`,
    "sudo systemctl start inspection-node inspection-web",
  ].join("\n");
  $("#make").disabled = Boolean(job && !job.done);
  if (job && !job.done && !going) follow();
}

async function follow() {
  going = true;
  while (going) {
    await new Promise((then) => setTimeout(then, LOOK_MS));
    const { job } = await get("/backups").catch(() => ({ job: null }));
    if (job && !job.done) put($("#job"), progress(job));
    else going = false;
  }
  await load().catch(complain);
}

function progress(job) {
  const kind = job.kind === "make";
  if (!job.done)
    return h(
      "div.notice",
      h("strong", kind ? t("Being made") : t("Being checked")),
      " ",
      h("code", job.name),
      kind && job.written ? `, ${t("{size} written", { size: bytes(job.written) })}` : "",
    );
  if (job.problem)
    return h(
      `div.notice.${kind || job.known ? "error" : "warn"}`,
      h(
        "strong",
        kind
          ? t("It was not made")
          : job.known
            ? t("It is not whole")
            : t("The check did not finish, and says nothing about it"),
      ),
      " ",
      h("code", job.name),
      ": ",
      spoken(job.problem),
    );
  return h("div.notice.good", h("strong", kind ? t("Made") : t("Whole")), " ", h("code", job.name));
}

function listed(archives) {
  if (!archives.length) return h("p.empty", t("None yet. Make the first one now."));
  return table(
    t("Backups"),
    [
      { title: t("Made"), cell: (one) => time(one.made_at ?? stamp(one.name), { seconds: false }) },
      { title: t("Size"), cell: (one) => bytes(one.bytes), class: "number" },
      { title: t("Holds"), cell: holds },
      { title: t("Checked"), cell: checked },
      { title: t("Actions"), cell: actions },
    ],
    archives,
    { row: (element, one) => (element.dataset.backup = one.name) },
  );
}

// Of one that nothing is known of, its name says when it was made.
function stamp(name) {
  const [, day, hour, minute, second] = name.match(/(\d{4}-\d{2}-\d{2})T(\d{2})(\d{2})(\d{2})/);
  return `${day}T${hour}:${minute}:${second}Z`;
}

function holds(one) {
  if (one.people === null) return h("span.muted", t("not known: check it"));
  const pictures = PICTURES.find(([name]) => name === one.pictures)?.[1] ?? "–";
  return h(
    "span.cluster",
    h("span.tag", one.people ? t("everything") : t("without people")),
    h("span.muted", t("pictures: {which}", { which: pictures })),
  );
}

function checked(one) {
  if (one.problem) return h("span.tag.bad", t("not whole"));
  if (!one.checked_at) return h("span.muted", t("not yet"));
  return h("span.tag.good", t("whole, {time}", { time: time(one.checked_at, { seconds: false }) }));
}

function actions(one) {
  const button = (text, job, more = {}, kind = "") =>
    h(`button.button.small${kind}`, { type: "button", onclick: doing(job), ...more }, text);
  const stays = one.people !== false;
  return h(
    "div.actions",
    button(t("Check"), () => begun(post(`/backups/${one.name}/check`))),
    button(t("Download"), () => fetched(one), {
      disabled: stays,
      title: stays ? t("A backup with people in it stays on this machine.") : null,
    }),
    button(t("Remove"), () => removed(one), {}, ".danger"),
  );
}

async function begun(request) {
  await request;
  await load();
}

async function fetched(one) {
  const rows = await own("", WHY);
  const done = await form(t("Download {name}?", { name: one.name }), rows, {
    yes: t("Download"),
    send: (values) => sent(values, (body) => post(`/backups/${one.name}/ticket`, body)),
  });
  if (done) location.assign(done.path);
}

async function removed(one) {
  const done = await form(t("Remove {name}?", { name: one.name }), await own("", WHY), {
    yes: t("Remove"),
    send: (values) => sent(values, (body) => ask("DELETE", `/backups/${one.name}`, { body })),
  });
  if (!done) return;
  toast(t("Removed"));
  await load();
}

function elsewhere({ elsewhere: there, command_line: line }) {
  const rows = [
    [
      t("By the command line, or by night"),
      line
        ? t("{name}, {time}, by {by}", { ...line, time: time(line.at, { seconds: false }) })
        : t("none yet"),
    ],
    [t("Copied to"), there.target ?? t("nowhere: [exports.backups] names no target")],
  ];
  if (there.target || there.arrived_at)
    rows.push([
      t("Last copy that arrived"),
      there.arrived_at
        ? `${there.file}, ${time(new Date(there.arrived_at * 1000).toISOString(), { seconds: false })}`
        : t("none yet"),
    ]);
  if (there.error) rows.push([t("What went wrong since"), h("span.tag.bad", there.error)]);
  return rows.flatMap(([name, value]) => [h("dt", name), h("dd", value)]);
}

$("#make").addEventListener(
  "click",
  doing(async () => {
    const made = await form(
      t("Make a backup now"),
      [
        { name: "pictures", label: t("Pictures of parts"), value: "none", options: PICTURES },
        {
          name: "people",
          label: t("What about people"),
          value: "all",
          options: [
            ["all", t("Everything: accounts and audit too. It stays on this machine.")],
            ["none", t("Without people: it can be downloaded.")],
          ],
          help: t("Accounts come with second factors and the key of the audit."),
        },
      ],
      {
        yes: t("Make it"),
        send: ({ pictures, people }) => post("/backups", { pictures, people: people === "all" }),
      },
    );
    if (made) await load();
  }),
);
load().catch(complain);
