// What operators do at a station: trigger one part, choose the program, pause, count from zero.

import { may, post, put as send } from "../api.js";
import { complain, confirm, doing, toast } from "../dialog.js";
import { h, icon, put } from "../dom.js";
import { t } from "../words.js";
import { choose, MANY } from "./choosing.js";
import { mayEnd } from "./maintenance.js";

/** The row of actions of a station; `changed` is called after each. */
export class Actions {
  constructor(station, changed) {
    this.station = station;
    this.changed = changed;
    this.shown = may("OPERATOR");
    this.programs = null; // those that the list shows
    this.active = null; // what was drawn last
    this.part = h("input", {
      name: "part_id",
      autocomplete: "off",
      maxlength: 120,
      placeholder: t("Part id (optional)"),
      "aria-label": t("Part id (optional)"),
    });
    this.go = h(
      "button.button.primary",
      { type: "submit" },
      icon("trigger"),
      h("span", t("Trigger")),
    );
    this.trigger = h(
      "form.trigger",
      { "aria-label": t("Inspect one part at {station}", { station }) },
      this.part,
      this.go,
    );
    this.trigger.addEventListener("submit", (event) => this.inspect(event));
    this.select = h("select", {
      "aria-label": t("Program of {station}", { station }),
      onchange: () =>
        this.change({
          id: this.select.value,
          name: this.select.selectedOptions[0].textContent,
        }),
    });
    this.pick = h("button.button.pick", {
      type: "button",
      hidden: true,
      "aria-label": t("Program of {station}", { station }),
      onclick: doing(() => this.among()),
    });
    this.pause = h(
      "button.button",
      { type: "button", onclick: doing(() => this.halt()) },
      icon("pause"),
      h("span", t("Pause")),
    );
    this.reset = h(
      "button.button.quiet.reset",
      { type: "button", title: t("Reset counters"), onclick: () => this.zero() },
      icon("refresh"),
      h("span", t("Reset counters")),
    );
    this.element = this.shown
      ? h("div.operate", this.trigger, this.select, this.pick, this.pause, this.reset)
      : null;
  }

  /** Show what the station does now: its state (null: unknown) and the programs there are. */
  draw(state, programs) {
    if (!this.shown) return;
    const active = state?.program;
    if (programs !== this.programs || active !== this.active) {
      Object.assign(this, { programs, active });
      const known = programs.find(({ id }) => id === state?.program);
      const many = programs.length > MANY;
      this.select.hidden = many;
      this.pick.hidden = !many;
      put(this.pick, h("span", known?.name ?? state?.program ?? t("No program")), icon("down"));
      const rows = many
        ? []
        : known
          ? programs
          : [{ id: state?.program ?? "", name: state?.program ?? t("No program") }, ...programs];
      put(
        this.select,
        rows.map(({ id, name }) =>
          h("option", { value: id, selected: id === state?.program }, name),
        ),
      );
      this.select.value = state?.program ?? "";
    }
    const paused = state?.state === "Halted";
    const tested = Boolean(state?.maintenance);
    if (this.tested !== tested)
      this.pause.title =
        (this.tested = tested) && !may("ADMIN")
          ? t(
              "The station is in maintenance. The person who began it can end it, or another administrator.",
            )
          : "";
    if (this.paused !== paused) {
      this.paused = paused;
      put(this.pause, icon(paused ? "run" : "pause"), h("span", paused ? t("Resume") : t("Pause")));
    }
    for (const control of [this.go, this.part, this.select, this.pick, this.pause]) {
      const off =
        !state ||
        (paused && (control === this.go || control === this.part)) ||
        (tested && control === this.pause && !may("ADMIN"));
      if (control.disabled !== off && control.getAttribute("aria-busy") !== "true")
        control.disabled = off;
    }
  }

  async inspect(event) {
    event.preventDefault();
    const part_id = this.part.value.trim() || undefined;
    this.part.value = "";
    this.part.focus(); // the next part is scanned into it
    try {
      await post(`/stations/${this.station}/trigger`, { part_id, wait: false });
    } catch (error) {
      complain(error);
    }
  }

  async among() {
    const program = await choose(this.programs, this.active);
    if (program && program.id !== this.active) await this.change(program);
  }

  async change({ id, name }) {
    if (
      await confirm(
        t("Change the program of {station}?", { station: this.station }),
        t("The next part is judged by “{name}”.", { name }),
        { yes: t("Change") },
      )
    ) {
      try {
        await send(`/stations/${this.station}/program`, { program: id });
      } catch (error) {
        complain(error);
      }
    }
    this.programs = null; // shows the one that is active, whatever came of it
    this.changed();
  }

  async halt() {
    if (this.tested && !(await mayEnd(this.station))) return;
    await post(`/stations/${this.station}/${this.paused ? "resume" : "pause"}`);
  }

  async zero() {
    if (
      !(await confirm(
        t("Count from zero at {station}?", { station: this.station }),
        t("The results stay in the history."),
        { yes: t("Reset counters") },
      ))
    )
      return;
    try {
      await post(`/stations/${this.station}/counters/reset`);
      toast(t("{station} counts from zero", { station: this.station }));
    } catch (error) {
      complain(error);
    }
    this.changed();
  }
}
