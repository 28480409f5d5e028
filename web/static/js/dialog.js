// Telling and asking: toasts, questions and dialogs.

import { $, h, icon, put } from "./dom.js";
import { failure } from "./told.js";
import { t } from "./words.js";

/** A short message; errors stay until they are closed. kind: good, warn, error or "" (plain). */
export function toast(text, kind = "good") {
  const box = h(
    `div.notice${kind ? `.${kind}` : ""}`,
    { role: kind === "error" ? "alert" : null },
    h("span", text),
  );
  box.append(
    h(
      "button.button.quiet.icon-only.small",
      { type: "button", "aria-label": t("Close"), onclick: () => box.remove() },
      icon("close"),
    ),
  );
  $("#toasts").append(box);
  raise($("#toasts"));
  if (kind !== "error") setTimeout(() => box.remove(), 6000);
  return box;
}

// Above an open dialog too, which covers all that is not raised after it.
function raise(toasts) {
  if (!toasts.showPopover) return;
  toasts.popover = "manual";
  if (toasts.matches(":popover-open")) toasts.hidePopover();
  toasts.showPopover();
}

/** What went wrong, as a toast. */
export function complain(error) {
  if (error?.name === "AbortError") return;
  console.error(error);
  toast(failure(error), "error");
}

/** Open a dialog with a title and content; gives the <dialog>, which removes itself when closed. */
export function open(title, content, { wide = false } = {}) {
  const id = `title-${Math.random().toString(36).slice(2)}`;
  const dialog = h(`dialog${wide ? ".wide" : ""}`, { "aria-labelledby": id });
  const close = h(
    "button.button.quiet.icon-only",
    { type: "button", "aria-label": t("Close"), onclick: () => dialog.close() },
    icon("close"),
  );
  put(dialog, h("div.row", h("h2", { id }, title), close), content);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A yes-or-no question: resolves to true or false. danger: the yes cannot be undone. */
export function confirm(title, text, { yes = t("Yes"), danger = false } = {}) {
  return new Promise((resolve) => {
    let answer = false;
    const actions = h(
      "div.actions",
      h(
        "button.button",
        { type: "button", autofocus: danger, onclick: () => dialog.close() },
        t("Cancel"),
      ),
      h(
        `button.button${danger ? ".danger" : ".primary"}`,
        {
          type: "button",
          autofocus: !danger,
          onclick: () => {
            answer = true;
            dialog.close();
          },
        },
        yes,
      ),
    );
    const dialog = open(title, [h("div", text), actions]);
    dialog.addEventListener("close", () => resolve(answer));
  });
}

/**
 * Ask for fields: rows are {name, label, type, value, required, help, options, ...attributes}.
 * Resolves to an object, or null. `send` may throw: its text is shown and the dialog stays.
 * @param {string} title
 * @param {any[]} rows
 * @param {{yes?: string, text?: string | Node, send?: (values: any) => Promise<unknown>}} options
 */
export function form(title, rows, { yes = t("Save"), text = "", send = null } = {}) {
  return new Promise((resolve) => {
    let answer = null;
    const failed = h("div.notice.error", { role: "alert", hidden: true });
    const fields = rows.map(
      ({ name, label, type = "text", value = "", help, options, ...more }) => {
        const input = options
          ? h(
              "select",
              { name, ...more },
              options.map(([key, shown]) =>
                h("option", { value: key, selected: key === value }, shown),
              ),
            )
          : type === "checkbox"
            ? h("input", { name, type, checked: Boolean(value), ...more })
            : h("input", { name, type, value, ...more });
        return type === "checkbox"
          ? h("label.field.check", input, h("span", label))
          : h("label.field", h("span", label), input, help ? h("small", help) : null);
      },
    );
    const submit = h("button.button.primary", { type: "submit" }, yes);
    const element = h(
      "form.form",
      text instanceof Node ? text : text ? h("p", text) : null,
      failed,
      fields,
      h(
        "div.actions",
        h("button.button", { type: "button", onclick: () => dialog.close() }, t("Cancel")),
        submit,
      ),
    );
    element.addEventListener("submit", async (event) => {
      event.preventDefault();
      const values = Object.fromEntries(
        rows.map(({ name, type }) => {
          const input = element.elements.namedItem(name);
          return [
            name,
            type === "checkbox"
              ? input.checked
              : type === "number"
                ? input.value === ""
                  ? null
                  : Number(input.value)
                : input.value,
          ];
        }),
      );
      try {
        await busy(submit, async () => {
          answer = send ? ((await send(values)) ?? values) : values;
        });
        dialog.close();
      } catch (error) {
        failed.hidden = false;
        failed.textContent = error.text ?? error.message;
        mark(element, error);
      }
    });
    const dialog = open(title, element);
    dialog.addEventListener("close", () => resolve(answer));
  });
}

/** Mark the field of a form that was refused, if the problem says which. */
export function mark(form, error) {
  const name = error.details?.field;
  const all = form.elements;
  const input = name && (all.namedItem(name) ?? all.namedItem(`new_${name}`));
  if (!input) return;
  input.setAttribute("aria-invalid", "true");
  input.addEventListener("input", () => input.removeAttribute("aria-invalid"), { once: true });
  input.focus();
}

/** Run a job while its button shows that it works. */
export async function busy(button, job) {
  const focused = document.activeElement === button;
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  try {
    return await job();
  } finally {
    button.removeAttribute("aria-busy");
    button.disabled = false;
    // what is disabled loses the focus, and no dialog can give it back
    if (focused && (document.activeElement ?? document.body) === document.body)
      again(button)?.focus({ preventScroll: true });
  }
}

// The button, the one drawn in its place, or the page.
function again(button) {
  if (button.isConnected) return button;
  const { key } = button.dataset;
  return (key && $(`[data-key="${CSS.escape(key)}"]`)) || $("#main");
}

/** A click handler that shows that it works, and complains if it fails. */
export function doing(job) {
  return (event) => busy(event.currentTarget, () => job(event)).catch(complain);
}
