// What the filters say, in the address of the page: shareable, and the back button undoes a choice.

import { bounds } from "./times.js";

export const CONDITIONS = [
  "station",
  "verdict",
  "program",
  "part_id",
  "code",
  "tool",
  "tool_low",
  "tool_high",
  "tool_verdict",
];
const TIMES = ["range", "since", "until"];

/** The filter in an address: name to text, without what is empty. */
export function read(search = location.search, names = CONDITIONS) {
  const given = new URLSearchParams(search);
  return Object.fromEntries(
    [...TIMES, ...names].filter((name) => given.get(name)).map((name) => [name, given.get(name)]),
  );
}

/** An address of a page with a filter and more. */
export function address(path, filter) {
  const query = new URLSearchParams(
    Object.entries(filter).filter(
      ([, value]) => value !== "" && value !== null && value !== undefined,
    ),
  );
  return `${path}${query.size ? `?${query}` : ""}`;
}

/** The filter as the API takes it: with its times as they are now. */
export function asked(filter) {
  const { range, since, until, ...rest } = filter;
  return { ...bounds(range, since, until), ...rest };
}
