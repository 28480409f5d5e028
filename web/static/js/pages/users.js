// Accounts: who there is, new ones, changes, unlocking, removing.

import { del, get, post, put } from "../api.js";
import { complain, doing, form, toast } from "../dialog.js";
import { $, h, put as fill } from "../dom.js";
import { own, sent } from "../proof.js";
import { showScreens } from "../screens.js";
import { table } from "../table.js";
import { page, t, time } from "../words.js";

const ROLES = [
  ["VIEWER", t("VIEWER")],
  ["OPERATOR", t("OPERATOR")],
  ["ADMIN", t("ADMIN")],
];
const HELP = t("12 characters or more; a sentence is good.");

async function load() {
  const users = (await get("/auth/users")).filter(({ role }) => role !== "SCREEN");
  fill(
    $("#users"),
    table(
      t("Accounts"),
      [
        { title: t("User name"), cell: (user) => h("strong", user.username), class: "phone-first" },
        { title: t("Name"), key: "name", class: "phone-first" },
        { title: t("Role"), cell: (user) => t(user.role), class: "phone-second" },
        { title: t("State"), cell: states, class: "phone-end" },
        { title: t("Sessions"), key: "sessions", class: "number.phone-second.phone-told" },
        {
          title: t("Made"),
          cell: (user) => time(user.created_at, { seconds: false }),
          class: "phone-second.phone-told",
        },
        { title: t("Actions"), cell: actions, class: "phone-foot" },
      ],
      users,
      { row: (element, user) => (element.dataset.user = user.username), lines: true },
    ),
  );
  $("#users").removeAttribute("aria-busy");
}

function states(user) {
  const tags = [];
  if (user.disabled) tags.push(h("span.tag.bad", t("Disabled")));
  if (user.locked)
    tags.push(h("span.tag.warn", t("Locked, {n} failed attempts", { n: user.failures })));
  if (user.subject) tags.push(h("span.tag", t("Identity provider")));
  if (user.twofactor) tags.push(h("span.tag.good", t("Second factor")));
  return h("span.cluster", tags.length ? tags : h("span.tag.good", t("Active")));
}

function actions(user) {
  const button = (text, job, kind = "") =>
    h(`button.button.small${kind}`, { type: "button", onclick: doing(job) }, text);
  return h(
    "div.actions",
    button(t("Edit"), () => edit(user)),
    user.subject ? null : button(t("Password"), () => password(user)),
    user.failures ? button(t("Unlock"), () => done(post(`/auth/users/${user.id}/unlock`))) : null,
    user.twofactor ? button(t("Second factor off"), () => forget(user)) : null,
    user.id === page.person.id ? null : button(t("Remove"), () => remove(user), ".danger"),
  );
}

async function done(request, text) {
  await request;
  if (text) toast(text);
  await load();
}

async function edit(user) {
  const saved = await form(
    t("Edit {name}", { name: user.username }),
    [
      { name: "name", label: t("Name"), value: user.name, required: true, maxlength: 64 },
      user.subject ? null : { name: "role", label: t("Role"), value: user.role, options: ROLES },
      {
        name: "disabled",
        label: t("Disabled: cannot sign in, all sessions end"),
        type: "checkbox",
        value: user.disabled,
      },
      ...(await own(t("Only to change the role, or to disable or enable the account."))),
    ].filter(Boolean),
    { send: (values) => sent(values, (body) => put(`/auth/users/${user.id}`, body)) },
  );
  if (saved) await done(null, t("Saved"));
}

async function password(user) {
  const saved = await form(
    t("New password for {name}", { name: user.username }),
    [
      {
        name: "password",
        label: t("Password"),
        type: "password",
        autocomplete: "new-password",
        required: true,
        minlength: 12,
        maxlength: 128,
        help: HELP,
      },
      ...(await own()),
    ],
    {
      text: t(
        "All sessions of this account end. The password has to be replaced by its owner within three days.",
      ),
      send: (values) => sent(values, (body) => put(`/auth/users/${user.id}`, body)),
    },
  );
  if (saved) await done(null, t("Saved"));
}

async function forget(user) {
  const saved = await form(t("Turn the second factor off?"), await own(), {
    yes: t("Turn off"),
    text: t(
      "For people who have lost phone, passkeys and recovery codes. Be sure that {name} asked for it.",
      { name: user.name },
    ),
    send: (values) => sent(values, (body) => del(`/auth/users/${user.id}/2fa`, { body })),
  });
  if (saved) await done(null, t("Saved"));
}

async function remove(user) {
  const gone = await form(t("Remove {name}?", { name: user.username }), await own(), {
    yes: t("Remove"),
    text: t("All sessions end. What the account has done stays in the audit."),
    send: (values) => sent(values, (body) => del(`/auth/users/${user.id}`, { body })),
  });
  if (gone) await done(null, t("Removed"));
}

$("#add").addEventListener(
  "click",
  doing(async () => {
    const made = await form(
      t("New account"),
      [
        {
          name: "username",
          label: t("User name"),
          required: true,
          maxlength: 64,
          autocapitalize: "none",
          spellcheck: "false",
          autocomplete: "off",
          help: t("Lower-case letters, digits, dot, dash."),
        },
        { name: "name", label: t("Name"), maxlength: 64 },
        { name: "role", label: t("Role"), value: "VIEWER", options: ROLES },
        {
          name: "password",
          label: t("Password"),
          type: "password",
          autocomplete: "new-password",
          required: true,
          minlength: 12,
          maxlength: 128,
          help: HELP,
        },
        ...(await own(t("Only to make somebody an administrator."))),
      ],
      {
        yes: t("Make the account"),
        send: ({ name, ...values }) =>
          sent(name ? { name, ...values } : values, (body) => post("/auth/users", body)),
      },
    );
    if (made) await done(null, t("The account is made"));
  }),
);

doing(load)({ currentTarget: $("#add") });
showScreens($("#screens"), $("#add-screen")).catch(complain);
