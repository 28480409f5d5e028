// What the newest version of a program says about the picture of a result, beside what was said
// then.

import { get, post } from "../api.js";
import { open } from "../dialog.js";
import { h, verdict } from "../dom.js";
import { spoken } from "../told.js";
import { number, t } from "../words.js";

/** Try, and show it in a dialog. Nothing is stored and no line is driven. */
export async function tryNewest(result) {
  const [{ version }, [tried]] = await Promise.all([
    get(`/programs/${encodeURIComponent(result.program)}`),
    post(
      "/programs/try",
      { station: result.station, program: result.program, results: [result.result_id] },
      { limit_ms: 60000 },
    ),
  ]);
  if (tried.problem) throw new Error(t("The picture is not kept any more."));
  const now = tried.result ?? tried;
  const names = [...new Set([...result.tools, ...now.tools].map(({ name }) => name))];
  const of = (tools, name) => tools.find((tool) => tool.name === name);
  const cell = (tool) => (tool ? [number(tool.value, 4), " ", verdict(tool.verdict)] : "–");
  open(
    t("With version {version}", { version }),
    [
      h("p", t("Nothing is stored and no output is driven.")),
      now.error ? h("p.notice.error", `${now.error.code}: `, spoken(now.error.message)) : null,
      h(
        "div.table-scroll",
        h(
          "table.tried",
          h(
            "thead",
            h(
              "tr",
              h("th", { scope: "col" }, t("Tool")),
              h(
                "th",
                { scope: "col" },
                t("Then, version {version}", { version: result.program_version ?? "–" }),
              ),
              h("th", { scope: "col" }, t("Now, version {version}", { version })),
            ),
          ),
          h(
            "tbody",
            h(
              "tr",
              h("th", { scope: "row" }, t("Verdict")),
              h("td", verdict(result.verdict)),
              h("td", verdict(now.verdict)),
            ),
            names.map((name) =>
              h(
                "tr",
                h("th", { scope: "row" }, name),
                h("td", cell(of(result.tools, name))),
                h("td", cell(of(now.tools, name))),
              ),
            ),
          ),
        ),
      ),
      tried.annotated
        ? h(
            "p.picture",
            h("img", {
              src: `data:image/jpeg;base64,${tried.annotated}`,
              alt: t("The picture with what the tools found now"),
            }),
          )
        : null,
    ],
    { wide: true },
  );
}
