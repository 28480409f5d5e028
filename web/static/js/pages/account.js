// One's own account: password, authenticator app, passkeys, recovery codes.

import { del, get, post } from "../api.js";
import { busy, complain, doing, form, mark, open, toast } from "../dialog.js";
import { $, h, put, typed } from "../dom.js";
import { make, proving, there } from "../passkeys.js";
import { failure } from "../told.js";
import { t, time } from "../words.js";

const PASSWORD = {
  name: "password",
  label: t("Password"),
  type: "password",
  autocomplete: "current-password",
  required: true,
};

$("#password").addEventListener("submit", async (event) => {
  event.preventDefault();
  const failed = $("#password-failed");
  failed.hidden = true;
  const { old_password, new_password, code } = typed(event.target);
  try {
    await busy($("button[type=submit]", event.target), () =>
      proving(given({ old_password, new_password, code }), (body) =>
        post("/auth/change-password", body),
      ),
    );
    event.target.reset();
    toast(t("The password is changed"));
  } catch (error) {
    put(failed, failure(error));
    failed.hidden = false;
    mark(event.target, error);
  }
});

async function load() {
  const [me, passkeys] = [await get("/auth/me"), await get("/auth/passkeys")];
  const on = me.totp;
  $("#own").hidden = Boolean(me.subject);
  $("#by-provider").hidden = !me.subject;
  if (me.password_initial)
    toast(
      t(
        "This password was chosen by somebody else. Replace it below: it is good for a short time only.",
      ),
      "error",
    );
  const [asked] = factor(me);
  $("#password-factor").hidden = !asked;
  $("#password-factor-help").textContent = asked?.help ?? "";
  put(
    $("#factor"),
    h(
      "p",
      h(on ? "span.tag.good" : "span.tag.warn", on ? t("On") : t("Off")),
      me.twofactor ? ` ${t("{n} recovery codes left", { n: me.recovery_codes_left })}` : null,
    ),
    me.twofactor && me.recovery_codes_left < 4
      ? h(
          "p.notice.warn",
          t("Few recovery codes are left: turn all second factors off and on again for new ones."),
        )
      : null,
    on
      ? h("button.button.danger", { type: "button", onclick: doing(() => off(me)) }, t("Turn off"))
      : h(
          "button.button.primary",
          { type: "button", onclick: doing(() => setUp(me)) },
          t("Set up"),
        ),
  );
  put(
    $("#passkeys"),
    passkeys.map((each) =>
      h(
        "p.cluster",
        { "data-passkey": each.id },
        h("strong", each.name),
        h(
          "span.muted",
          each.host,
          " · ",
          t("registered"),
          " ",
          time(each.created_at, { seconds: false }),
        ),
        h(
          "button.button.small.danger",
          { type: "button", onclick: doing(() => remove(me, each)) },
          t("Remove"),
        ),
      ),
    ),
    there()
      ? h(
          "button.button.primary",
          { type: "button", id: "add-passkey", onclick: doing(() => add(me)) },
          t("Register a passkey"),
        )
      : h(
          "p.notice.warn",
          t("This browser has no passkeys at this address. Open the site by its name and https."),
        ),
  );
  for (const id of ["#factor", "#passkeys"]) $(id).removeAttribute("aria-busy");
}

// The factor that is on, for what asks for a proof: typed here, or by a passkey once the server
// asks for it.
function factor({ twofactor, passkeys }) {
  if (!twofactor) return [];
  const help = passkeys
    ? t("Leave it empty to use a passkey; or a recovery code")
    : t("Or a recovery code");
  return [
    {
      name: "code",
      label: t("Code of your authenticator app"),
      inputmode: "numeric",
      autocomplete: "one-time-code",
      maxlength: 32,
      required: !passkeys,
      help,
    },
  ];
}

function given({ code = "", ...values }, own = "") {
  const typed = code.trim();
  if (!typed) return values;
  return /^[0-9]{6}$/.test(typed)
    ? { ...values, [`${own}code`]: typed }
    : { ...values, [`${own}recovery_code`]: typed.toLowerCase() };
}

async function setUp(me) {
  const made = await form(t("Set up the second factor"), [PASSWORD, ...factor(me)], {
    yes: t("Next"),
    text: t("Enter your password first."),
    send: (values) => proving(given(values), (body) => post("/auth/2fa/setup", body)),
  });
  if (!made) return;
  const enabled = await enable(made);
  if (enabled?.recovery_codes.length) codes(enabled.recovery_codes);
  await load();
}

async function add(me) {
  const made = await form(
    t("Register a passkey"),
    [
      {
        name: "name",
        label: t("Name of the passkey"),
        required: true,
        maxlength: 64,
        help: t("So that you recognise it later, such as: blue key."),
      },
      PASSWORD,
      ...factor(me),
    ],
    {
      yes: t("Next"),
      send: async ({ name, ...values }) => {
        const options = await proving(given(values), (body) =>
          post("/auth/passkeys/options", body),
        );
        return post("/auth/passkeys", { name, credential: await make(options) });
      },
    },
  );
  if (!made) return;
  toast(t("The passkey is registered"));
  if (made.recovery_codes.length) codes(made.recovery_codes);
  await load();
}

async function remove(me, { id, name }) {
  const done = await form(t("Remove {name}?", { name }), [PASSWORD, ...factor(me)], {
    yes: t("Remove"),
    send: ({ password, ...values }) =>
      proving(
        given({ own_password: password, ...values }, "own_"),
        (body) => del(`/auth/passkeys/${id}`, { body }),
        "own_passkey",
      ).then(() => true),
  });
  if (!done) return;
  toast(t("The passkey is removed"));
  await load();
}

function enable({ qr, secret }) {
  return new Promise((resolve) => {
    let answer = null;
    const failed = h("p.wrong", { role: "alert", hidden: true });
    const submit = h("button.button.primary", { type: "submit" }, t("Turn on"));
    const element = h(
      "form.form",
      h("p", t("Scan this with your authenticator app, or type the key into it.")),
      h(
        "div.picture.qr",
        h("img", {
          src: qr,
          alt: t("QR code for the authenticator app"),
          width: "220",
          height: "220",
        }),
      ),
      h("p", t("Key:"), " ", h("code", { id: "secret" }, secret.replace(/(.{4})/g, "$1 ").trim())),
      h(
        "label.field",
        h("span", t("Code that the app shows now")),
        h("input", {
          name: "code",
          inputmode: "numeric",
          autocomplete: "one-time-code",
          pattern: "[0-9]{6}",
          maxlength: 6,
          required: true,
        }),
      ),
      failed,
      h(
        "div.actions",
        h("button.button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
        submit,
      ),
    );
    element.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        answer = await busy(submit, () =>
          post("/auth/2fa/enable", { code: element.elements.code.value }),
        );
        dialog.close();
      } catch (error) {
        failed.hidden = false;
        put(failed, failure(error));
      }
    });
    const dialog = open(t("Set up the second factor"), element);
    dialog.addEventListener("close", () => resolve(answer));
  });
}

function codes(list) {
  const text = list.join("\n");
  const url = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" }));
  const dialog = open(t("Recovery codes"), [
    h(
      "p",
      t(
        "Each opens the account once if the phone or the key is lost. They are shown only this once: print them, or keep them apart from phone and key.",
      ),
    ),
    h("pre", { id: "recovery-codes" }, text),
    h(
      "div.actions",
      h("a.button", { href: url, download: "recovery-codes.txt" }, t("Save as a file")),
      h(
        "button.button.primary",
        { type: "button", onclick: () => dialog.close() },
        t("I have kept them"),
      ),
    ),
  ]);
  dialog.addEventListener("close", () => URL.revokeObjectURL(url));
}

async function off(me) {
  const done = await form(t("Turn the second factor off?"), [PASSWORD, ...factor(me)], {
    yes: t("Turn off"),
    send: (values) =>
      proving(given(values), (body) => post("/auth/2fa/disable", body)).then(() => true),
  });
  if (done) {
    toast(t("The second factor is off"));
    await load();
  }
}

load().catch(complain);
