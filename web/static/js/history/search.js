// Asking for one page of results. A rare condition is searched for in pieces (`complete` false), a
// short one first: what was found
// is shown at once, and the search goes on until the page is full, the end is reached or somebody
// stops it.

import { get } from "../api.js";

const LONG_S = 2; // few long pieces, because requests are limited

/**
 * Search a page. piece(results) is called with what each step found, standing(time) with how far
 * the search is; gives {found, cursor, stopped}.
 */
export async function search(query, limit, cursor, { signal, piece, standing, stop }) {
  let found = 0;
  let search_s = null;
  for (;;) {
    const data = await asked(query, { cursor, limit: limit - found, search_s }, signal);
    search_s = LONG_S;
    found += data.results.length;
    cursor = data.cursor;
    piece(data.results);
    if (cursor === null || found >= limit) return { found, cursor, stopped: false };
    if (data.complete) return { found, cursor, stopped: false };
    standing(data.searched_to, found);
    if (stop()) return { found, cursor, stopped: true };
  }
}

// Too many requests in this minute is no reason to give up a search: it waits as long as it was
// told.
async function asked(query, more, signal) {
  for (;;) {
    try {
      return await get("/results", { ...query, ...more }, { signal });
    } catch (error) {
      if (error.status !== 429 || !more.search_s) throw error;
      await new Promise((resolve) =>
        setTimeout(resolve, 1000 * Math.min(60, error.details?.retry_after_s ?? 5)),
      );
      signal.throwIfAborted();
    }
  }
}
