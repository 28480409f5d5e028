// The list of programs: a row each with its picture, sorted as people choose, in folders by their names.

import { may } from "../api.js";
import { doing } from "../dialog.js";
import { h, icon, put } from "../dom.js";
import { page, t, time } from "../words.js";
import { activate, exported, remove } from "./actions.js";

const MANY = 40; // beyond that many, folders begin closed
const KEPT = "programs.sort";

/** The folder of a program, which is what stands before the last slash of its name; "" for none. */
export const folderOf = (name) => name.slice(0, Math.max(0, name.lastIndexOf("/"))).trim();

const byName = (a, b) => a.name.localeCompare(b.name, page.language, { numeric: true });
const SORTS = {
  name: byName,
  version: (a, b) => b.version - a.version,
  saved: (a, b) => b.saved_at.localeCompare(a.saved_at),
  active: (a, b) => b.active.length - a.active.length,
};

/** `again()` loads the programs anew. */
export class List {
  constructor(element, again) {
    this.element = element;
    this.again = again;
    const kept = localStorage.getItem(KEPT);
    this.sort = kept in SORTS ? kept : "name";
    this.opened = new Map(); // folder: whether somebody has opened or closed it
  }

  /** Show programs; `wrong(id)` is what the stations say of one, `searched` whether they were searched. */
  draw(programs, { wrong, node, searched }) {
    this.drawn = [programs, { wrong, node, searched }];
    const titles = {
      name: t("Program"),
      version: t("Version"),
      saved: t("Saved"),
      active: t("Active at"),
      state: t("State"),
    };
    const heads = Object.entries(titles).map(([key, title]) => this.head(key, title));
    const actions = h("th", { scope: "col" }, h("span.visually-hidden", t("Actions")));
    const folders = Map.groupBy(
      [...programs].sort((a, b) => SORTS[this.sort](a, b) || byName(a, b)),
      ({ name }) => folderOf(name),
    );
    const sorted = [...folders].sort(([a], [b]) => a.localeCompare(b, page.language));
    const row = (program) => this.row(program, titles, wrong(program.id), node);
    const body = sorted.flatMap(([folder, rows]) => {
      if (!folder) return rows.map(row);
      const open = searched || (this.opened.get(folder) ?? programs.length <= MANY);
      return [this.folder(folder, rows.length, open), ...(open ? rows.map(row) : [])];
    });
    const table = h("table.cards.programs", h("thead", h("tr", heads, actions)), h("tbody", body));
    put(this.element, h("div.table-scroll", table));
  }

  head(key, title) {
    if (!(key in SORTS)) return h("th", { scope: "col" }, title);
    const now = this.sort === key;
    const choose = () => {
      this.sort = key;
      localStorage.setItem(KEPT, key);
      this.draw(...this.drawn);
      this.element.querySelector(`[data-sort="${key}"]`)?.focus();
    };
    const order = key === "name" ? "ascending" : "descending";
    return h(
      "th",
      { scope: "col", "aria-sort": now ? order : null },
      h("button.sort", { type: "button", dataset: { sort: key }, onclick: choose }, title),
    );
  }

  folder(name, count, open) {
    const turn = () => {
      this.opened.set(name, !open);
      this.draw(...this.drawn);
      this.element.querySelector(`[data-folder="${CSS.escape(name)}"] button`)?.focus();
    };
    return h(
      "tr.folder",
      { dataset: { folder: name } },
      h(
        "th",
        { colspan: 6, scope: "rowgroup" },
        h(
          "button.sort",
          { type: "button", "aria-expanded": String(open), onclick: turn },
          icon(open ? "down" : "right"),
          h("span", name),
          h("span.muted", String(count)),
        ),
      ),
    );
  }

  row(program, titles, wrong, node) {
    const { id, name, version, saved_at, saved_by, note, active } = program;
    const href = `/app/programs/${encodeURIComponent(id)}`;
    const folder = folderOf(name);
    const shown = folder ? name.slice(name.lastIndexOf("/") + 1).trim() : name;
    const cell = (key, ...content) => h("td", { "data-label": titles[key] }, content);
    const source = `/api/v1${href.slice(4)}/master/small?version=${version}`;
    const gone = ({ target }) => target.classList.add("missing");
    const picture = { src: source, alt: "", loading: "lazy", width: 56, height: 40, onerror: gone };
    return h(
      "tr",
      { dataset: { program: id } },
      h(
        "th",
        { scope: "row" },
        h(
          "div.program-name",
          h("img.program-picture", picture),
          h("a", { href, title: name }, shown || name),
          h("span.muted.mono", id),
        ),
      ),
      cell("version", String(version)),
      cell(
        "saved",
        h(
          "span",
          h("span.nowrap", time(saved_at, { seconds: false })),
          " ",
          h("span.muted", saved_by),
          note ? h("span.note", { title: note }, note) : null,
        ),
      ),
      cell("active", active.length ? tags(active) : h("span.muted", t("nowhere"))),
      cell("state", stateOf(active, wrong, node)),
      h("td.row-actions", h("span.cluster", this.actions(program, href))),
    );
  }

  actions(program, href) {
    const { id, name, version, active } = program;
    const copy = `/app/programs/new?from=${encodeURIComponent(id)}#outputs`;
    const kept = t("{name} cannot be deleted while a station uses it", { name });
    const del = active.length ? kept : t("Delete {name}", { name });
    const gone = async () => (await remove(program)) && this.again();
    const start = () => activate(id, this.again);
    return [
      may("OPERATOR") ? act("run", t("Activate {name}", { name }), start, "activate") : null,
      may("ADMIN") ? go("edit", `${href}/edit`, t("Edit {name}", { name }), t("Edit")) : null,
      may("ADMIN") ? go("copy", copy, t("Copy {name}", { name }), t("Copy")) : null,
      act("download", t("Export {name}", { name }), () => exported(id, version), "export"),
      may("ADMIN") ? act("trash", del, gone, "delete", active.length > 0) : null,
    ];
  }
}

const tags = (stations) =>
  h(
    "span.cluster",
    stations.map((one) => h("span.tag.good", one)),
  );

function stateOf(active, wrong, node) {
  if (wrong.length) return h("span.wrong", wrong.join("; "));
  if (!active.length) return h("span.muted", "–");
  if (node !== "ok") return h("span.muted", t("unknown: the node is away"));
  return h("span.tag.good", t("good"));
}

function go(symbol, href, label, title) {
  const more = { href, "aria-label": label, title, dataset: { action: symbol } };
  return h("a.button.icon-only.small", more, icon(symbol));
}

function act(symbol, label, job, action, disabled = false) {
  const more = { "aria-label": label, title: label, disabled, dataset: { action } };
  const button = { type: "button", ...more, onclick: doing(job) };
  return h("button.button.icon-only.small", button, icon(symbol));
}
