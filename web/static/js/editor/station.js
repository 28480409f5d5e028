// The choice of the station whose camera is looked through.

import { h, put } from "../dom.js";
import { t } from "../words.js";
import { editor } from "./state.js";

/** A field that follows `editor.station` and sets it. */
export function stationField() {
  const select = h("select", { name: "station", onchange: () => editor.setStation(select.value) });
  const draw = () => {
    put(
      select,
      editor.stations.map(({ id, program }) =>
        h(
          "option",
          { value: id, selected: id === editor.station },
          program ? t("{station} (runs {program})", { station: id, program }) : id,
        ),
      ),
    );
    if (editor.station) select.value = editor.station;
  };
  editor.addEventListener("station", draw);
  draw();
  return h("label.field", h("span", t("Station")), select);
}
