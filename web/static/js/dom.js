// Making elements from data. Text is always text: nothing here, and nothing in the pages, sets
// HTML.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

/**
 * Somebody who tells: its events carry what they tell in `detail`.
 * @typedef {{addEventListener(kind: string, listener: (event: CustomEvent) => void): void}} Teller
 */

/**
 * What was typed into a form: {name: text}; files are left out.
 * @param {HTMLFormElement} form
 * @returns {Record<string, string>}
 */
export function typed(form) {
  const all = [...new FormData(form)].filter(([, value]) => typeof value === "string");
  return Object.fromEntries(/** @type {[string, string][]} */ (all));
}

/**
 * Where an event happened, also the drawing in a button; or nothing that can be asked.
 * @param {Event} event
 * @returns {Element | null}
 */
export const targetOf = ({ target }) => (target instanceof Element ? target : null);

/**
 * An HTML element: h("button.primary", {type: "button", onclick: f, "aria-label": "..."}, "text",
 * child, [children], null).
 */
export function h(tag, ...rest) {
  const [name, ...classes] = tag.split(".");
  return filled(document.createElement(name || "div"), classes, rest);
}

/** An SVG element, in the same way. */
export function s(tag, ...rest) {
  const [name, ...classes] = tag.split(".");
  return filled(document.createElementNS(SVG, name), classes, rest);
}

/** An icon of the sprite in parts.html. */
export function icon(name) {
  return s(
    "svg.icon",
    { "aria-hidden": "true", focusable: "false" },
    s("use", { href: `#i-${name}` }),
  );
}

/** A verdict as word, shape and colour. */
export function verdict(value) {
  const shown = value ?? "–";
  return h(
    "span.verdict",
    { dataset: { verdict: shown } },
    value ? icon(shown.toLowerCase()) : null,
    shown,
  );
}

/** A lamp: state is ok, busy, warn, bad or unknown. */
export function lamp(state, text) {
  return h(
    "span.lamp",
    { dataset: { state } },
    h("span.dot", { "aria-hidden": "true" }),
    h("span.lamp-text", text),
  );
}

/** Replace what is in an element. */
export function put(element, ...children) {
  element.replaceChildren(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

function filled(element, classes, rest) {
  if (classes.length) element.classList.add(...classes);
  for (const item of rest.flat(Infinity)) {
    if (item === null || item === undefined || item === false) continue;
    if (item instanceof Node) element.append(item);
    else if (typeof item === "object") assign(element, item);
    else element.append(String(item));
  }
  return element;
}

function assign(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style")
      for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean" && !name.startsWith("aria-"))
      element.toggleAttribute(name, value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value);
  }
}
