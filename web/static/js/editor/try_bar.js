// The line below the picture: on what is tried, and what came of it.

import { busy, complain } from "../dialog.js";
import { h, icon, put, verdict } from "../dom.js";
import { failure, spoken } from "../told.js";
import { number, t, time } from "../words.js";
import { problemsOf } from "./refusals.js";
import { base64Of, editor } from "./state.js";
import { trying } from "./trying.js";

export class TryBar {
  constructor(show) {
    this.source = h("select", { "aria-label": t("Picture to try on") });
    this.file = h("input", {
      type: "file",
      accept: "image/png,image/jpeg",
      hidden: true,
      tabindex: -1,
      "aria-hidden": "true",
    });
    this.button = h(
      "button.button.primary",
      { type: "button", dataset: { act: "try" } },
      icon("run"),
      t("Try"),
    );
    this.auto = h("input", { type: "checkbox", checked: trying.auto });
    this.verdict = h("div.try-verdict", { role: "status" });
    this.error = h("p.wrong", { role: "alert", hidden: true });
    this.element = h(
      "div.try-bar",
      h(
        "div.cluster",
        h("label.cluster", h("span", t("Try on")), this.source),
        this.button,
        h("label.cluster.try-auto", this.auto, h("span", t("after every change"))),
        this.file,
      ),
      this.error,
    );
    this.source.addEventListener("change", () => {
      const { value } = this.source;
      if (value !== "image")
        return trying.from(value === "result" ? this.picture : { kind: value });
      this.source.value = trying.source.kind;
      this.file.click();
    });
    this.file.addEventListener("change", async () => {
      const [file] = this.file.files;
      this.file.value = "";
      if (file) trying.from({ kind: "image", base64: await base64Of(file), name: file.name });
    });
    this.auto.addEventListener("change", () => (trying.auto = this.auto.checked));
    this.button.addEventListener("click", () =>
      busy(this.button, async () => {
        await trying.now();
        if (trying.last?.url && !trying.error) show("result");
      }).catch(complain),
    );
  }

  update(judged) {
    const { source, last, error, running } = trying;
    const rows = [
      ["master", t("Master image")],
      ["live", t("Live picture of {station}", { station: editor.station ?? "–" })],
      ["image", source.kind === "image" ? source.name : t("Upload a picture …")],
    ];
    if (source.kind === "image") rows.push(["image ", t("Upload another picture …")]);
    if (source.kind === "result") this.picture = source; // stays to be chosen again
    if (this.picture) rows.push(["result", t("Picture of {name}", { name: this.picture.name })]);
    const state = JSON.stringify(rows);
    if (state !== this.drawn) {
      this.drawn = state;
      put(
        this.source,
        rows.map(([value, text]) => h("option", { value: value.trim() }, text)),
      );
    }
    this.source.selectedIndex = rows.findIndex(([value]) => value === source.kind);
    const away = editor.link.node !== "ok";
    this.button.disabled =
      away ||
      !(editor.program.tools.length || editor.program.locator) ||
      this.button.hasAttribute("aria-busy");
    this.element.dataset.running = String(running);
    const { result } = last ?? {};
    const names = Object.keys(trying.problems.tools);
    const now = error
      ? h(
          "span.tag.bad",
          names.length
            ? t("Cannot be used: {names}", { names: names.join(", ") })
            : t("Could not be tried"),
        )
      : !editor.program.tools.length
        ? h("span.muted", t("Add a tool, then try it."))
        : away && !last
          ? h("span.muted", t("The node does not answer: nothing can be tried."))
          : !last
            ? h("span.muted", running ? t("Trying …") : t("Not tried yet"))
            : h(
                "span.cluster",
                verdict(judged.verdict),
                judged.code ? h("strong", judged.code) : null,
                h(
                  "span.small.muted",
                  `${number(result.duration_ms, 0)} ms`,
                  h("span.wide-only", " · ", time(result.finished_at, { date: false })),
                ),
                result.simulated && last.source.kind === "live"
                  ? h("span.tag.simulated", t("Simulated"))
                  : null,
              );
    const said = error
      ? null
      : result?.error && judged.verdict === "ERROR"
        ? result.error.message
        : null;
    const key = JSON.stringify([
      judged,
      result?.result_id,
      running && !last,
      away,
      editor.program.tools.length,
      error?.message,
      trying.problems.tools,
    ]);
    if (key === this.said) return;
    this.said = key;
    put(this.verdict, now);
    this.error.hidden = !error && !said;
    put(
      this.error,
      !error
        ? said && spoken(said)
        : names.length
          ? names.map((name) => [
              h("button.button.link", { type: "button", onclick: () => editor.select(name) }, name),
              ": ",
              problemsOf(name).map(({ text }) => [spoken(text), " "]),
              " ",
            ])
          : failure(error),
    );
  }
}
