// The lists that filters choose from. A value that the address names but no list knows (a deleted
// program) is added.

import { h } from "../dom.js";
import { t } from "../words.js";

/**
 * Fill a <select> with [value, text] pairs behind its first option "all"; keeps or sets its value.
 */
export function fill(select, pairs, value = select.value) {
  const known = value === "" || pairs.some(([key]) => key === value);
  const all = known ? pairs : [...pairs, [value, value]];
  select.replaceChildren(
    select.options[0],
    ...all.map(([key, text]) => h("option", { value: key }, text)),
  );
  select.value = value;
}

/** Tools of one program, or of all: name to {kind, unit}. */
export function toolsOf(programs, program) {
  const found = new Map();
  for (const { id, tools } of programs)
    if (!program || id === program)
      for (const tool of tools) if (!found.has(tool.name)) found.set(tool.name, tool);
  return found;
}

/**
 * Fill the lists of a form that it has (station, program, code, tool) with what GET
 * /results/choices gives, and set them to the filter.
 */
export function offer(form, { stations, programs, codes }, filter) {
  const { station, program, code, tool } = form.elements;
  fill(
    station,
    stations.map((id) => [id, id]),
    filter.station ?? "",
  );
  fill(
    program,
    programs.map(({ id, name }) => [id, name]),
    filter.program ?? "",
  );
  if (code)
    fill(
      code,
      codes.map(({ code: each, message }) => [each, message ? `${each} – ${t(message)}` : each]),
      filter.code ?? "",
    );
  if (tool)
    fill(
      tool,
      [...toolsOf(programs, filter.program).keys()].sort().map((name) => [name, name]),
      filter.tool ?? "",
    );
}
