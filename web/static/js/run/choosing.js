// Choosing a program among many: found by words, with its picture, in a list that a thumb can use.

import { open } from "../dialog.js";
import { h, put } from "../dom.js";
import { page, t } from "../words.js";

/** Beyond so many a list that unfolds is no help. */
export const MANY = 12;

/** Ask which; resolves to the program, or null. */
export function choose(programs, active) {
  return new Promise((resolve) => {
    let answer = null;
    const search = h("input", {
      type: "search",
      "aria-label": t("Search"),
      placeholder: t("Name or id"),
      autocomplete: "off",
      autofocus: true,
    });
    const list = h("ul.choose-list");
    const nothing = h("p.empty", { role: "status" }, t("No program has that name."));
    const sorted = [...programs].sort((a, b) =>
      a.name.localeCompare(b.name, page.language, { numeric: true }),
    );
    const draw = () => {
      const words = search.value.trim().toLowerCase().split(/\s+/);
      const fitting = sorted.filter(({ id, name }) =>
        words.every((word) => `${id} ${name}`.toLowerCase().includes(word)),
      );
      nothing.hidden = fitting.length > 0;
      put(list, fitting.map(row));
    };
    const row = (program) => {
      const gone = ({ target }) => target.classList.add("missing");
      const src = `/api/v1/programs/${encodeURIComponent(program.id)}/master/small`;
      const more = {
        type: "button",
        "aria-pressed": String(program.id === active),
        dataset: { program: program.id },
        onclick: () => {
          answer = program;
          dialog.close();
        },
      };
      return h(
        "li",
        h(
          "button.button",
          more,
          h("img", { src, alt: "", loading: "lazy", width: 56, height: 40, onerror: gone }),
          h("span", program.name),
        ),
      );
    };
    search.addEventListener("input", draw);
    draw();
    const dialog = open(t("Choose a program"), h("div.stack", search, nothing, list));
    dialog.addEventListener("close", () => resolve(answer));
  });
}
