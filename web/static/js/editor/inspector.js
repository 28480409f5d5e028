// The panel of the selected tool: its name, what it measured, its limits, its settings.

import { doing, toast } from "../dialog.js";
import { h, icon, put, verdict } from "../dom.js";
import { spoken } from "../told.js";
import { number, t, unitText } from "../words.js";
import {
  copy,
  mayBe,
  MOST_TOOLS,
  NAME,
  partners,
  remove,
  rename,
  reorder,
  usersOf,
} from "./changes.js";
import { form } from "./form.js";
import { suggest } from "./judge.js";
import { firstLimits, kindOf, roomOf, rounded } from "./kinds.js";
import { calibrationLink } from "./lengths.js";
import { limits } from "./limits.js";
import { glyph } from "./picker.js";
import { toolKinds } from "./schema.js";
import { editor } from "./state.js";
import { teachCommand } from "./teach_command.js";
import { trying } from "./trying.js";

/**
 * `about` as in form.js, besides: limits({low, high}), previewLimits({low, high} or null),
 * renamed(name), sample() its colour. Gives {element, update(tool, verdict, problems)}.
 */
export function inspector(first, about) {
  const { schema } = editor;
  let tool = first;
  const kind = kindOf(tool.kind);
  const model = toolKinds(schema)[tool.kind];

  const name = h("input.mono", {
    type: "text",
    maxlength: 32,
    spellcheck: "false",
    autocapitalize: "none",
    autocomplete: "off",
    "aria-label": t("Name of the tool"),
    dataset: { field: "name" },
  });
  const wrongName = h("p.wrong", { role: "alert", hidden: true });
  name.addEventListener("input", () => {
    const bad = name.value !== tool.name && !mayBe(name.value, editor.program);
    wrongName.hidden = !bad;
    wrongName.textContent = !NAME.test(name.value)
      ? t("Lower-case letters, digits and _, beginning with a letter; 32 at most")
      : t("This name is taken, or has a meaning of its own");
  });
  name.addEventListener("change", () => {
    const to = name.value.trim();
    wrongName.hidden = true;
    if (to === tool.name || !mayBe(to, editor.program)) return (name.value = tool.name);
    const from = tool.name;
    editor.change(t("Rename {name}", { name: from }), (program) =>
      rename(program, from, to, schema),
    );
    about.renamed(to);
  });
  name.addEventListener("keydown", (event) => {
    if (event.key === "Enter") name.blur();
    if (event.key === "Escape") name.value = tool.name;
  });

  const button = (glyphName, label, act, danger = "") =>
    h(
      `button.button.quiet.icon-only.small${danger}`,
      { type: "button", "aria-label": label, title: label, onclick: act },
      icon(glyphName),
    );
  const move = (by) =>
    editor.change(t("Move {name} in the list", { name: tool.name }), (program) =>
      reorder(program, tool.name, by),
    );
  const up = button("up", t("Move up"), () => move(-1));
  const down = button("down", t("Move down"), () => move(1));
  const twice = button("copy", t("Duplicate"), () => {
    let made = null;
    editor.change(
      t("Duplicate {name}", { name: tool.name }),
      (program) => (made = copy(program, tool.name, schema, about.frame())),
    );
    editor.select(made);
  });
  const away = button(
    "trash",
    t("Delete"),
    () => {
      const users = usersOf(tool.name, editor.program, schema);
      const place = editor.program.tools.findIndex((other) => other.name === tool.name);
      const gone = tool.name;
      editor.change(t("Delete {name}", { name: gone }), (program) => remove(program, gone, schema));
      editor.select(
        editor.program.tools[Math.min(place, editor.program.tools.length - 1)]?.name ?? null,
      );
      const also = [...users.outputs, ...(users.judgement ? [t("judgement")] : []), ...users.tools];
      toast(
        also.length
          ? t("{name} is deleted. Look at what used it: {others}. Undo brings it back.", {
              name: gone,
              others: also.join(", "),
            })
          : t("{name} is deleted. Undo brings it back.", { name: gone }),
        also.length ? "warn" : "",
      );
    },
    ".danger",
  );

  const take = kind.samples
    ? h(
        "button.button.small",
        { type: "button", onclick: doing(() => about.sample()) },
        icon("search"),
        t("Take the colour from the region"),
      )
    : null;
  const value = h("div.measured", { role: "status" });
  const bar = limits({
    preview: about.previewLimits,
    commit: about.limits,
    settle: () => editor.settle(),
    first: () => measured() && firstLimits(tool, measured().value, measured().unit),
  });
  const byValue = h(
    "button.button.small",
    {
      type: "button",
      onclick: () => about.limits(sides(firstLimits(tool, measured().value, measured().unit))),
    },
    t("From this value"),
  );
  const byPictures = h("button.button.small", {
    type: "button",
    onclick: () => about.limits(suggested()),
  });
  const general = h("p.notice.error.small", { role: "alert", hidden: true });
  const lengths = calibrationLink();
  const fields = form(model, {
    ...about,
    root: () => tool,
    others,
    skip: ["name", "low", "high"],
    main: kind.main,
    teach: () => teachCommand(tool.name, tool.kind === "classify" ? "--classes FOLDER" : "FOLDER"),
    untaught: kind.taught ? null : t("Until then it goes by the master alone."),
  });

  function others() {
    const fitting = partners(tool.kind, editor.program, tool.name);
    return editor.program.tools
      .filter((other) => other.name !== tool.name)
      .map((other) => ({ name: other.name, fits: fitting.includes(other.name) }));
  }

  const measured = () => {
    const found = trying.found(tool);
    return Number.isFinite(found?.value) ? found : null;
  };
  // Limits by a rule keep the sides that are in use.
  const sides = (wanted) =>
    wanted.low === null && wanted.high === null ? { low: tool.low, high: tool.high } : wanted;
  const suggested = () => {
    const values = trying.valuesOf(tool);
    const of = (wanted) => values.filter((one) => one.verdict === wanted).map((one) => one.value);
    const good = of("OK");
    const unit = trying.found(tool)?.unit ?? "";
    const found = suggest(good, of("NG"), tool, roomOf(tool, good[0] ?? 0, unit));
    return found && { low: rounded(found.low, found.low), high: rounded(found.high, found.high) };
  };

  return {
    element: h(
      "div.stack.inspector",
      h(
        "div.inspector-head",
        glyph(tool.kind),
        name,
        h("span.muted", kind.title),
        h("div.inspector-acts", up, down, twice, away),
      ),
      wrongName,
      h("p.muted.small.inspector-text", kind.text),
      general,
      h(
        "fieldset.limits-set",
        h("legend", t("Limits")),
        value,
        bar.element,
        h("div.cluster", h("span.small.muted", t("Suggest limits:")), byValue, byPictures),
      ),
      take && h("div", take),
      fields.element,
      lengths.element,
    ),
    kind: tool.kind,
    /**
     * The tool as it is (or is being dragged), its verdict as judged here, its problems [{path,
     * text}].
     */
    update(now, judged, problems) {
      tool = now;
      if (name !== document.activeElement) name.value = tool.name;
      const place = editor.program.tools.findIndex((other) => other.name === tool.name);
      up.disabled = place === 0;
      down.disabled = place === editor.program.tools.length - 1;
      twice.disabled = editor.program.tools.length >= MOST_TOOLS;
      const found = trying.found(tool);
      const values = trying.valuesOf(tool);
      bar.update({
        low: tool.low,
        high: tool.high,
        unit: found?.unit,
        value: judged?.value ?? null,
        verdict: judged?.verdict,
        values,
        problems: problems.filter(({ path }) => ["low", "high"].includes(path[0])),
      });
      show(value, found, judged);
      byValue.parentNode.hidden = !measured();
      byPictures.hidden = !values.some(({ verdict: was }) => was === "OK");
      byPictures.textContent = t("From {count} picture | From {count} pictures", {
        count: values.length,
      });
      const rest = problems.filter(({ path }) => !path.length);
      general.hidden = !rest.length;
      general.textContent = rest.map(({ text }) => t(text)).join(" ");
      fields.update(tool, problems);
      lengths.update(tool);
    },
  };
}

// What was found last, in words.
function show(box, found, judged) {
  box.dataset.stale = String(Boolean(found?.stale));
  if (!found) return put(box, h("span.muted", trying.running ? t("Trying …") : t("Not tried yet")));
  put(
    box,
    verdict(judged?.verdict ?? null),
    found.error
      ? null
      : h(
          "span.measured-value",
          h("strong", number(judged?.value ?? found.value, 4)),
          " ",
          unitText(found.unit),
        ),
    h("span.small.muted", `${number(found.ms, found.ms < 10 ? 2 : 0)} ms`),
    found.text ? h("span.measured-text.mono", found.text) : null,
    found.error
      ? h("p.measured-error", h("strong", found.error.code), " ", spoken(found.error.message))
      : null,
  );
}
