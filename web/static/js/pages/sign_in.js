// Signing in: password, then the second factor where it is on. Whoever is signed in already goes on at once.

import { ApiError, ask, post, renew } from "../api.js";
import { busy } from "../dialog.js";
import { $ } from "../dom.js";
import { t } from "../words.js";

const form = $("#sign-in");
const failed = $("#failed");

/** Where to go afterwards: only to a page of ours. */
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? "";
  try {
    const url = new URL(wanted, location.origin);
    if (url.origin === location.origin && url.pathname.startsWith("/app/") && url.pathname !== location.pathname) return url.pathname + url.search + url.hash;
  } catch {
    // no address
  }
  return "/app/run";
}

// A link from another site comes without our strict cookies, and an access token lasts a quarter of an hour: neither is a reason to ask.
async function already() {
  try {
    await ask("GET", "/auth/me");
    return true;
  } catch (error) {
    return error instanceof ApiError && error.status === 401 && renew();
  }
}

$("#use-recovery").addEventListener("click", () => {
  $("#code-field").hidden = !$("#code-field").hidden;
  $("#recovery-field").hidden = !$("#recovery-field").hidden;
  $("#use-recovery").textContent = $("#code-field").hidden ? t("Use the code of the app instead") : t("Use a recovery code instead");
  $("input:not([hidden])", $("#code-field").hidden ? $("#recovery-field") : $("#code-field")).focus();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { username, password, code, recovery_code } = Object.fromEntries(new FormData(form));
  const second = $("#second-step").hidden ? {} : $("#code-field").hidden ? { recovery_code: recovery_code.trim().toLowerCase() } : { code: code.trim() };
  failed.hidden = true;
  try {
    await busy($("button[type=submit]", form), () => post("/auth/login", { username: username.trim(), password, ...second, tokens: false }));
    location.replace(next());
  } catch (error) {
    if (error.code === "TWO_FACTOR_REQUIRED") {
      $("#first-step").hidden = true;
      $("#second-step").hidden = false;
      $("input[name=code]").focus();
      return;
    }
    failed.textContent = error.text ?? error.message;
    failed.hidden = false;
  }
});

if (await already()) location.replace(next());
else $("input[name=username]").focus();
