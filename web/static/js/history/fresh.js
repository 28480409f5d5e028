// Whether a new result belongs to a filter, without asking the server.

import { bounds } from "./times.js";

/** Whether a result of the event stream fulfils a filter of the address. */
export function fits(result, filter) {
  const { since, until } = bounds(filter.range, filter.since, filter.until);
  if ((since && result.finished_at < since) || (until && result.finished_at >= until)) return false;
  for (const name of ["station", "verdict", "program", "part_id"])
    if (filter[name] && filter[name] !== result[name]) return false;
  if (filter.code && filter.code !== result.error?.code) return false;
  return (
    !filter.tool || result.tools.some((tool) => tool.name === filter.tool && toolFits(tool, filter))
  );
}

function toolFits({ verdict, value }, { tool_verdict, tool_low, tool_high }) {
  if (tool_verdict && verdict !== tool_verdict) return false;
  if (!tool_low && !tool_high) return true;
  return (
    value !== null &&
    (!tool_low || value >= Number(tool_low)) &&
    (!tool_high || value <= Number(tool_high))
  );
}
