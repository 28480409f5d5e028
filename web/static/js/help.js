// The help beside a page: what the guides say of it. "?" opens it, Escape closes it.

import { $, targetOf } from "./dom.js";

/** Let the button and the keys open and close the panel. */
export function start() {
  const [panel, button] = [$("#help"), $("#help-button")];
  if (!panel || !button) return;
  const show = (open) => {
    panel.hidden = !open;
    $(".frame").classList.toggle("helped", open);
    button.setAttribute("aria-expanded", String(open));
    (open ? panel : button).focus({ preventScroll: true });
  };
  button.addEventListener("click", () => show(panel.hidden));
  $("#help-close").addEventListener("click", () => show(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel.contains(document.activeElement)) show(false);
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (targetOf(event)?.closest("input, select, textarea, [contenteditable], dialog")) return;
    event.preventDefault();
    show(panel.hidden);
  });
}
