// What is known about a result besides its tools: where it came from, what judged it, where the
// part was.

import { h } from "../dom.js";
import { number, t, time } from "../words.js";

const exact = (utc) =>
  utc ? h("time", { datetime: utc }, time(utc), h("span.muted", `.${utc.slice(20, 23)}`)) : "–";

/** A list of terms. */
export function facts(result) {
  const { pose, meta } = result;
  const rows = [
    [t("Part"), h("span.mono", result.part_id ?? "–")],
    [t("Station"), `${result.station}, ${t("number {seq}", { seq: number(result.seq) })}`],
    [t("Program"), program(result)],
    [t("Trigger"), [t(result.source), " ", h("span.mono", result.trigger_id)]],
    [t("Received"), exact(result.received_at)],
    [t("Exposed"), exact(result.captured_at)],
    [t("Finished"), exact(result.finished_at)],
    [
      t("Position"),
      pose
        ? t("x {x} px, y {y} px, {angle}°, scale {scale}, score {score}", {
            x: number(pose.x, 1),
            y: number(pose.y, 1),
            angle: number(pose.angle_deg, 2),
            scale: number(pose.scale, 3),
            score: number(pose.score, 3),
          })
        : "–",
    ],
    ...(Number.isFinite(pose?.runner_up)
      ? [[t("Next best place"), t("score {score}", { score: number(pose.runner_up, 3) })]]
      : []),
    [
      t("Output lines"),
      { ok: t("driven"), error: h("span.tag.bad", t("failed")), none: t("none") }[result.outputs],
    ],
    ...Object.entries(meta ?? {}).map(([key, value]) => [
      key,
      h("span.mono", typeof value === "string" ? value : JSON.stringify(value)),
    ]),
    [t("Result id"), h("span.mono", result.result_id)],
    [t("Node"), result.node],
  ];
  return h(
    "dl.facts",
    rows.flatMap(([term, value]) => [h("dt", term), h("dd", value)]),
  );
}

function program({ program: id, program_version: version, newest_version: newest }) {
  if (id === null) return t("none");
  const name = version === null ? id : `${id} v${version}`;
  if (newest === null) return [name, " ", h("span.tag.warn", t("deleted since"))];
  const link = h(
    "a",
    {
      href: `/app/programs/${encodeURIComponent(id)}${version === null ? "" : `?version=${version}`}`,
    },
    name,
  );
  return [
    link,
    " ",
    version === newest
      ? h("span.tag", t("newest version"))
      : h("span.tag.warn", t("now version {version}", { version: newest })),
  ];
}
