// Screens that only look: those there are, a new one with its link, and taking one back.

import { del, get, post } from "./api.js";
import { confirm, doing, form, open, toast } from "./dialog.js";
import { h, icon, put } from "./dom.js";
import { table } from "./table.js";
import { t, time } from "./words.js";

/** Show the screens in an element, and make new ones by a button. */
export function showScreens(element, button) {
  const load = async () => {
    const screens = await get("/auth/screens");
    put(
      element,
      table(
        t("Screens"),
        [
          { title: t("Name"), cell: (one) => h("strong", one.name), class: "phone-first" },
          {
            title: t("Made"),
            cell: (one) => time(one.made_at, { seconds: false }),
            class: "phone-second.phone-told",
          },
          {
            title: t("Last seen"),
            class: "phone-second.phone-told",
            cell: (one) => (one.seen_at ? time(one.seen_at) : t("not yet")),
          },
          { title: t("Actions"), cell: (one) => revoke(one, load), class: "phone-end" },
        ],
        screens,
        {
          row: (row, one) => (row.dataset.screen = one.name),
          empty: t("No screens"),
          lines: true,
        },
      ),
    );
    element.removeAttribute("aria-busy");
  };
  button.addEventListener(
    "click",
    doing(async () => {
      const { stations } = await get("/stations");
      const all = [["", t("All stations")], ...stations.map(({ id }) => [id, id])];
      const made = await form(
        t("New screen"),
        [
          {
            name: "name",
            label: t("Name"),
            required: true,
            maxlength: 64,
            help: t("Such as where it hangs."),
          },
          { name: "station", label: t("Station"), options: all },
          {
            name: "calm",
            label: t("Calm: colour only for what is not well"),
            type: "checkbox",
            value: true,
          },
        ],
        {
          yes: t("Make the link"),
          send: ({ name, station, calm }) =>
            post("/auth/screens", { name, calm, station: station || null }),
        },
      );
      if (!made) return;
      await load();
      tell(made);
    }),
  );
  return load();
}

function tell({ path }) {
  const link = new URL(path, location.origin).href;
  const field = h("input", { value: link, readonly: true, "aria-label": t("Link of the screen") });
  const copy = doing(async () => {
    await navigator.clipboard.writeText(link);
    toast(t("Copied"));
  });
  open(t("Link of the screen"), [
    h(
      "p",
      t(
        "Open it on the screen, and make it the home page there. It sees the Run page and nothing else.",
      ),
    ),
    h("p", t("It is shown only this once. Anybody who has it can look, until you revoke it.")),
    h(
      "div.row",
      field,
      h("button.button", { type: "button", onclick: copy }, icon("copy"), t("Copy")),
    ),
  ]);
  field.select();
}

function revoke({ id, name }, load) {
  const ask = async () => {
    const text = t("Its link no longer works.");
    const sure = await confirm(t("Revoke {name}?", { name }), text, {
      yes: t("Revoke"),
      danger: true,
    });
    if (!sure) return;
    await del(`/auth/screens/${id}`);
    await load();
  };
  return h("button.button.small.danger", { type: "button", onclick: doing(ask) }, t("Revoke"));
}
