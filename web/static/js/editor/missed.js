// What would this program miss? Faults drawn on the picture of a good part, inspected by the node
// slice by slice while one goes on.

import { ApiError } from "../api.js";
import { complain } from "../dialog.js";
import { h, icon, put } from "../dom.js";
import { t } from "../words.js";
import { blobOf, editor } from "./state.js";
import { trying } from "./trying.js";

/** Gives {element, update()}. */
export function missedPanel() {
  const go = h(
    "button.button",
    { type: "button", dataset: { act: "challenge" }, onclick: () => run() },
    icon("warning"),
    t("What would this program miss?"),
  );
  const stop = h(
    "button.button",
    { type: "button", hidden: true, onclick: () => stopping?.abort() },
    t("Stop"),
  );
  const progress = h("progress", { hidden: true, "aria-label": t("Faults inspected") });
  const summary = h("p", { role: "status" });
  const list = h("ul.missed-list");
  let stopping = null;
  let asked = null; // the program and the master that were asked about
  let counts = null; // {done, of, missed, never}
  let urls = [];

  async function run() {
    stopping = new AbortController();
    const { signal } = stopping;
    const program = editor.program;
    asked = { program, master: editor.master };
    counts = { done: 0, of: 0, missed: 0, never: 0 };
    urls.forEach((url) => URL.revokeObjectURL(url));
    urls = [];
    put(list);
    update();
    try {
      const image = await trying.good();
      for (let first = 0; first !== null && !signal.aborted; ) {
        const [found] = await editor.try({
          ...image,
          program: { ...program },
          challenge: first,
          signal,
        });
        if (found.problem) throw new ApiError(found.problem, t("The picture is not kept any more"));
        const missed = found.outcomes.filter(({ verdict }) => verdict === "OK");
        counts = {
          done: counts.done + found.outcomes.length,
          of: found.of,
          missed: counts.missed + missed.length,
          never: counts.never + missed.filter(({ never }) => never).length,
        };
        for (const each of missed) list[each.never ? "prepend" : "append"](entry(each));
        first = found.next;
        update();
      }
    } catch (error) {
      if (error.name !== "AbortError") complain(error);
    }
    stopping = null;
    update();
  }

  function entry({ kind, tool, never, picture }) {
    const url = URL.createObjectURL(blobOf(picture, "image/jpeg"));
    urls.push(url);
    const name = named(kind);
    return h(
      "li.missed",
      { dataset: { fault: kind, never: String(never) } },
      h(
        "a",
        { href: url, target: "_blank", rel: "noopener" },
        h("img", {
          src: url,
          alt: t("Drawn fault that came out OK: {name}", { name }),
          loading: "lazy",
        }),
      ),
      h(
        "span",
        h("strong", name),
        tool ? ` · ${tool}` : "",
        " ",
        never ? h("span.tag.bad", t("must never be OK")) : null,
      ),
    );
  }

  function update() {
    const running = stopping !== null;
    const stale = asked && (asked.program !== editor.program || asked.master !== editor.master);
    go.disabled = running || editor.link.node !== "ok" || editor.program.tools.length === 0;
    stop.hidden = progress.hidden = !running;
    if (counts?.of) Object.assign(progress, { max: counts.of, value: counts.done });
    else progress.removeAttribute("value");
    const { done = 0, of = 0, missed = 0, never = 0 } = counts ?? {};
    const now = !of
      ? running
        ? t("Drawing faults …")
        : ""
      : missed
        ? t("{missed} of {done} drawn faults came out OK", { missed, done })
        : t("None of {done} drawn faults came out OK", { done });
    const state = JSON.stringify([now, never, running, stale, done < of]);
    if (state === summary.dataset.state) return;
    summary.dataset.state = state;
    put(
      summary,
      !now
        ? ""
        : h(
            "span.cluster",
            h("strong", now),
            never ? h("span.tag.bad", t("{never} of pictures without the part", { never })) : null,
            !running && of && done < of
              ? h("span.tag.warn", t("Stopped after {done} of {of}", { done, of }))
              : null,
            stale ? h("span.tag.warn", t("Settings have changed since: try again")) : null,
          ),
    );
  }

  const honest = h(
    "p.small.muted",
    t(
      "Faults are drawn on the picture of a good part, which is then inspected like any part. Drawn faults are not real ones: what is caught here may still be missed on the line. A program need not see all of them, such as less light or a little blur; look at each for yourself.",
    ),
  );
  return {
    element: h(
      "section.card.pictures.missed-panel",
      { "aria-labelledby": "missed-title" },
      h("h2", { id: "missed-title" }, t("Second opinion")),
      honest,
      h("div.row", h("div.cluster", go, stop), progress),
      summary,
      list,
    ),
    update,
  };
}

// The node's name of a fault in the page's language.
function named(kind) {
  const size = /^size (\d+)%$/.exec(kind);
  if (size) return t("size {share} %", { share: size[1] });
  const moved = /^its feature moved by (\d+) px$/.exec(kind);
  if (moved) return t("its feature moved by {count} px", { count: moved[1] });
  const camera = /^camera moved by (\d+) px$/.exec(kind);
  if (camera) return t("camera moved by {count} px", { count: camera[1] });
  const names = {
    "one colour": t("one colour"),
    black: t("all black"),
    white: t("all white"),
    noise: t("noise only"),
    "part missing": t("part missing"),
    "half missing": t("half of the part missing"),
    "another part": t("another part"),
    "turned by 180 degrees": t("turned by 180 degrees"),
    mirrored: t("mirrored"),
    "second part": t("a second part"),
    blurred: t("blurred"),
    "lamp -30 %": t("lamp 30 % darker"),
    "haze on the lens": t("haze on the lens"),
    "one side unlit": t("one side unlit"),
    "drop on the lens": t("a drop on the lens"),
    "label over left half": t("a label over the left half"),
    "label over right half": t("a label over the right half"),
    "finger in the picture": t("a finger in the picture"),
    dust: t("dust"),
    "motion blur": t("blurred by motion"),
    "camera turned by 1 degree": t("camera turned by 1 degree"),
    "colour cast": t("light of another colour"),
    "second part half in view": t("a second part half in view"),
    hair: t("a hair"),
    "half of the picture gray": t("half of the picture gray"),
    "blue burnt out": t("blue burnt out"),
    "green burnt out": t("green burnt out"),
    "red burnt out": t("red burnt out"),
    stain: t("a stain"),
    hole: t("a hole"),
    scratch: t("a scratch"),
    "its feature missing": t("its feature missing"),
  };
  return names[kind] ?? kind;
}
