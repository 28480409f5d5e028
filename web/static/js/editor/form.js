// A form made from a JSON Schema: every field with its words, unit, range and help; what is wrong
// stands at the field.
//
// `form` builds the fields once; `update(value, problems)` puts a value into them and leaves the
// one that is being typed in alone.
//
// One file: a control a type of field, in one table.

import { h, icon, put } from "../dom.js";
import { spoken } from "../told.js";
import { number, t } from "../words.js";
import { numbers } from "./numbers.js";
import { begin, fieldOf, fieldsIn, helpOf, labelOf, optionOf, unitOf } from "./schema.js";
import { findSettings, teachNote } from "./teach_command.js";

const SLIDER_SPAN = 1000; // a range up to this long gets a slider
let count = 0;

/**
 * Fields of an object of a schema. about:
 *   resolve, frame()              the schema's, and the size of the picture
 *   change(path, value), preview(path, value or undefined), settle()   an edit; one that is still
 *   being dragged; the next is a step of its own
 *   choose(path), draw(path, shape)   in the picture
 *   others() gives [{name, fits}], root() the object itself, teach() a text
 *   skip, main                    fields that others show; fields with a default to show at once
 * Gives {element, update(value, problems)}; problems are [{path, text}].
 */
export function form(schema, about, path = []) {
  const { resolve, skip = [], main = [] } = about;
  const fields = fieldsIn(schema, resolve)
    .filter(([key]) => path.length || !skip.includes(key))
    .map(([key, node]) => build(key, fieldOf(node, resolve), [...path, key], about));
  const first = (field) =>
    path.length > 0 ||
    !("default" in field.node) ||
    main.includes(field.key) ||
    field.type === "model";
  const rank = (field) =>
    field.type === "region" ? -2 : !main.includes(field.key) ? -1 : main.indexOf(field.key);
  const shown = fields.filter(first).sort((a, b) => rank(a) - rank(b));
  const folded = fields.filter((field) => !first(field));
  const changed = h("span.tag", { hidden: true });
  const more = folded.length
    ? h(
        "details.more",
        h("summary", h("span", t("More settings")), changed),
        h(
          "div.form",
          folded.map((field) => field.element),
        ),
      )
    : null;
  return {
    element: h(
      "div.form",
      shown.map((field) => field.element),
      more,
    ),
    update(value, problems = []) {
      for (const field of fields)
        field.update(
          value?.[field.key],
          problems
            .filter((problem) => problem.path[0] === field.key)
            .map((problem) => ({ ...problem, path: problem.path.slice(1) })),
        );
      if (!more) return;
      const other = folded.filter(
        (field) =>
          JSON.stringify(value?.[field.key] ?? null) !== JSON.stringify(field.node.default ?? null),
      );
      changed.hidden = other.length === 0;
      changed.textContent = t("{count} changed", { count: other.length });
      if (folded.some((field) => problems.some((problem) => problem.path[0] === field.key)))
        more.open = true;
    },
  };
}

function build(key, field, path, about) {
  const control = (CONTROLS[field.type] ?? CONTROLS.text)(key, field, path, about);
  const id = `field-${(count += 1)}`;
  const wrong = h("p.wrong", { id: `${id}-wrong`, hidden: true });
  const help = helpOf(field.node);
  const small = help ? h("small", { id: `${id}-help` }, help) : null;
  const label = labelOf(key);
  const input = control.input;
  if (input) {
    input.id = id;
    input.setAttribute("aria-describedby", [small?.id, wrong.id].filter(Boolean).join(" "));
  }
  // a value of null is "off": a switch before the label says so
  const given =
    field.nullable && !control.ownNull
      ? h("input", { type: "checkbox", "aria-label": t("Use {field}", { field: label }) })
      : null;
  const title = input
    ? h("label.label", { for: id }, label)
    : h("span.label", { id: `${id}-label` }, label);
  if (!input) control.element.setAttribute("aria-labelledby", `${id}-label`);
  const head = given ? h("div.label-switch", given, title) : title;
  const element =
    field.type === "flag"
      ? h(
          "div.field.check",
          { dataset: { field: path.join(".") } },
          input,
          title,
          small && h("div.under", small),
          wrong,
        )
      : h(
          `div.field${field.type === "region" || field.type === "regions" ? ".boxed" : ""}`,
          { dataset: { field: path.join(".") } },
          head,
          control.element,
          small,
          wrong,
        );
  given?.addEventListener("change", () => {
    const value = given.checked
      ? begin(key, field, {
          resolve: about.resolve,
          frame: about.frame(),
          around: path.slice(0, -1).reduce((at, part) => at?.[part], about.root())?.region ?? null,
        })
      : null;
    control.element.hidden = !given.checked;
    if (value !== "") about.change(path, value);
    if (given.checked) (input ?? control.element.querySelector("input, button"))?.focus();
  });
  let waiting = false; // switched on, but nothing typed yet
  given?.addEventListener("change", () => (waiting = given.checked));
  return {
    key,
    element,
    node: field.node,
    type: field.type,
    update(value, problems) {
      if (given) {
        if (value !== null && value !== undefined) waiting = false;
        given.checked = waiting || (value !== null && value !== undefined);
        control.element.hidden = !given.checked;
      }
      control.update(value, problems);
      const own = problems.filter((problem) => !control.places || problem.path.length === 0);
      put(
        wrong,
        own.flatMap((problem) => [...spoken(problem.text), " "]),
      );
      wrong.hidden = own.length === 0;
      if (input && own.length) input.setAttribute("aria-invalid", "true");
      else if (input && input !== document.activeElement) input.removeAttribute("aria-invalid");
    },
  };
}

const CONTROLS = {
  number(key, { least, most, whole, nullable, node }, path, about) {
    const span = least !== null && most !== null ? most - least : Infinity;
    const step = whole ? 1 : span <= 2 ? 0.01 : span <= 30 ? 0.1 : 1;
    const read = (input) =>
      input.value === "" || !Number.isFinite(input.valueAsNumber)
        ? undefined
        : whole
          ? Math.round(input.valueAsNumber)
          : input.valueAsNumber;
    const input = h("input", {
      type: "number",
      inputmode: "decimal",
      min: least,
      max: most,
      step: whole ? 1 : "any",
    });
    const unit = unitOf(key);
    let shown = null;
    const slider =
      span <= SLIDER_SPAN
        ? h("input", {
            type: "range",
            min: least,
            max: most,
            step,
            tabindex: -1,
            "aria-hidden": "true",
          })
        : null;
    input.addEventListener("input", () => {
      const value = read(input);
      const bad =
        value === undefined || (least !== null && value < least) || (most !== null && value > most);
      input.toggleAttribute("aria-invalid", false);
      if (bad) input.setAttribute("aria-invalid", "true");
      else about.change(path, value);
    });
    input.addEventListener("keydown", (event) => {
      if (whole || !["ArrowUp", "ArrowDown"].includes(event.key) || read(input) === undefined)
        return;
      event.preventDefault();
      const next = Number((read(input) + (event.key === "ArrowUp" ? step : -step)).toFixed(6));
      about.change(path, Math.min(Math.max(next, least ?? -Infinity), most ?? Infinity));
    });
    slider?.addEventListener("input", () => {
      input.value = slider.valueAsNumber;
      about.preview(path, slider.valueAsNumber);
    });
    slider?.addEventListener("change", () => {
      about.settle();
      about.change(path, slider.valueAsNumber);
    });
    slider?.addEventListener("pointercancel", () => about.preview(path, undefined));
    const range =
      least !== null && most !== null && span <= 1e5
        ? h("span.small.nowrap", `${number(least, 4)} – ${number(most, 4)}`)
        : null;
    input.addEventListener("blur", () => {
      input.removeAttribute("aria-invalid");
      if (shown !== null) input.value = shown;
    });
    return {
      input,
      element: h(
        "div.number-field",
        h("span.with-unit", input, unit ? h("span", unit) : null),
        slider ?? range,
      ),
      update(value) {
        if (value === null || value === undefined) return (shown = null);
        if (input !== document.activeElement || (shown !== value && read(input) !== value))
          input.value = value;
        shown = value;
        if (slider && slider !== document.activeElement) slider.value = value;
        else if (slider && !slider.matches(":active")) slider.value = value;
      },
    };
  },

  choice(key, { options, nullable }, path, about) {
    const all = nullable ? [null, ...options] : options;
    if (options.length > 4 || options.map(optionOf).join("").length > 30) {
      const input = h(
        "select",
        all.map((value) =>
          h("option", { value: value ?? "" }, value === null ? t("off") : optionOf(value)),
        ),
      );
      input.addEventListener("change", () =>
        about.change(
          path,
          input.value === "" && nullable
            ? null
            : options.find((option) => String(option) === input.value),
        ),
      );
      return {
        input,
        element: input,
        ownNull: true,
        update: (value) => (input.value = value ?? ""),
      };
    }
    const name = `choice-${(count += 1)}`;
    const inputs = all.map((value) => {
      const input = h("input", { type: "radio", name, value: value ?? "" });
      input.addEventListener("change", () => about.change(path, value));
      return input;
    });
    const element = h(
      "div.segments",
      { role: "radiogroup" },
      inputs.map((input, n) =>
        h("label.segment", input, h("span", all[n] === null ? t("off") : optionOf(all[n]))),
      ),
    );
    return {
      element,
      ownNull: true,
      update: (value) =>
        inputs.forEach(
          (input, n) => (input.checked = all[n] === (value ?? null) || all[n] === value),
        ),
    };
  },

  flag(key, field, path, about) {
    const input = h("input", { type: "checkbox" });
    input.addEventListener("change", () => about.change(path, input.checked));
    return { input, element: input, update: (value) => (input.checked = Boolean(value)) };
  },

  text(key, { node, nullable }, path, about) {
    const input = h("input", {
      type: "text",
      maxlength: node.maxLength,
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
    });
    const fits = (value) => !node.pattern || new RegExp(node.pattern, "u").test(value);
    input.addEventListener("input", () => {
      input.toggleAttribute("aria-invalid", false);
      if (input.value === "" && (nullable || node.minLength))
        return nullable ? about.change(path, null) : input.setAttribute("aria-invalid", "true");
      if (!fits(input.value)) return input.setAttribute("aria-invalid", "true");
      about.change(path, input.value);
    });
    const names = key === "expression" ? h("div.cluster.names") : null;
    return {
      input,
      element: names ? h("div.stack-tight", input, names) : input,
      update(value) {
        if (input !== document.activeElement) input.value = value ?? "";
        if (names)
          put(
            names,
            about.others().map(({ name }) =>
              h(
                "button.button.small.mono",
                {
                  type: "button",
                  onclick: () => {
                    const at = input.selectionStart ?? input.value.length;
                    input.setRangeText(name, at, input.selectionEnd ?? at, "end");
                    input.dispatchEvent(new Event("input"));
                    input.focus();
                  },
                },
                name,
              ),
            ),
          );
      },
    };
  },

  texts(key, field, path, about) {
    const input = h("input", { type: "text", autocomplete: "off" });
    input.addEventListener("change", () =>
      about.change(
        path,
        input.value
          .split(",")
          .map((text) => text.trim())
          .filter(Boolean),
      ),
    );
    return {
      input,
      element: input,
      update: (value) =>
        input !== document.activeElement && (input.value = (value ?? []).join(", ")),
    };
  },

  choices(key, { options }, path, about) {
    const boxes = options.map((value) => h("input", { type: "checkbox", value }));
    boxes.forEach((box) =>
      box.addEventListener("change", () =>
        about.change(
          path,
          options.filter((_, n) => boxes[n].checked),
        ),
      ),
    );
    const element = h(
      "div.choices",
      { role: "group" },
      boxes.map((box, n) => h("label.choice", box, h("span", optionOf(options[n])))),
    );
    return {
      element,
      update: (value) => boxes.forEach((box) => (box.checked = (value ?? []).includes(box.value))),
    };
  },

  tool(key, field, path, about) {
    const input = h("select");
    input.addEventListener("change", () => about.change(path, input.value));
    return {
      input,
      element: input,
      update(value) {
        const names = about
          .others()
          .filter(({ fits, name }) => fits || name === value)
          .map(({ name }) => name);
        put(
          input,
          !names.includes(value)
            ? h(
                "option",
                { value: value ?? "" },
                value ? t("{name} (missing)", { name: value }) : t("Choose a tool"),
              )
            : null,
          names.map((name) => h("option", { value: name }, name)),
        );
        input.value = value ?? "";
      },
    };
  },

  tools(key, field, path, about) {
    const element = h("div.choices", { role: "group" });
    return {
      element,
      update(value) {
        const chosen = value ?? [];
        const names = [...new Set([...about.others().map(({ name }) => name), ...chosen])];
        const focused = element.contains(document.activeElement)
          ? /** @type {HTMLInputElement} */ (document.activeElement).value
          : null;
        put(
          element,
          names.map((name) => {
            const box = h("input", {
              type: "checkbox",
              value: name,
              checked: chosen.includes(name),
            });
            box.addEventListener("change", () =>
              about.change(
                path,
                names.filter((other) => (other === name ? box.checked : chosen.includes(other))),
              ),
            );
            return h("label.choice", box, h("span.mono", name));
          }),
        );
        if (focused) element.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
      },
    };
  },

  model(key, field, path, about) {
    const state = h("p.cluster");
    const away = h(
      "button.button.small",
      { type: "button", onclick: () => about.change(path, null) },
      t("Take away"),
    );
    const command = h("pre");
    const note = h("p.small");
    const tell = () => {
      command.textContent = about.teach();
      note.textContent = teachNote();
    };
    const steps = h(
      "details",
      { ontoggle: () => findSettings().then(tell) },
      h("summary", t("How to teach it")),
      h(
        "p.small",
        t(
          "Save the program first. Then put pictures of good parts (for classes: one folder each) on the machine of the node and run there:",
        ),
      ),
      command,
      note,
    );
    return {
      element: h("div.stack-tight", state, steps),
      ownNull: true,
      update(value) {
        put(
          state,
          value
            ? [
                h("span.tag.good", t("Taught")),
                h("span.mono.small", { title: value }, value.slice(0, 12)),
                away,
              ]
            : [
                h(about.untaught ? "span.tag" : "span.tag.warn", t("Not taught yet")),
                h(
                  "span.small",
                  about.untaught ?? t("Until then it has no value, and the verdict is ERROR."),
                ),
              ],
        );
        tell();
      },
    };
  },

  group(key, { node, nullable }, path, about) {
    const inner = form(node, about, path);
    return {
      element: h("div.group", { role: "group" }, inner.element),
      places: true,
      update: (value, problems) => value && inner.update(value, problems),
    };
  },

  region(key, { shapes, nullable }, path, about) {
    const panel = numbers({
      shapes,
      label: labelOf(key),
      on: {
        frame: about.frame,
        commit: (region) => about.change(path, region),
        choose: () => about.choose(path),
        draw: (shape) => about.draw(path, shape),
      },
    });
    return {
      element: h("div", { role: "group" }, panel.element),
      update: (value) => panel.update(value ?? null),
    };
  },

  regions(key, { shapes, most, node }, path, about) {
    const list = h("div.stack-tight");
    const panels = [];
    const add = h(
      "button.button.small",
      { type: "button" },
      icon("plus"),
      t("Add a part that does not count"),
    );
    add.addEventListener("click", () => {
      const value = path.reduce((at, part) => at?.[part], about.root()) ?? [];
      const owner =
        about.root()[key === "ignore" ? "region" : key.replace(/_?ignore$/, "")] ??
        about.root().region;
      about.change(
        [...path, value.length],
        begin("ignore", { type: "region", shapes }, { frame: about.frame(), around: owner }),
      );
      about.choose([...path, value.length]);
    });
    return {
      element: h("div.stack-tight", { role: "group" }, list, h("div", add)),
      ownNull: true,
      update(value) {
        const all = value ?? [];
        while (panels.length > all.length) panels.pop().element.remove();
        while (panels.length < all.length) {
          const at = [...path, panels.length];
          const label = t("Part {n}", { n: panels.length + 1 });
          const panel = numbers({
            shapes,
            label,
            on: {
              frame: about.frame,
              commit: (region) => about.change(at, region),
              choose: () => about.choose(at),
              draw: (shape) => about.draw(at, shape),
            },
          });
          const remove = h(
            "button.button.quiet.icon-only.small",
            {
              type: "button",
              "aria-label": t("Remove {part}", { part: label }),
              onclick: () => about.remove(at),
            },
            icon("trash"),
          );
          const element = h("div.ignored", h("div.row", h("span", label), remove), panel.element);
          panels.push({ element, panel });
          list.append(element);
        }
        panels.forEach(({ panel }, n) => panel.update(all[n]));
        add.disabled = all.length >= most;
      },
    };
  },
};
