// What a program is, for people: its master with the regions of its tools, its settings, and the
// table of its tools.

import { h, put, s } from "../dom.js";
import { path } from "../editor/geometry.js";
import { KINDS, LOCATORS, kindOf } from "../editor/kinds.js";
import { storedPicture } from "../editor/state.js";
import { failure } from "../told.js";
import { number, t, time } from "../words.js";

/** A card with the master; regions of the tools are drawn on it. */
export function masterCard({ id, version, program }) {
  const body = h(
    "div",
    h("p.empty", program.master ? t("Loading") : t("No master: its tools need none.")),
  );
  const card = h("section.card.master-card", h("h2", t("Master")), body);
  if (program.master) show(body, id, version, program);
  return card;
}

async function show(body, id, version, program) {
  try {
    const { url, width, height } = await storedPicture(
      `/programs/${encodeURIComponent(id)}/master?version=${version}`,
    );
    const shapes = program.tools
      .filter((tool) => tool.region)
      .map((tool) =>
        s("path.region", { d: path(tool.region), "data-tool": tool.name }, s("title", tool.name)),
      );
    const locator = program.locator?.region
      ? s("path.region.locator", { d: path(program.locator.region) }, s("title", t("Locator")))
      : null;
    put(
      body,
      s(
        "svg.master-picture",
        {
          viewBox: `-0.5 -0.5 ${width} ${height}`,
          role: "img",
          "aria-label": t("Master with the regions of {count} tools", { count: shapes.length }),
        },
        s("image", { href: url, x: -0.5, y: -0.5, width, height }),
        locator,
        shapes,
      ),
      h("p.muted.small", `${width} × ${height} px`),
    );
  } catch (error) {
    put(body, h("p.notice.error", failure(error)));
  }
}

/** The settings of a version as a list of terms. */
export function facts({ program, version, hash, saved_at, saved_by, note }) {
  const { camera, locator, judgement, limits_ms, outputs, keep, calibration } = program;
  const words = { all: t("all tools are good"), any: t("at least one tool is good") };
  const modes = { normal: t("normal"), hdr: "HDR", high_gain: t("high gain") };
  const rows = [
    [t("Saved"), t("{time} by {name}", { time: time(saved_at), name: saved_by })],
    [t("Note"), note || "–"],
    [t("OK if"), words[judgement] ?? h("code", judgement)],
    [
      t("Position"),
      locator ? kindOf(locator.kind, LOCATORS).title : t("as the part lies: not located"),
    ],
    [
      t("Camera"),
      [
        camera.exposure_ms === null
          ? t("exposure as it is")
          : t("{ms} ms", { ms: number(camera.exposure_ms, 2) }),
        camera.gain === null
          ? t("gain as it is")
          : t("gain {gain}", { gain: number(camera.gain, 2) }),
        modes[camera.mode],
      ].join(", "),
    ],
    [
      t("Calibration"),
      calibration ? t("{scale} mm a px", { scale: number(calibration.mm_per_px, 5) }) : t("none"),
    ],
    [t("Time limit"), t("{ms} ms", { ms: number(limits_ms) })],
    [
      t("Outputs"),
      Object.keys(outputs).length
        ? h(
            "span.cluster",
            Object.entries(outputs).map(([name, meaning]) =>
              h("span.tag", t("{output}: {meaning}", { output: name, meaning: meant(meaning) })),
            ),
          )
        : t("none"),
    ],
    [
      t("Pictures kept"),
      [
        keep.ng ? t("NG and ERROR") : null,
        keep.ok_every === 1
          ? t("every OK")
          : keep.ok_every
            ? t("every {n}th OK", { n: number(keep.ok_every) })
            : null,
      ]
        .filter(Boolean)
        .join(", ") || t("none"),
    ],
    [t("Hash"), h("code.hash", { title: hash }, hash.slice(7, 19))],
  ];
  return h(
    "dl.facts",
    { dataset: { version } },
    rows.map(([term, value]) => [h("dt", term), h("dd", value)]),
  );
}

/** What an output shows, in words. */
function meant(meaning) {
  const [, name, verdict] = meaning.split(":");
  if (name) return verdict === "ok" ? t("{name} is good", { name }) : t("{name} is bad", { name });
  return (
    {
      ok: t("the part is OK"),
      ng: t("the part is NG"),
      error: t("the part is ERROR"),
      busy: t("busy"),
      always_on: t("always on"),
    }[meaning] ?? meaning
  );
}

/** A row for each tool. */
export function toolsTable({ tools }) {
  if (!tools.length) return h("p.empty", t("It has no tools: every part is an ERROR."));
  const titles = [t("Tool"), t("Kind"), t("Good from"), t("to")];
  return h(
    "div.table-scroll",
    { tabindex: 0, role: "region", "aria-label": t("Tools") },
    h(
      "table.cards",
      h(
        "thead",
        h(
          "tr",
          titles.map((title, n) => h(`th${n > 1 ? ".number" : ""}`, { scope: "col" }, title)),
        ),
      ),
      h(
        "tbody",
        tools.map((tool) => {
          const kind = kindOf(tool.kind, KINDS);
          return h(
            "tr",
            { dataset: { tool: tool.name } },
            h("th", { scope: "row" }, tool.name),
            h(
              "td",
              { "data-label": titles[1] },
              h(
                "span.cluster",
                s(
                  "svg.icon",
                  { viewBox: "0 0 24 24", "aria-hidden": "true" },
                  s("path", { d: kind.icon }),
                ),
                kind.title,
              ),
            ),
            h("td.number", { "data-label": titles[2] }, number(tool.low, 4)),
            h("td.number", { "data-label": titles[3] }, number(tool.high, 4)),
          );
        }),
      ),
    ),
  );
}
