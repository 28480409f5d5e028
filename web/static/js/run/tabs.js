// Which stations are shown: all as tiles or cards, or one of them. Nothing here leaves the page, which
// would end the full screen.

import { h, put } from "../dom.js";
import { t } from "../words.js";

const FEW = 4; // of as many each has a card and a button of its own

/** Where a station stands alone, or where all of them are; `view` is tiles or cards, null: what fits. */
export function address(station, view = null) {
  if (station) return `/app/run?station=${encodeURIComponent(station)}`;
  return view ? `/app/run?view=${view}` : "/app/run";
}

/** What the address asks for: {view: "tiles", "cards" or "single", shown}. */
export function asked(stations) {
  const query = new URLSearchParams(location.search);
  const wanted = query.get("station");
  if (stations.includes(wanted)) return { view: "single", shown: [wanted] };
  if (stations.length === 1) return { view: "single", shown: stations };
  const fitting = stations.length > FEW ? "tiles" : "cards";
  const view = ["tiles", "cards"].includes(query.get("view")) ? query.get("view") : fitting;
  return { view, shown: stations };
}

/** The buttons above: all, each of a few or a list of many, and the other view; `go(href)` opens one. */
export function draw(element, stations, { view, shown }, go) {
  const one = view === "single" ? shown[0] : null;
  const link = (href, text, current) =>
    h("a.button", { href, dataset: { open: "" }, "aria-current": current ? "page" : null }, text);
  element.hidden = stations.length < 2;
  const other = view === "tiles" ? "cards" : "tiles";
  put(
    element,
    link(address(null), t("All stations"), one === null),
    stations.length <= FEW
      ? stations.map((station) => link(address(station), station, station === one))
      : list(stations, one, go),
    one ? null : link(address(null, other), other === "cards" ? t("As cards") : t("As tiles")),
  );
}

function list(stations, one, go) {
  const option = (station) => h("option", { value: station, selected: station === one }, station);
  return h(
    "select",
    {
      "aria-label": t("Station"),
      onchange: ({ target }) => go(address(target.value || null)),
    },
    h("option", { value: "" }, t("Choose a station")),
    stations.map(option),
  );
}
