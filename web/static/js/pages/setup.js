// The first administrator, with the token that the start has printed.

import { post } from "../api.js";
import { busy, mark } from "../dialog.js";
import { $, put, typed } from "../dom.js";
import { failure } from "../told.js";

const form = $("#setup");
// of the link that the start has printed
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  form.elements.token.value = token;
  history.replaceState(null, "", location.pathname);
}
$(token ? "input[name=username]" : "input[name=token]", form).focus();
const failed = $("#failed");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  failed.hidden = true;
  const { token: given, username, password } = typed(form);
  try {
    await busy($("button[type=submit]", form), async () => {
      await post("/auth/setup", { token: given.trim(), username: username.trim(), password });
      await post("/auth/login", { username: username.trim(), password, tokens: false });
    });
    location.replace("/app/begin");
  } catch (error) {
    put(failed, failure(error));
    failed.hidden = false;
    mark(form, error);
  }
});
