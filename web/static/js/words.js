// The language of the page, and how numbers and times are written in it. English stands in the
// modules; a catalogue translates.

export const page = JSON.parse(document.getElementById("page").textContent);
/** English text to the page's language. */
export const catalogue = page.words ? await (await fetch(page.words)).json() : {};

// English of the United States or of Great Britain: as the browser says, if it says the page's
// language.
export const locale =
  navigator.languages.find((one) => one.toLowerCase().startsWith(page.language)) ?? page.language;

/**
 * The text in the page's language, `{name}` replaced by values.name. "{n} part | {n} parts" has two
 * forms, and a catalogue as many as its language needs; the first is for one, by the first value.
 * What has no values has one form: a message may say " | " itself.
 */
export function t(text, values = {}) {
  const written = catalogue[text] ?? text;
  const counts = Object.values(values);
  const forms = counts.length ? written.split(" | ") : [written];
  const form = forms.length > 1 && !isOne(counts[0]) ? forms.at(-1) : forms[0];
  return form.replace(/\{(\w+)\}/g, (whole, name) =>
    name in values ? String(values[name]) : whole,
  );
}

// By digits alone: 1.000 is a thousand in German.
const isOne = (count) =>
  /^\d+$/.test(count) && format("PluralRules", page.language, {}).select(Number(count)) === "one";

// Making a format takes longer than a hundred uses of it.
const formats = new Map();
function format(kind, language, options) {
  const key = `${kind} ${language} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Intl[kind](language, options));
  return formats.get(key);
}

/** A number with at most `digits` decimals; a dash for null. */
export function number(value, digits = 2) {
  if (value === null || value === undefined || !Number.isFinite(Number(value))) return "–";
  return format("NumberFormat", locale, { maximumFractionDigits: digits }).format(value);
}

const UNITS = {
  ratio: t("ratio"),
  count: t("count"),
  score: t("score"),
  gray: t("gray"),
  grade: t("grade"),
  deg: "°",
};

/** A unit of a tool as people read it. */
export const unitText = (unit) => UNITS[unit] ?? unit;

/** A share of 0 to 1 in per cent. */
export function percent(value, digits = 1) {
  return value === null || value === undefined ? "–" : `${number(value * 100, digits)} %`;
}

/** A UTC time as local date and time; `seconds: false` leaves those out. */
export function time(utc, { seconds = true, date = true } = {}) {
  if (!utc) return "–";
  const options = {
    hourCycle: "h23",
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds && { second: "2-digit" }),
  };
  if (date) Object.assign(options, { year: "numeric", month: "2-digit", day: "2-digit" });
  return format("DateTimeFormat", locale, options).format(new Date(utc));
}

/** How long ago, in words: "12 s ago". */
export function ago(seconds) {
  const past = (count, unit) =>
    format("RelativeTimeFormat", page.language, { style: "short" }).format(
      -Math.round(count),
      unit,
    );
  if (seconds < 90) return past(seconds, "second");
  if (seconds < 5400) return past(seconds / 60, "minute");
  if (seconds < 129600) return past(seconds / 3600, "hour");
  return past(seconds / 86400, "day");
}

/** Bytes as kB or MB. */
export function bytes(count) {
  return count < 1e6 ? `${number(count / 1e3, 1)} kB` : `${number(count / 1e6, 1)} MB`;
}
