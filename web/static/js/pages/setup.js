// The first administrator, with the token that the start has printed.

import { post } from "../api.js";
import { busy } from "../dialog.js";
import { $ } from "../dom.js";

const form = $("#setup");
const failed = $("#failed");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  failed.hidden = true;
  const { token, username, password } = Object.fromEntries(new FormData(form));
  try {
    await busy($("button[type=submit]", form), async () => {
      await post("/auth/setup", { token: token.trim(), username: username.trim(), password });
      await post("/auth/login", { username: username.trim(), password, tokens: false });
    });
    location.replace("/app/run");
  } catch (error) {
    failed.textContent = error.text ?? error.message;
    failed.hidden = false;
  }
});
