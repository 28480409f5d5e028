// Signing in: password, then the second factor where it is on. Whoever is signed in already goes on
// at once.

import { ApiError, ask, post, renew } from "../api.js";
import { busy } from "../dialog.js";
import { $, put, typed } from "../dom.js";
import { sign, there } from "../passkeys.js";
import { failure } from "../told.js";
import { t } from "../words.js";

const form = $("#sign-in");
const failed = $("#failed");
const AGAIN_MS = 5000;
const why = new URLSearchParams(location.search).get("why");
let challenge = null; // what a passkey has to sign; good once

/** Where to go afterwards: only to a page of ours. */
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "";
  try {
    const url = new URL(wanted, location.origin);
    if (
      url.origin === location.origin &&
      url.pathname.startsWith("/app/") &&
      url.pathname !== location.pathname
    )
      return url.pathname + url.search + url.hash;
  } catch {
    // no address
  }
  return "/app/run";
}

// A link from another site comes without our strict cookies, and an access token lasts a quarter of
// an hour: neither is a reason to ask.
async function already() {
  try {
    await ask("GET", "/auth/me");
    return true;
  } catch (error) {
    return error instanceof ApiError && error.status === 401 && renew();
  }
}

// The session of a screen ends too, after some weeks, and nobody is there: its tab knows the link.
async function reopened() {
  const token = sessionStorage.getItem("screen");
  while (why === "screen" && token) {
    try {
      await post("/auth/screen", { token });
      return true;
    } catch (error) {
      if (["TOKEN_INVALID", "VALIDATION_FAILED"].includes(error.code)) break; // it was revoked
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  }
  return false;
}

$("#use-recovery").addEventListener("click", () => {
  const recovery = $("#recovery-field").hidden;
  show(recovery);
  $("input", recovery ? $("#recovery-field") : $("#code-field")).focus();
});

/** Show the field of the recovery code, or that of the app where the account has one. */
function show(recovery) {
  $("#recovery-field").hidden = !recovery;
  $("#code-field").hidden = recovery || form.dataset.code !== "yes";
  $("#use-recovery").textContent = recovery
    ? t("Use the code of the app instead")
    : t("Use a recovery code instead");
  $("#use-recovery").hidden = recovery && form.dataset.code !== "yes";
  $("#send").hidden = $("#recovery-field").hidden && $("#code-field").hidden;
}

/** The second step: what this account can be opened with, from here. */
function second({ factors = ["code", "recovery_code"], passkey = null }) {
  challenge = passkey;
  $("#first-step").hidden = true;
  $("#second-step").hidden = false;
  $("#use-passkey").hidden = !passkey || !there();
  form.dataset.code = factors.includes("code") ? "yes" : "no";
  show(!factors.includes("code") && $("#use-passkey").hidden);
  $("#use-passkey:not([hidden]), #second-step label:not([hidden]) input").focus();
}

/** Sign in with a second factor, or without; where one is asked for the page goes on to it. */
async function enter(factor, button) {
  const { username, password } = typed(form);
  failed.hidden = true;
  try {
    await busy(button, async () =>
      post("/auth/login", {
        username: username.trim(),
        password,
        ...(await factor()),
        tokens: false,
      }),
    );
    location.replace(next());
  } catch (error) {
    if (error.code === "TWO_FACTOR_REQUIRED") return second(error.details);
    put(failed, failure(error));
    failed.hidden = false;
  }
}

$("#use-passkey").addEventListener("click", async (event) => {
  const options = challenge;
  challenge = null;
  if (options) return enter(async () => ({ passkey: await sign(options) }), event.currentTarget);
  const button = event.currentTarget; // it was used up by an attempt before: ask for another
  await enter(async () => ({}), button);
  if (challenge) await enter(async () => ({ passkey: await sign(challenge) }), button);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { code, recovery_code } = typed(form);
  const given = $("#second-step").hidden
    ? {}
    : $("#recovery-field").hidden
      ? { code: code.trim() }
      : { recovery_code: recovery_code.trim().toLowerCase() };
  return enter(async () => given, $("#send"));
});

const provider = $("#provider");
if (provider) provider.href += `?next=${encodeURIComponent(next())}`;

if (why === "ended") $("#ended").hidden = false;
if ((await already()) || (await reopened())) location.replace(next());
else $("input[name=username]").focus();
