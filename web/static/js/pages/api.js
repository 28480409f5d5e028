// The API, drawn from its own documents: routes of OpenAPI, topics of AsyncAPI, JSON Schemas, error
// codes.

import { get } from "../api.js";
import { complain } from "../dialog.js";
import { $, $$, h, put } from "../dom.js";
import { table } from "../table.js";
import { t } from "../words.js";

const read = async (path) =>
  (await fetch(`/api/v1/${path}`, { credentials: "same-origin" })).json();
const kept = {};
const document_ = async (path) => (kept[path] ??= await read(path));
const KINDS = { get: "good", post: "warn", put: "warn", delete: "bad" };
const DEEPEST = 5;

const VIEWS = {
  "tab-http": async (wanted) => {
    const spec = await document_("openapi.json");
    const groups = new Map();
    for (const [path, methods] of Object.entries(spec.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const said = [operation.summary, t(operation.summary), operation.description];
        if (!matches(wanted, path, ...said)) continue;
        const tag = operation.tags?.[0] ?? "";
        groups.set(tag, [...(groups.get(tag) ?? []), route(spec, path, method, operation)]);
      }
    }
    return [...groups].map(([tag, routes]) => h("section", h("h2", tag), routes));
  },
  "tab-mqtt": async (wanted) => {
    const spec = await document_("asyncapi.json");
    const rows = Object.values(spec.channels).filter((one) =>
      matches(wanted, one.address, one.description, one.summary),
    );
    return [
      table(
        "MQTT",
        [
          { title: t("Topic"), cell: (one) => h("code", one.address) },
          { title: t("Meaning"), cell: (one) => one.description ?? one.summary ?? one.title ?? "" },
          { title: t("Payload"), cell: (one) => Object.keys(one.messages ?? {}).join(", ") },
        ],
        rows,
        { empty: t("Nothing found") },
      ),
    ];
  },
  "tab-schemas": async (wanted) => {
    const names = (await get("/schemas/")).filter((name) => matches(wanted, name));
    return names.map((name) => {
      const details = h("details.route", h("summary", h("code", name)));
      details.addEventListener("toggle", async () => {
        if (!details.open || details.childElementCount > 1) return;
        const schema = await document_(`schemas/${name}.json`);
        details.append(
          h(
            "div",
            h(
              "p",
              schema.description ? [schema.description, " "] : null,
              h("a", { href: `/api/v1/schemas/${name}.json` }, "JSON"),
            ),
            shape(schema, schema, 0),
          ),
        );
      });
      return details;
    });
  },
  "tab-errors": async (wanted) => {
    const rows = (await get("/errors")).filter((one) =>
      matches(wanted, one.code, one.message, one.advice),
    );
    return [
      table(
        t("Error codes"),
        [
          { title: t("Code"), cell: (one) => h("code", one.code) },
          { title: "HTTP", key: "status", class: "number" },
          { title: t("Message"), cell: (one) => t(one.message) },
          { title: t("What to do"), cell: (one) => t(one.advice) },
        ],
        rows,
        { empty: t("Nothing found") },
      ),
    ];
  },
};

const matches = (wanted, ...texts) =>
  texts.some((text) =>
    String(text ?? "")
      .toLowerCase()
      .includes(wanted),
  );

/** What stands in backticks is code. */
const marked = (text) => text.split("`").map((part, place) => (place % 2 ? h("code", part) : part));

function route(spec, path, method, operation) {
  const details = h(
    "details.route",
    h(
      "summary",
      h(`span.tag.method.${KINDS[method] ?? "good"}`, method.toUpperCase()),
      h("code", path),
      h("span.muted", marked(t(operation.summary))),
    ),
  );
  details.addEventListener("toggle", () => {
    if (!details.open || details.childElementCount > 1) return;
    const bodies = Object.entries(operation.requestBody?.content ?? {});
    const answers = Object.entries(operation.responses ?? {});
    details.append(
      h(
        "div",
        h("p", marked(operation.description)),
        operation.parameters?.length
          ? [
              h("h3", t("Parameters")),
              h(
                "ul.schema",
                operation.parameters.map((one) =>
                  h(
                    "li",
                    h("code", one.name),
                    ` ${one.in}${one.required ? `, ${t("required")}` : ""} `,
                    h("span.muted", kind(one.schema)),
                    one.description ? ` – ${one.description}` : "",
                  ),
                ),
              ),
            ]
          : null,
        bodies.map(([type, body]) => [
          h("h3", t("Body"), " ", h("code", type)),
          shape(spec, body.schema, 0),
        ]),
        answers.map(([status, answer]) => [
          h("h3", t("Answer"), " ", status),
          h("p.muted", answer.description),
          Object.values(answer.content ?? {}).map((one) =>
            status === "default" ? null : shape(spec, one.schema, 0),
          ),
        ]),
      ),
    );
  });
  return details;
}

function resolved(spec, schema) {
  const name = schema?.$ref;
  return name
    ? (name
        .replace(/^#\//, "")
        .split("/")
        .reduce((found, key) => found?.[key], spec) ?? {})
    : (schema ?? {});
}

function kind(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum)
    return schema.enum
      .slice(0, 12)
      .map((one) => JSON.stringify(one))
      .join(" | ");
  const parts = schema.anyOf ?? schema.oneOf;
  if (parts) return parts.map(kind).join(" | ");
  if (schema.type === "array") return `[${kind(schema.items)}]`;
  const range = [
    schema.minimum !== undefined ? `≥ ${schema.minimum}` : "",
    schema.maximum !== undefined ? `≤ ${schema.maximum}` : "",
    schema.pattern ?? "",
  ]
    .filter(Boolean)
    .join(" ");
  return `${schema.type ?? "any"}${range ? ` ${range}` : ""}`;
}

function shape(spec, given, depth) {
  const schema = resolved(spec, given);
  if (depth > DEEPEST) return h("span.muted", "…");
  const fields = Object.entries(schema.properties ?? {});
  if (!fields.length) return h("p.mono", kind(schema));
  return h(
    "ul.schema",
    fields.map(([name, field]) => {
      const inner = resolved(spec, field);
      const nested = inner.properties
        ? inner
        : inner.type === "array" && resolved(spec, inner.items).properties
          ? inner.items
          : null;
      const line = [
        h("code", name),
        " ",
        h(
          "span.muted",
          kind(field),
          schema.required?.includes(name)
            ? `, ${t("required")}`
            : field.default !== undefined
              ? `, ${t("default")} ${JSON.stringify(field.default)}`
              : "",
        ),
        field.description ? ` – ${field.description}` : "",
      ];
      return h(
        "li",
        nested ? h("details", h("summary", line), shape(spec, nested, depth + 1)) : line,
      );
    }),
  );
}

async function show(tab) {
  for (const one of $$("[role=tab]")) {
    one.setAttribute("aria-selected", String(one === tab));
    one.tabIndex = one === tab ? 0 : -1;
  }
  const panel = $("#panel");
  panel.setAttribute("aria-labelledby", tab.id);
  const content = await VIEWS[tab.id]($("#search").value.trim().toLowerCase());
  put(panel, content.length ? content : h("p.empty", t("Nothing found")));
  panel.removeAttribute("aria-busy");
}

const selected = () => $("[role=tab][aria-selected=true]");
for (const tab of $$("[role=tab]")) {
  tab.addEventListener("click", () => show(tab).catch(complain));
  tab.addEventListener("keydown", (event) => {
    const tabs = $$("[role=tab]");
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    next.focus();
    show(next).catch(complain);
  });
}
$("#search").addEventListener("input", () => show(selected()).catch(complain));
show(selected()).catch(complain);
