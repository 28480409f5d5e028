// How the part is found: no locator, a pattern, two marks or a corner, each with the settings of
// its schema.

import { h, put, s } from "../dom.js";
import { spoken } from "../told.js";
import { number, t } from "../words.js";
import { form } from "./form.js";
import { converted, into } from "./geometry.js";
import { kindOf, LOCATORS } from "./kinds.js";
import { fresh, locatorKinds } from "./schema.js";
import { editor } from "./state.js";
import { teachCommand } from "./teach_command.js";
import { trying } from "./trying.js";

/** A locator of a kind to begin with. */
export function begin(kind, frame) {
  const schema = locatorKinds(editor.schema)[kind];
  const [w, h_] = [Math.round(frame.width / 6), Math.round(frame.height / 6)];
  const at = (x, y, width = w, height = h_) =>
    into(
      {
        shape: "rectangle",
        x: Math.round(frame.width * x - width / 2),
        y: Math.round(frame.height * y - height / 2),
        width,
        height,
      },
      frame,
    );
  const turned = (x, y, width, height) => converted(at(x, y, width, height), "rotated");
  const given = { kind };
  if (kind === "pattern")
    given.region = at(0.5, 0.5, Math.round(frame.width / 4), Math.round(frame.height / 4));
  if (kind === "marks")
    Object.assign(given, {
      first: { region: at(0.25, 0.5), search: null },
      second: { region: at(0.75, 0.5), search: null },
    });
  if (kind === "corner")
    Object.assign(given, {
      first: turned(0.25, 0.5),
      second: { ...turned(0.5, 0.25, h_, w), angle_deg: 90 },
    });
  return fresh(schema, { resolve: editor.schema.resolve, frame, given });
}

/**
 * The panel of the locator. `about` as in form.js; `choose(kind or null)` takes another one. Gives
 * {element, update()}.
 */
export function panel(about, choose) {
  const order = Object.keys(LOCATORS);
  const kinds = Object.keys(locatorKinds(editor.schema)).sort(
    (a, b) => order.indexOf(a) - order.indexOf(b),
  );
  const none = {
    title: t("None"),
    text: t("Parts always lie in exactly the same place."),
    icon: "M5 5l14 14M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z",
  };
  const cards = [null, ...kinds].map((kind) => {
    const { title, text, icon } = kind ? kindOf(kind, LOCATORS) : none;
    const input = h("input", {
      type: "radio",
      name: "locator-kind",
      value: kind ?? "",
      onchange: () => choose(kind),
    });
    return [
      kind,
      input,
      h(
        "label.kind-card",
        input,
        s("svg.icon", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: icon })),
        h("span", h("strong", title), h("small", text)),
      ),
    ];
  });
  const found = h("div.found", { role: "status" });
  const body = h("div");
  let built = null;
  let fields = null;
  return {
    element: h(
      "div.stack",
      h(
        "fieldset.kind-cards",
        h("legend", t("How is the part found?")),
        cards.map(([, , card]) => card),
      ),
      found,
      body,
    ),
    update(locator, problems) {
      const kind = locator?.kind ?? null;
      for (const [other, input] of cards) input.checked = other === kind;
      if (kind !== built) {
        built = kind;
        fields = kind
          ? form(locatorKinds(editor.schema)[kind], {
              ...about,
              teach: () => teachCommand("locator", "FOLDER"),
              untaught: t("Until then the whole region counts."),
              skip: ["kind"],
              main: ["search", "angle_deg", "low", "contrast_low"],
            })
          : null;
        put(
          body,
          fields?.element ??
            h(
              "p.muted",
              t(
                "Tools look where they were drawn. If parts are not held in place, choose a locator: then all regions follow the part.",
              ),
            ),
        );
      }
      fields?.update(locator, problems);
      put(found, kind ? said() : null);
    },
  };
}

/** What the last try says of the place of the part. */
function said() {
  const result = trying.last?.result;
  if (!result) return null;
  if (result.pose && trying.last.program.locator) {
    const { x, y, angle_deg, scale, score, runner_up: next } = result.pose;
    const turned = angle_deg || scale !== 1;
    return h(
      "p.notice.good",
      h("strong", t("Found, score {score}", { score: number(score, 3) })),
      h("br"),
      turned
        ? t("at x {x}, y {y}, turned by {angle}°, size {scale} %", {
            x: number(x, 1),
            y: number(y, 1),
            angle: number(angle_deg, 2),
            scale: number(scale * 100, 1),
          })
        : t("at x {x}, y {y}", { x: number(x, 1), y: number(y, 1) }),
      Number.isFinite(next)
        ? [h("br"), t("Next best place: score {score}", { score: number(next, 3) })]
        : null,
    );
  }
  return result.error && !result.tools?.length
    ? h("p.notice.error", h("strong", result.error.code), " ", spoken(result.error.message))
    : null;
}
