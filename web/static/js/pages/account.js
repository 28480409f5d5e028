// One's own account: password, second factor with recovery codes.

import { get, post } from "../api.js";
import { busy, complain, doing, form, open, toast } from "../dialog.js";
import { $, h, put } from "../dom.js";
import { t } from "../words.js";

const PASSWORD = { name: "password", label: t("Password"), type: "password", autocomplete: "current-password", required: true };

$("#password").addEventListener("submit", async (event) => {
  event.preventDefault();
  const failed = $("#password-failed");
  failed.hidden = true;
  const { old_password, new_password } = Object.fromEntries(new FormData(event.target));
  try {
    await busy($("button[type=submit]", event.target), () => post("/auth/change-password", { old_password, new_password }));
    event.target.reset();
    toast(t("The password is changed"));
  } catch (error) {
    failed.textContent = error.text ?? error.message;
    failed.hidden = false;
  }
});

async function load() {
  const me = await get("/auth/me");
  const on = me.twofactor;
  if (me.password_initial) toast(t("This password was chosen by somebody else. Replace it below: it is good for a short time only."), "error");
  put($("#factor"),
    h("p", h(on ? "span.tag.good" : "span.tag.warn", on ? t("On") : t("Off")), on ? ` ${t("{n} recovery codes left", { n: me.recovery_codes_left })}` : null),
    on && me.recovery_codes_left < 4 ? h("p.notice.warn", t("Few recovery codes are left: turn the second factor off and on again for new ones.")) : null,
    on ? h("button.button.danger", { type: "button", onclick: doing(off) }, t("Turn off")) : h("button.button.primary", { type: "button", onclick: doing(setUp) }, t("Set up")));
  $("#factor").removeAttribute("aria-busy");
}

async function setUp() {
  const made = await form(t("Set up the second factor"), [PASSWORD], { yes: t("Next"), text: t("Enter your password first."), send: ({ password }) => post("/auth/2fa/setup", { password }) });
  if (!made) return;
  const enabled = await enable(made);
  if (enabled) codes(enabled.recovery_codes);
  await load();
}

function enable({ qr, secret }) {
  return new Promise((resolve) => {
    let answer = null;
    const failed = h("p.wrong", { role: "alert", hidden: true });
    const submit = h("button.button.primary", { type: "submit" }, t("Turn on"));
    const element = h("form.form",
      h("p", t("Scan this with your authenticator app, or type the key into it.")),
      h("div.picture.qr", h("img", { src: qr, alt: t("QR code for the authenticator app"), width: "220", height: "220" })),
      h("p", t("Key:"), " ", h("code", { id: "secret" }, secret.replace(/(.{4})/g, "$1 ").trim())),
      h("label.field", h("span", t("Code that the app shows now")), h("input", { name: "code", inputmode: "numeric", autocomplete: "one-time-code", pattern: "[0-9]{6}", maxlength: 6, required: true })),
      failed, h("div.actions", h("button.button", { type: "button", onclick: () => dialog.close() }, t("Cancel")), submit));
    element.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        answer = await busy(submit, () => post("/auth/2fa/enable", { code: element.elements.code.value }));
        dialog.close();
      } catch (error) {
        failed.hidden = false;
        failed.textContent = error.text ?? error.message;
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
    h("p", t("Each opens the account once when the phone is lost. They are shown only now: print them, or keep them where the phone is not.")),
    h("pre", { id: "recovery-codes" }, text),
    h("div.actions", h("a.button", { href: url, download: "recovery-codes.txt" }, t("Save as a file")), h("button.button.primary", { type: "button", onclick: () => dialog.close() }, t("I have kept them"))),
  ]);
  dialog.addEventListener("close", () => URL.revokeObjectURL(url));
}

async function off() {
  const done = await form(t("Turn the second factor off?"), [PASSWORD,
    { name: "code", label: t("Code of your authenticator app"), inputmode: "numeric", autocomplete: "one-time-code", maxlength: 32, required: true, help: t("Or a recovery code") }],
  { yes: t("Turn off"), send: ({ password, code }) => post("/auth/2fa/disable", /^[0-9]{6}$/.test(code.trim()) ? { password, code: code.trim() } : { password, recovery_code: code.trim().toLowerCase() }).then(() => true) });
  if (done) {
    toast(t("The second factor is off"));
    await load();
  }
}

load().catch(complain);
