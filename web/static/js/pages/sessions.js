// Sessions: one's own; an administrator sees and ends those of everybody.

import { del, get } from "../api.js";
import { complain, doing, toast } from "../dialog.js";
import { $, h, put } from "../dom.js";
import { table } from "../table.js";
import { t, time } from "../words.js";

async function load() {
  const all = $("#all")?.checked;
  const sessions = await get("/auth/sessions", all ? { all: "true" } : {});
  put(
    $("#sessions"),
    table(
      t("Sessions"),
      [
        {
          title: t("User name"),
          cell: (one) => h("strong", one.username ?? "–"),
          class: "phone-first",
        },
        {
          title: t("Device"),
          class: "phone-first",
          cell: (one) =>
            h(
              "span.cluster",
              device(one.agent),
              one.current ? h("span.tag.good", t("This one")) : null,
            ),
        },
        {
          title: t("Address"),
          cell: (one) => h("code", one.address || "–"),
          class: "phone-second",
        },
        {
          title: t("Since"),
          cell: (one) => time(one.created_at, { seconds: false }),
          class: "phone-second.phone-told",
        },
        {
          title: t("Last seen"),
          cell: (one) => time(one.seen_at),
          class: "phone-second.phone-told",
        },
        {
          title: t("Until"),
          cell: (one) => time(one.until, { seconds: false }),
          class: "phone-second.phone-told",
        },
        {
          title: t("Actions"),
          class: "phone-end",
          cell: (one) =>
            one.current
              ? null
              : h(
                  "button.button.small.danger",
                  {
                    type: "button",
                    onclick: doing(async () => {
                      await del(`/auth/sessions/${one.id}`);
                      await load();
                    }),
                  },
                  t("End"),
                ),
        },
      ],
      sessions,
      { empty: t("No sessions"), lines: true },
    ),
  );
  $("#sessions").removeAttribute("aria-busy");
}

/** Browser and system in the words of a user agent, as far as they can be told. */
function device(agent) {
  const find = (pairs) => pairs.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = find([
    [/Edg\//, "Edge"],
    [/Firefox\//, "Firefox"],
    [/Chrom(e|ium)\//, "Chrome"],
    [/Safari\//, "Safari"],
    [/curl/, "curl"],
    [/python/i, "Python"],
  ]);
  const system = find([
    [/Android/, "Android"],
    [/iPhone|iPad/, "iOS"],
    [/Windows/, "Windows"],
    [/Mac OS/, "macOS"],
    [/Linux/, "Linux"],
  ]);
  return h(
    "span",
    { title: agent },
    [browser, system].filter(Boolean).join(", ") || agent || t("unknown"),
  );
}

$("#all")?.addEventListener("change", () => load().catch(complain));
$("#others").addEventListener(
  "click",
  doing(async () => {
    const { ended } = await del("/auth/sessions");
    toast(t("{n} session ended | {n} sessions ended", { n: ended }));
    await load();
  }),
);
load().catch(complain);
