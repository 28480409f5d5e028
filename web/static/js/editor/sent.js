// Pictures that were sent to be tried: the node keeps them for a while, and is told which it was by
// their hash, so that each travels once.

import { ask } from "../api.js";

const MOST = 4;
const hashes = new Map(); // base64 of what was sent last to its hash

/**
 * POST /programs/try with `pictures` (name to base64) in the body, as hashes where the node has
 * them. Gives the list of answers. Throws ApiError.
 */
export async function tried(body, pictures, options) {
  const given = Object.entries(pictures).filter(([, base64]) => base64);
  const known = given.filter(([, base64]) => hashes.has(base64));
  try {
    return await sent(body, given, options);
  } catch (error) {
    if (error.code !== "IMAGE_NOT_KEPT" || !known.length) throw error;
    for (const [, base64] of known) hashes.delete(base64);
    return sent(body, given, options);
  }
}

async function sent(body, given, options) {
  const pictures = given.map(([name, base64]) =>
    hashes.has(base64) ? [`${name}_sha256`, hashes.get(base64)] : [name, base64],
  );
  const whole = { ...body, ...Object.fromEntries(pictures) };
  const { data } = await ask("POST", "/programs/try", { ...options, body: whole });
  for (const [name, base64] of given) {
    const hash = data[0]?.[`${name}_sha256`];
    hashes.delete(base64);
    if (hash) hashes.set(base64, hash);
  }
  for (const base64 of [...hashes.keys()].slice(0, -MOST)) hashes.delete(base64);
  return data;
}
