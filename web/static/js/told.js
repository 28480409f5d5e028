// What node and web say in English, in the page's language: whole sentences of the catalogue, and
// those with values in them, which are found again by the words around the values.

import { catalogue, t } from "./words.js";

let known; // {pattern, names, text} of sentences with values, made when the first is asked for

/** "The catalogue's sentence: details": both are translated where they are known. */
export function translated(message) {
  const [head, ...rest] = message.split(": ");
  if (!rest.length || t(message) !== message || t(head) === head) return said(message);
  return `${t(head)}: ${said(rest.join(": "))}`;
}

function said(text) {
  const whole = t(text);
  if (whole !== text) return whole;
  known ??= sentences();
  for (const { pattern, names, text: sentence } of known) {
    const found = pattern.exec(text);
    if (found) return t(sentence, Object.fromEntries(names.map((name, n) => [name, found[n + 1]])));
  }
  return text;
}

// Only the node's have places {a}, {b}; a sentence of a page is never taken for one.
function sentences() {
  return Object.keys(catalogue)
    .filter((text) => /\{[a-h]\}/.test(text) && !/\{\w{2,}\}/.test(text))
    .map((text) => {
      const parts = text.split(/\{([a-h])\}/);
      const pattern = parts.map((part, n) => (n % 2 ? "(.+?)" : escaped(part))).join("");
      return { text, names: parts.filter((_, n) => n % 2), pattern: new RegExp(`^${pattern}$`) };
    });
}

const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
