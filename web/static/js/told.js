// What node and web say in English, in the page's language: whole sentences of the catalogue, and
// those with values in them, which are found again by the words around the values.

import { catalogue, t } from "./words.js";

let known; // {words, names, text} of sentences with values, made when the first is asked for

/**
 * "The catalogue's sentence: details", each part where it is known; details may begin with a name,
 * "tool width: all pixels have one value".
 */
export function translated(message) {
  const whole = said(message);
  const at = message.indexOf(": ");
  if (at < 0 || whole !== message) return whole;
  const [head, rest] = [message.slice(0, at), message.slice(at + 2)];
  const tool = head.match(/^tool (\S+)$/)?.[1];
  return `${tool ? `${t("Tool")} ${tool}` : said(head)}: ${translated(rest)}`;
}

function said(text) {
  const whole = t(text);
  if (whole !== text) return whole;
  known ??= sentences();
  for (const { words, names, text: sentence } of known) {
    const values = between(words, text);
    if (values) return t(sentence, Object.fromEntries(names.map((n, at) => [n, t(values[at])])));
  }
  return text;
}

// Only the node's have places {a}, {b}; a sentence of a page is never taken for one. Those with most
// words of their own come first: others may be a part of them.
function sentences() {
  return Object.keys(catalogue)
    .filter((text) => /\{[a-h]\}/.test(text) && !/\{\w{2,}\}/.test(text))
    .map((text) => {
      const parts = text.split(/\{([a-h])\}/);
      const of = (odd) => parts.filter((_, n) => n % 2 === odd);
      return { text, names: of(1), words: of(0) };
    })
    .sort((one, two) => two.words.join("").length - one.words.join("").length);
}

/**
 * What stands between these words, which a text begins and ends with; null if it does not. Only a
 * value at the end may be a sentence with a colon.
 */
function between(words, text) {
  if (!text.startsWith(words[0]) || !text.endsWith(words.at(-1))) return null;
  const values = [];
  let at = words[0].length;
  for (const [n, word] of words.entries()) {
    if (n === 0) continue;
    const next = n === words.length - 1 ? text.length - word.length : text.indexOf(word, at + 1);
    if (next <= at) return null;
    if (word && text.slice(at, next).includes(": ")) return null;
    values.push(text.slice(at, next));
    at = next + word.length;
  }
  return values;
}
