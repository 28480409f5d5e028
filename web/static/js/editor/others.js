// Two who edit one program know of each other before one of them saves: while an editor is open it
// says so, and hears who else has one.

import { del, put } from "../api.js";
import { editor } from "./state.js";

const EVERY_MS = 15000;
let known = "[]";

/** Begin; "others" of the editor tells a change, with the list [{username, name, since}]. */
export function begin() {
  look();
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => editor.id && del(at(), { keepalive: true }).catch(() => null));
}

const at = () => `/programs/${encodeURIComponent(editor.id)}/editing`;

async function look() {
  if (!editor.id || document.hidden) return;
  try {
    const { others } = await put(at(), undefined);
    const now = JSON.stringify(others);
    if (now === known) return;
    known = now;
    editor.others = others;
    editor.dispatchEvent(new CustomEvent("others"));
  } catch {
    // saving tells all the same, by a refusal
  }
}
