// A screen that only looks: the token of its link opens the Run page.

import { post } from "../api.js";
import { $ } from "../dom.js";
import { t } from "../words.js";

const AGAIN_MS = 5000;
const given = new URLSearchParams(location.hash.slice(1));

async function open() {
  if (!given.get("token")) {
    fail(t("This link is incomplete: the part after # is missing."));
    return $("#failed").append(` ${t("Ask an administrator for another link.")}`);
  }
  try {
    await post("/auth/screen", { token: given.get("token") });
  } catch (error) {
    fail(error.text ?? String(error.message));
    // a screen has nobody who presses a button: it waits until the web is there
    if (!["TOKEN_INVALID", "VALIDATION_FAILED"].includes(error.code)) setTimeout(open, AGAIN_MS);
    else $("#failed").append(` ${t("Ask an administrator for another link.")}`);
    return;
  }
  sessionStorage.setItem("screen", given.get("token")); // for when this session has ended
  const calm = given.get("calm") === "true" ? "on" : "off";
  document.cookie = `calm=${calm}; path=/; max-age=31536000; samesite=strict`;
  const station = given.get("station");
  location.replace(station ? `/app/run?station=${encodeURIComponent(station)}` : "/app/run");
}

function fail(text) {
  $("#failed").textContent = text;
  $("#failed").hidden = false;
  $("#opening").hidden = true;
}

open();
