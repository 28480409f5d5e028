// Results as rows of a table and as tiles with large pictures; both link to the result.

import { h, icon, verdict } from "../dom.js";
import { whyText } from "../why.js";
import { number, t, time } from "../words.js";

const address = (row) => `/app/history/${encodeURIComponent(row.result_id)}`;
const program = (row) =>
  row.program === null
    ? "–"
    : row.program_version === null
      ? row.program
      : `${row.program} v${row.program_version}`;

/** One row of the table. */
export function tableRow(row) {
  const cell = (label, ...rest) => h("td", { "data-label": label }, ...rest);
  return h(
    "tr.link",
    { dataset: { result: row.result_id } },
    h("td.thumb-cell", thumb(row)),
    cell(t("Verdict"), verdict(row.verdict)),
    cell(t("Time"), h("a.nowrap", { href: address(row), "data-open": "" }, time(row.finished_at))),
    cell(t("Station"), row.station),
    cell(t("Part"), h("span.mono", row.part_id ?? "–")),
    cell(t("Program"), program(row)),
    cell(t("Why"), reason(row) ?? h("span.no-code", "–")),
    h("td.number", { "data-label": t("Duration") }, `${number(row.duration_ms, 1)} ms`),
  );
}

// What a part was rejected for: by a tool, else by the code of its error.
function reason(row) {
  if (!row.code && !row.why) return null;
  return h(
    "span.reason",
    row.code ? h("span.tag.warn", row.code) : null,
    row.why ? h("span", whyText(row.why)) : null,
  );
}

/** One tile. */
export function tile(row) {
  return h(
    "li",
    { dataset: { result: row.result_id } },
    h(
      "a.tile",
      { href: address(row), "data-open": "" },
      thumb(row),
      verdict(row.verdict),
      h(
        "span.tile-text",
        h("strong", time(row.finished_at, { date: false })),
        h("span", row.station),
        h("span.mono", row.part_id ?? ""),
        reason(row),
      ),
    ),
  );
}

// The picture is loaded when it comes into sight; where none is kept the place stays, so that
// nothing jumps.
function thumb(row) {
  const none = () =>
    h(
      "span.no-picture",
      { title: t("No picture kept") },
      icon("camera"),
      h("span.visually-hidden", t("No picture kept")),
    );
  const box = h("span.thumb", { dataset: { verdict: row.verdict } });
  const name = row.images?.annotated ?? row.images?.raw;
  if (!name) box.append(none());
  else {
    const image = h("img", {
      src: `/api/v1/pictures/${row.images.annotated ? `${row.result_id}.thumb.jpg` : name}`,
      alt: "",
      loading: "lazy",
      decoding: "async",
      width: 96,
      height: 72,
    });
    image.addEventListener("error", () => box.replaceChildren(none()));
    box.append(image);
  }
  return box;
}

/**
 * Arrow keys, Home and End move between the results of a list while one of them has the focus; a
 * click anywhere on a row opens it.
 */
export function keys(list) {
  list.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("[data-open]")];
    const at = links.indexOf(event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const wide = list.matches("ul")
      ? Math.max(1, Math.round(list.clientWidth / links[0].clientWidth))
      : 1;
    const sideways = wide > 1 ? { ArrowLeft: at - 1, ArrowRight: at + 1 } : {};
    const to = {
      ArrowDown: at + wide,
      ArrowUp: at - wide,
      Home: 0,
      End: links.length - 1,
      ...sideways,
    }[event.key];
    if (to === undefined || !links[to]) return;
    event.preventDefault();
    links[to].focus();
    links[to].scrollIntoView({ block: "nearest" });
  });
  list.addEventListener("click", (event) => {
    const row = event.target.closest("tr.link");
    if (!row || event.target.closest("a, button") || getSelection().toString()) return;
    const link = row.querySelector("[data-open]");
    if (event.ctrlKey || event.metaKey) open(link.href, "_blank", "noopener");
    else link.click();
  });
}
