// The choice of a range of time: a list of quick ones, and two fields for one of one's own.

import { h } from "../dom.js";
import { t } from "../words.js";
import { choices, fromLocal, toLocal } from "./times.js";

/**
 * Fill a <select> and show or hide the fields `from` and `to` behind it; `changed()` is called when
 * the range is another.
 */
export function rangeFields(select, from, to, changed, all = "") {
  select.replaceChildren(...choices(all).map(([value, text]) => h("option", { value }, text)));
  const own = () => {
    const hidden = select.value !== "own";
    for (const input of [from, to]) input.closest(".field").hidden = hidden;
    return !hidden;
  };
  select.addEventListener("change", () => {
    if (own() && !from.value) from.value = toLocal(new Date(Date.now() - 3600e3).toISOString());
    changed();
  });
  for (const input of [from, to])
    input.addEventListener("change", () => {
      to.setCustomValidity(
        from.value && to.value && from.value >= to.value
          ? t("The end is before the beginning")
          : "",
      );
      if (to.reportValidity()) changed();
    });
  return {
    /** @param {{range?: string, since?: string, until?: string}} wanted */
    show({ range, since, until }) {
      select.value =
        range && [...select.options].some(({ value }) => value === range)
          ? range
          : since || until
            ? "own"
            : all;
      [from.value, to.value] = [toLocal(since), toLocal(until)];
      own();
    },
    read() {
      if (select.value !== "own") return select.value ? { range: select.value } : {};
      return Object.fromEntries(
        Object.entries({ since: fromLocal(from.value), until: fromLocal(to.value) }).filter(
          ([, value]) => value,
        ),
      );
    },
  };
}
