// What is done with a program as a whole: activate, export, delete.

import { ask, del, get, post } from "../api.js";
import { confirm, doing, open, toast } from "../dialog.js";
import { h, put } from "../dom.js";
import { t } from "../words.js";

const at = (id) => `/programs/${encodeURIComponent(id)}`;

/** Choose the stations that shall run it. `changed` is called after each. */
export async function activate(id, changed = () => null) {
  const { stations, node } = await get("/stations");
  const rows = h("div.form");
  const draw = () =>
    put(
      rows,
      stations.map((station) => {
        const runs = station.program === id;
        const button = h(
          "button.button.primary",
          {
            type: "button",
            onclick: doing(async () => {
              await post(`${at(id)}/activate`, { station: station.id });
              station.program = id;
              toast(t("{station} runs {program}.", { station: station.id, program: id }));
              draw();
              changed();
            }),
          },
          t("Activate"),
        );
        return h(
          "div.row",
          { dataset: { station: station.id } },
          h(
            "span.cluster",
            h("strong", station.id),
            h(
              "span.muted",
              station.program ? t("runs {program}", { program: station.program }) : t("no program"),
            ),
          ),
          runs ? h("span.tag.good", t("runs it")) : button,
        );
      }),
    );
  draw();
  open(
    t("Activate {program}", { program: id }),
    h(
      "div.stack",
      h(
        "p.help",
        t(
          "The station takes it for the next part. A part that is being inspected is finished with the old one.",
        ),
      ),
      node === "ok"
        ? rows
        : h("p.notice.warn", t("The node does not answer, so that nothing can be activated now.")),
    ),
  );
}

/**
 * Ask, then delete; resolves to whether it is gone.
 * @param {{id: string, name: string, etag?: string}} program
 */
export async function remove({ id, name, etag }) {
  const sure = await confirm(
    t("Delete {name}?", { name }),
    t(
      "It is not offered any more. Its versions stay readable, and results that name it stay as they are.",
    ),
    { yes: t("Delete"), danger: true },
  );
  if (!sure) return false;
  await del(at(id), etag ? { headers: { "If-Match": etag } } : {});
  toast(t("{name} is deleted.", { name }));
  return true;
}

/** Save the bundle of a version as a file. */
export async function exported(id, version) {
  const { response } = await ask("GET", `${at(id)}/export`, { query: { version } });
  const url = URL.createObjectURL(await response.blob());
  const link = h("a", { href: url, download: `${id}-v${version}.zip` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
