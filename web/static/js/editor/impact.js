// What a save does to parts that were judged before: which of the kept ones change their verdict,
// with their pictures.

import { h, put, verdict } from "../dom.js";
import { failure } from "../told.js";
import { t } from "../words.js";
import { judge } from "./judge.js";
import { editor } from "./state.js";
import { recount, trying } from "./trying.js";

const MOST = 10;
const SHOWN = 6;

/**
 * Gives {element, begin(), stop()}; begin() tries the newest kept pictures of the program, of every
 * station. Throws ApiError.
 */
export function impact() {
  const summary = h("p", { role: "status" }, t("Looking at kept parts …"));
  const pictures = h("ul.impact");
  const element = h(
    "section",
    { dataset: { part: "impact" } },
    h("h3", t("Kept parts whose verdict changes")),
    summary,
    pictures,
  );

  const draw = (done) => {
    const known = trying.pictures
      .filter(({ result }) => result)
      .map((entry) => ({ ...entry, now: judge(entry.result, editor.program, recount).verdict }));
    const changed = known.filter(({ row, now }) => now !== row.verdict);
    if (!done && !changed.length) return;
    summary.textContent = !known.length
      ? t("No part of it is kept, so nobody knows.")
      : changed.length
        ? t("{changed} of {count} change their verdict", {
            changed: changed.length,
            count: known.length,
          })
        : t("All {count} keep their verdict", { count: known.length });
    put(
      pictures,
      changed
        .slice(0, SHOWN)
        .map(({ row, url, now }) =>
          h(
            "li",
            { dataset: { result: row.result_id } },
            url ? h("img", { src: url, alt: "" }) : null,
            h("span.cluster", verdict(row.verdict), "→", verdict(now)),
            h("span.small.muted", row.part_id ?? row.result_id.slice(-8)),
          ),
        ),
    );
  };
  const changes = () => draw(false);

  return {
    element,
    async begin() {
      if (editor.link.node !== "ok")
        return void (summary.textContent = t("The node does not answer: nothing can be tried."));
      trying.addEventListener("change", changes);
      try {
        await trying.tryPictures({ most: MOST, verdict: "", mine: true, station: null });
        draw(true);
      } catch (error) {
        put(summary, failure(error));
      } finally {
        trying.removeEventListener("change", changes);
      }
    },
    stop() {
      trying.stopPictures();
    },
  };
}
