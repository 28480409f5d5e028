// Step 3: the tools. A list, the picture with their regions, the panel of the selected one, and
// trying; all four show one selection.
//
// One file: list, picture and panel show one selection.

import { complain } from "../dialog.js";
import { h, put } from "../dom.js";
import { t } from "../words.js";
import { MOST_TOOLS, newTool, partners, put as setIn } from "./changes.js";
import { colourIn } from "./colour.js";
import { inspector } from "./inspector.js";
import { firstLimits, kindOf } from "./kinds.js";
import { convert } from "./lengths.js";
import { lacking } from "./lacking.js";
import { toolList } from "./list.js";
import { begin as beginLocator, panel as locatorPanel } from "./locator.js";
import { missedPanel } from "./missed.js";
import { pick } from "./picker.js";
import { picturesPanel } from "./pictures.js";
import { problemsOf } from "./refusals.js";
import { Drawing, shapeButtons } from "./regions.js";
import { begin, locatorKinds, regionsIn, toolKinds } from "./schema.js";
import { editor } from "./state.js";
import { TryBar } from "./try_bar.js";
import { trying } from "./trying.js";

const LOCATOR = "locator";
const MARKS = ["ignore", "other_ignore"];
let view = null;

/** Show the step. */
export function enter(element) {
  view ??= new Step(element);
  view.enter();
}

export function leave() {
  view?.leave();
}

class Step {
  #current = null; // key of the region that is drawn: owner|path
  #draft = null; // the document while something is being dragged
  #panel = null; // {owner, kind, element, update}
  #shows = "regions"; // or "result"
  #placing = null; // key of the region of a new tool that is to be drawn
  #here = false;

  constructor(element) {
    this.drawing = new Drawing({
      onselect: (key) => this.#choose(key),
      onpreview: (key, region) => this.#preview(key, region),
      oncommit: (key, region, what) => this.#commit(key, region, what),
      ondrag: () => editor.settle(),
      onremove: (key) => this.#edit(...parts(key), undefined, t("Remove a region")),
      onmode: (mode) => {
        this.#bar();
        if (!mode && !this.drawing.busy)
          queueMicrotask(() => (this.#placing = this.drawing.mode ? this.#placing : null));
      },
    });
    this.list = toolList({ add: () => this.#add(), select: (name) => editor.select(name) });
    this.tryBar = new TryBar((shown) => this.#view(shown));
    this.modes = h("div.segments", { role: "radiogroup", "aria-label": t("What is shown") });
    this.shapes = h("div.tools-shapes");
    this.bar = h("div.tools-bar", this.modes, this.tryBar.verdict, this.shapes);
    this.pictures = picturesPanel({
      draft: () => this.#program,
      shown: () => {
        this.#view("result");
        this.drawing.element.scrollIntoView({ block: "center" });
      },
    });
    this.missed = missedPanel();
    this.side = h("section.card.tools-panel", { "aria-label": t("Settings") });
    this.none = h(
      "div.card.empty",
      h("p", t("There is no master image yet. Regions are drawn over it.")),
      h(
        "button.button.primary",
        { type: "button", onclick: () => editor.go("master") },
        t("To the master"),
      ),
    );
    this.work = h(
      "div.tools",
      this.list.element,
      h(
        "div.tools-middle",
        h(
          "section.tools-picture",
          { "aria-label": t("Picture") },
          this.bar,
          this.drawing.element,
          this.tryBar.element,
        ),
      ),
      this.side,
      h("div.tools-below", this.pictures.element, this.missed.element),
    );
    put(element, this.none, this.work);
    // a link named it
    if (trying.source.kind === "result" && editor.link.node === "ok") this.#shows = "result";
    for (const kind of ["change", "problems", "station"])
      editor.addEventListener(kind, () => this.#changed(kind));
    editor.addEventListener("select", () => this.#here && this.#selected());
    editor.addEventListener("saved", () => editor.unset.clear());
    trying.addEventListener("change", () => this.#tried());
  }

  enter() {
    this.#here = true;
    if (!editor.selection) editor.select(editor.program.tools[0]?.name ?? LOCATOR);
    this.#selected();
    this.#trySoon();
  }

  // What is shown was found with another document or another master.
  #trySoon() {
    if (
      !editor.master ||
      editor.link.node !== "ok" ||
      (trying.last?.program === editor.program && this.triedMaster === editor.master)
    )
      return;
    this.triedMaster = editor.master;
    trying.soon();
  }

  leave() {
    this.#here = false;
    this.drawing.point();
    trying.pause();
  }

  get #program() {
    return this.#draft ?? editor.program;
  }

  #owner(name, program = this.#program) {
    return name === LOCATOR ? program.locator : program.tools.find((tool) => tool.name === name);
  }

  #model(name) {
    const owner = this.#owner(name, editor.program);
    return (
      owner &&
      (name === LOCATOR ? locatorKinds(editor.schema) : toolKinds(editor.schema))[owner.kind]
    );
  }

  // What happens

  #changed(kind) {
    if (kind === "change") {
      this.#draft = null;
    }
    if (this.#here && kind !== "problems") this.#trySoon();
    if (this.#here) this.#selected();
  }

  #selected() {
    const { selection } = editor;
    const own = this.#regionsOf(selection);
    if (!own.some(({ key }) => key === this.#current))
      this.#current = own.find(({ region }) => region)?.key ?? null;
    this.#render();
  }

  #tried() {
    for (const [name, set] of editor.unset) {
      const tool = editor.tool(name);
      const found = tool && trying.found(tool);
      if (!tool || tool.low !== set.low || tool.high !== set.high) editor.unset.delete(name);
      else if (
        found &&
        trying.last.source.kind === "master" &&
        !found.stale &&
        Number.isFinite(found.value) &&
        !this.#draft &&
        !this.drawing.busy
      ) {
        const wanted = firstLimits(tool, found.value, found.unit);
        editor.unset.set(name, wanted);
        editor.complete(t("Limits of {name}", { name }), (program) =>
          Object.assign(
            program.tools.find((other) => other.name === name),
            wanted,
          ),
        );
      }
    }
    if (this.#here) this.#render();
  }

  #choose(key) {
    const [owner] = parts(key);
    this.#current = key;
    if (owner === editor.selection) this.#render();
    else editor.select(owner);
  }

  #preview(key, region) {
    if (!region) this.#draft = null;
    else this.#draft = changed(editor.program, ...parts(key), region);
    if (this.#draft) trying.soon(this.#draft);
    this.#panelNow();
  }

  #commit(key, region, what) {
    const [owner, path] = parts(key);
    const name = owner === LOCATOR ? t("Position") : owner;
    if (what === "draw" && this.#placing === key)
      return this.#place(owner, path, region, t("Add {name}", { name }));
    const label = {
      move: t("Move region of {name}", { name }),
      turn: t("Turn region of {name}", { name }),
      size: t("Resize region of {name}", { name }),
      corner: t("Corner of {name}", { name }),
      draw: t("Draw region of {name}", { name }),
    }[what];
    this.#edit(owner, path, region, label);
  }

  // The first region of a new tool: its other regions come along.
  #place(owner, path, region, label) {
    this.#placing = null;
    this.#draft = null;
    const { resolve } = editor.schema;
    const rest = regionsIn(this.#model(owner), editor.tool(owner), resolve).filter(
      (other) => other.region && other.path.length === 1 && other.path[0] !== path[0],
    );
    editor.complete(label, (program) => {
      const tool = program.tools.find(({ name }) => name === owner);
      setIn(tool, path, region);
      for (const other of rest)
        tool[other.path[0]] = begin(
          other.path[0],
          { type: "region", shapes: other.shapes },
          { frame: frame(), around: region },
        );
    });
    this.#render();
    if (kindOf(editor.tool(owner).kind).samples) this.#sample(owner, label).catch(complain);
  }

  /** Take the range of a tool's colour from its region of the master. */
  async #sample(owner, label = t("Colour of {name}", { name: owner })) {
    const range = await colourIn(editor.master, editor.tool(owner).region);
    if (editor.tool(owner))
      editor.change(label, (program) =>
        Object.assign(
          program.tools.find(({ name }) => name === owner),
          range,
        ),
      );
  }

  /** Another unit: limits change with it. */
  #measureIn(owner, unit) {
    const { calibration } = editor.program;
    this.#draft = null;
    editor.settle();
    editor.change(t("Unit of {name}", { name: owner }), (program) =>
      convert(
        program.tools.find(({ name }) => name === owner),
        unit,
        calibration,
      ),
    );
    this.#render();
  }

  #edit(owner, path, value, label) {
    this.#draft = null;
    editor.change(
      label ?? t("Settings of {name}", { name: owner === LOCATOR ? t("Position") : owner }),
      (program) =>
        setIn(
          owner === LOCATOR ? program.locator : program.tools.find((tool) => tool.name === owner),
          path,
          value,
        ),
    );
    this.#render();
  }

  #setLimits(wanted) {
    const name = editor.selection;
    this.#draft = null;
    if (!wanted) return this.#render();
    editor.unset.delete(name);
    editor.change(t("Limits of {name}", { name }), (program) =>
      Object.assign(
        program.tools.find((tool) => tool.name === name),
        { low: wanted.low, high: wanted.high },
      ),
    );
    this.#render();
  }

  async #add() {
    const kinds = Object.keys(toolKinds(editor.schema));
    const lacks = await lacking();
    const kind = await pick(kinds, (one) => lacks[one] ?? this.#refused(one));
    if (!kind) return;
    const tool = newTool(kind, editor.program, editor.schema, frame());
    if (!kindOf(kind).keeps) editor.unset.set(tool.name, { low: tool.low, high: tool.high });
    editor.change(t("Add {name}", { name: tool.name }), (program) => program.tools.push(tool));
    editor.select(tool.name);
    const place = this.#regionsOf(tool.name).find(({ role }) => role === "region");
    if (place) this.#draw(place.key, "rectangle");
    this.#placing = place?.key ?? null;
    if (!place) this.#panel.element.querySelector("select, input")?.focus();
  }

  #refused(kind) {
    const { uses } = kindOf(kind);
    if (editor.program.tools.length >= MOST_TOOLS)
      return t("There are {most} tools already", { most: MOST_TOOLS });
    if (!uses || partners(kind, editor.program).length >= uses.least) return null;
    const names =
      uses.kinds === "any" ? t("any") : uses.kinds.map((other) => kindOf(other).title).join(", ");
    return t("Needs {count} other tools first: {names}", { count: uses.least, names });
  }

  #draw(key, shape) {
    this.#current = key;
    this.#view("regions");
    this.drawing.draw(key, shape);
    this.drawing.focus();
    this.drawing.element.scrollIntoView({
      block: matchMedia("(max-width: 62rem)").matches ? "center" : "nearest",
    });
  }

  #view(shows) {
    this.#shows = shows;
    if (shows === "result") this.drawing.point();
    this.#render();
  }

  // What is seen

  #regionsOf(name) {
    const owner = name && this.#owner(name, editor.program);
    if (!owner) return [];
    return regionsIn(this.#model(name), owner, editor.schema.resolve).map(
      ({ path, region, shapes, label, nullable }) => {
        const last = path.filter((part) => typeof part === "string").at(-1);
        const role = MARKS.includes(last)
          ? "ignore"
          : last === "search"
            ? "search"
            : path.length === 1 && last !== "region"
              ? "other"
              : "region";
        const title =
          role === "ignore"
            ? t("{name}: ignored", { name })
            : name === LOCATOR
              ? path[0] === "region"
                ? t("Position")
                : [t("Position"), ...path.filter((part) => part !== "region")].join(" ")
              : path[0] === "region"
                ? name
                : `${name}: ${label}`;
        return {
          key: `${name}|${path.join(".")}`,
          path,
          region,
          shapes,
          role,
          label: title,
          removable: nullable,
        };
      },
    );
  }

  #render() {
    const { master, program, selection } = editor;
    this.none.hidden = Boolean(master);
    this.work.hidden = !master;
    if (!master) return;
    const judged = trying.judged(this.#program);
    const wrong = new Set(
      [LOCATOR, ...program.tools.map(({ name }) => name)].filter((name) => problemsOf(name).length),
    );
    this.list.update(judged, wrong);
    const result = this.#shows === "result" && trying.last?.url;
    const items = result
      ? []
      : [LOCATOR, ...program.tools.map(({ name }) => name)].flatMap((name) =>
          this.#regionsOf(name).map((item) => ({
            ...item,
            active: name === selection,
            verdict:
              item.role === "region" && !this.#draft
                ? (judged?.tools[name]?.verdict ?? null)
                : null,
          })),
        );
    this.drawing.show({
      picture: result ? { ...master, url: trying.last.url } : master,
      items: items.filter((item) => item.active || item.role === "region"),
      current: this.#current,
    });
    this.#bar();
    this.#panelNow(judged);
    this.tryBar.update(judged);
    this.pictures.update();
    this.missed.update();
  }

  #bar() {
    const item = this.#regionsOf(editor.selection).find(({ key }) => key === this.#current);
    const mode = (shows, text) =>
      h(
        "label.segment",
        h("input", {
          type: "radio",
          name: "shows",
          checked: this.#shows === shows,
          disabled: shows === "result" && !trying.last?.url,
          onchange: () => this.#view(shows),
        }),
        h("span", text),
      );
    const state = JSON.stringify([
      this.#shows,
      Boolean(trying.last?.url),
      item?.key,
      item?.shapes,
      this.drawing.mode?.shape,
    ]);
    if (state === this.barDrawn) return;
    this.barDrawn = state;
    const focused = this.bar.contains(document.activeElement)
      ? labelOf(document.activeElement)
      : null;
    put(this.modes, mode("regions", t("Regions")), mode("result", t("Result")));
    put(
      this.shapes,
      item && this.#shows === "regions"
        ? shapeButtons(this.drawing, item.key, item.region, item.shapes)
        : null,
    );
    if (focused)
      [...this.bar.querySelectorAll("button, input")]
        .find((one) => labelOf(one) === focused)
        ?.focus();
  }

  #panelNow(judged = trying.judged(this.#program)) {
    const { selection } = editor;
    const tool = selection !== LOCATOR && this.#owner(selection);
    const kind = selection === LOCATOR ? LOCATOR : tool ? tool.kind : null;
    if (this.#panel?.owner !== selection || this.#panel?.kind !== kind) {
      this.#panel = { owner: selection, kind, ...this.#panelOf(selection, tool) };
      put(this.side, this.#panel.element);
      this.side.scrollTop = 0;
    }
    if (selection === LOCATOR) this.#panel.update(this.#program.locator, problemsOf(LOCATOR));
    else if (tool) this.#panel.update(tool, judged?.tools[selection], problemsOf(selection));
  }

  #panelOf(owner, tool) {
    const key = (path) => `${this.#panel.owner}|${path.join(".")}`;
    const about = {
      resolve: editor.schema.resolve,
      frame,
      change: (path, value) =>
        path.join(".") === "unit"
          ? this.#measureIn(this.#panel.owner, value)
          : this.#edit(this.#panel.owner, path, value),
      preview: (path, value) => {
        this.#draft =
          value === undefined ? null : changed(editor.program, this.#panel.owner, path, value);
        if (this.#draft) trying.soon(this.#draft);
      },
      settle: () => editor.settle(),
      remove: (path) => this.#edit(this.#panel.owner, path, undefined, t("Remove a region")),
      choose: (path) => this.#current !== key(path) && this.#choose(key(path)),
      draw: (path, shape) => this.#draw(key(path), shape),
      others: () => [],
      root: () => this.#owner(this.#panel.owner),
      teach: () => "",
      sample: () => this.#sample(this.#panel.owner),
      limits: (wanted) => this.#setLimits(wanted),
      previewLimits: (wanted) => {
        this.#draft = changed(
          changed(editor.program, owner, ["low"], wanted.low),
          owner,
          ["high"],
          wanted.high,
        );
        this.#render();
      },
      renamed: (name) => {
        if (editor.unset.has(owner)) editor.unset.set(name, editor.unset.get(owner));
        editor.unset.delete(owner);
        if (this.#current) this.#current = `${name}|${parts(this.#current)[1].join(".")}`;
        editor.select(name);
        this.side.querySelector("input")?.focus();
      },
    };
    if (owner === LOCATOR) return locatorPanel(about, (kind) => this.#setLocator(kind));
    if (tool) return inspector(tool, about);
    return { element: h("div.empty", t("Add a tool, or choose one.")), update() {} };
  }

  #setLocator(kind) {
    this.drawing.point();
    this.#shows = "regions";
    editor.change(
      t("Choose the locator"),
      (program) => (program.locator = kind && beginLocator(kind, frame())),
    );
    const place = this.#regionsOf(LOCATOR)[0];
    if (kind === "pattern" && place) this.#draw(place.key, "rectangle");
  }
}

const labelOf = (control) => control.getAttribute("aria-label") ?? control.nextSibling?.textContent;
const frame = () => ({ width: editor.master.width, height: editor.master.height });

/** owner and path of a key: "label|ignore.0" is label and ["ignore", 0]. */
function parts(key) {
  const [owner, path] = key.split("|");
  return [owner, path.split(".").map((part) => (/^\d+$/.test(part) ? Number(part) : part))];
}

// A document with another value at a path of the locator or a tool; what is beside it is shared.
function changed(program, owner, path, value) {
  const set = (here, where) => {
    const [first, ...rest] = where;
    const copy = Array.isArray(here) ? [...here] : { ...here };
    copy[first] = rest.length ? set(here?.[first], rest) : value;
    return copy;
  };
  return owner === LOCATOR
    ? set(program, ["locator", ...path])
    : set(program, ["tools", program.tools.findIndex((tool) => tool.name === owner), ...path]);
}
