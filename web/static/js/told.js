// What node and web say in English, in the page's language. The catalogue has whole sentences, and
// sentences and phrases with places {a}, {b}, ... for values, which are found again by the words
// around them; a value may be a phrase, or a sentence, of its own. What the catalogue does not know
// (of a tool of others, of a newer node) stays as it came, and is marked as English.

import { h } from "./dom.js";
import { catalogue, locale, page, t } from "./words.js";

const MOST = 500; // texts kept
const POINT = (0.5).toLocaleString(locale).at(1);
// a value as Python writes it
const GIVEN = / \((?:got|from) (?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^()]*)\)/gs;
const kept = new Map();
let known; // {text, names, words} of sentences with places, made when the first is asked for

/**
 * A message in the page's language: "The catalogue's sentence: details", each part where it is
 * known.
 */
export const translated = (message) =>
  parts(String(message))
    .map(([text]) => text)
    .join("");

/** The same as nodes: what stays English is marked, so that it is read out as English. */
export const spoken = (message) =>
  parts(String(message)).map(([text, foreign]) =>
    foreign ? h("span", { lang: "en" }, text) : text,
  );

/** What failed, of an ApiError or anything else that was thrown, as nodes. */
export const failure = (error) => error?.shown ?? [String(error?.message ?? error)];

/** [text, whether it stayed English], in the order of the page's language. */
function parts(message) {
  if (!page.words) return [[message, false]];
  if (!kept.has(message)) {
    if (kept.size >= MOST) kept.clear();
    kept.set(message, joined(read(message)));
  }
  return kept.get(message);
}

function read(text) {
  if (!text) return [];
  const blank = text.match(/^(; |\s+)/)?.[0];
  if (blank) return [[blank, false], ...read(text.slice(blank.length))];
  const own = sentence(text);
  if (own) return own;
  // What comes first is split off: the rest may be one sentence. What was given may hold anything.
  const veiled = text.replace(GIVEN, (given) => "\0".repeat(given.length));
  const at = veiled.search(/(?<=.)[;:] ./s);
  if (at > 0) {
    const mark = text.slice(at, at + 2);
    return [...head(text.slice(0, at), mark), [mark, false], ...read(text.slice(at + 2))];
  }
  const inside = text.slice(veiled.search(/\0+$/)).length;
  const behind = veiled.endsWith("\0") ? text.length - inside : veiled.search(/ \([^()]+\)$/);
  if (behind > 0)
    return [
      ...read(text.slice(0, behind)),
      [" (", false],
      ...read(text.slice(behind + 2, -1)),
      [")", false],
    ];
  if (/^-?\d+\.\d+ ?%?$/.test(text)) return [[text.replace(".", POINT), false]];
  // a value is a number, a name, a path; words one after the other are a language
  return [[text, /\p{L}{2,},? \p{L}{2,}/u.test(text)]];
}

// What stands before a colon may be a field of a form, which has its label there.
function head(text, mark) {
  const label = text.replace(/_(px|ms|deg|mm)$/, "").replaceAll("_", " ");
  const own = catalogue[label.slice(0, 1).toUpperCase() + label.slice(1)];
  return mark === ": " && /^[a-z][a-z_]*$/.test(text) && own ? [[own, false]] : read(text);
}

function sentence(text) {
  const plain = text.replace(/^Value error, /, "");
  if (Object.hasOwn(catalogue, plain)) return [[t(plain), false]];
  known ??= sentences();
  for (const one of known) {
    const values = between(one.words, plain);
    if (!values) continue;
    const given = Object.fromEntries(one.names.map((name, n) => [name, values[n]]));
    return t(one.text)
      .split(/(\{[a-h]\})/)
      .flatMap((each) => {
        const value = given[each.slice(1, -1)];
        return each.startsWith("{") && value !== undefined ? read(value) : [[each, false]];
      });
  }
  return null;
}

// Only what is said has places {a}, {b}; a text of a page is never taken for it. Those with most
// words of their own come first: others may be a part of them.
function sentences() {
  return Object.keys(catalogue)
    .filter((text) => /\{[a-h]\}/.test(text) && !/\{\w{2,}\}/.test(text.replace(TEMPLATES, "")))
    .map((text) => {
      const pieces = text.split(/\{([a-h])\}/);
      const of = (odd) => pieces.filter((_, n) => n % 2 === odd);
      return { text, names: of(1), words: of(0) };
    })
    .sort((one, two) => two.words.join("").length - one.words.join("").length);
}

const TEMPLATES = /\{(result_id|station|seq|picture|table)\}/g; // of names, in what is said of them

/**
 * What stands between these words, which a text begins and ends with; null if it does not. Only
 * behind a colon or in brackets, at the end, may a value be more than one sentence.
 */
function between(words, text) {
  const last = words.length - 1;
  if (!text.startsWith(words[0]) || !text.endsWith(words[last])) return null;
  const values = [];
  let at = words[0].length;
  for (let n = 1; n <= last; n++) {
    const next = n === last ? text.length - words[n].length : text.indexOf(words[n], at + 1);
    if (next <= at) return null;
    const value = text.slice(at, next);
    const open = n === last && /([:;] |\()$/.test(words[n - 1]);
    if (!open && /[:;] |\((got|from) /.test(value.slice(1))) return null;
    values.push(value);
    at = next + words[n].length;
  }
  return values;
}

// Neighbours that are alike are one.
function joined(all) {
  const found = [];
  for (const [text, foreign] of all)
    if (found.length && found.at(-1)[1] === foreign) found.at(-1)[0] += text;
    else found.push([text, foreign]);
  return found;
}
