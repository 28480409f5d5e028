// A judgement as it is written: tool names with and, or, not and parentheses. Read here to say at
// once what is wrong; the API decides.

import { t } from "../words.js";

const WORDS = ["and", "or", "not"];

/** {names: [...], error: text or null} of an expression. */
export function readExpression(text) {
  const strange = /[^a-z0-9_() ]/.exec(text);
  if (strange)
    return {
      names: [],
      error: t("{sign} is not allowed: only tool names, and, or, not and parentheses.", {
        sign: strange[0],
      }),
    };
  const tokens = text.match(/[a-z0-9_]+|[()]/g) ?? [];
  const names = tokens.filter((token) => !WORDS.includes(token) && !"()".includes(token));
  let at = 0;
  const fail = (what) => {
    throw new SyntaxError(what);
  };
  const atom = () => {
    const token = tokens[at];
    if (token === undefined) fail(t("Something is missing at the end."));
    if (token === "not") {
      at++;
      return atom();
    }
    if (token === "(") {
      at++;
      either();
      if (tokens[at++] !== ")") fail(t("A parenthesis is not closed."));
      return;
    }
    if (token === ")" || WORDS.includes(token))
      fail(t("A tool name is missing before “{word}”.", { word: token }));
    if (/^\d/.test(token)) fail(t("“{word}” is no tool name.", { word: token }));
    at++;
  };
  const chain = (word, inner) => () => {
    inner();
    while (tokens[at] === word) {
      at++;
      inner();
    }
  };
  const both = chain("and", atom);
  const either = chain("or", both);
  try {
    either();
    if (at < tokens.length)
      fail(
        tokens[at] === ")"
          ? t("There is a parenthesis too many.")
          : t("Between tool names there must be “and” or “or”, before “{word}”.", {
              word: tokens[at],
            }),
      );
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { names, error: error.message };
  }
  return { names, error: null };
}

/** What is wrong with a judgement for these tools, or null. */
export function wrongWith(judgement, toolNames) {
  if (judgement === "all" || judgement === "any") return null;
  const { names, error } = readExpression(judgement);
  if (error) return error;
  const missing = names.find((name) => !toolNames.includes(name));
  return missing ? t("There is no tool “{name}”.", { name: missing }) : null;
}
