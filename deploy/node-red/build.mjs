// Writes inspect.json (the subflow "Inspect") and examples/inspection.json (the flow to import) from functions/*.js.
// `node build.mjs`, or `node build.mjs --check`, which changes nothing and ends with 1 where they are not current.
import { readFileSync, writeFileSync } from "node:fs";

const here = new URL(".", import.meta.url);
const code = (name) => readFileSync(new URL(`functions/${name}.js`, here), "utf-8");
const SETTINGS = [
  ["NODE", "node-01", "the inspection node's id"],
  ["STATION", "cam1", "the station of that node"],
  ["BASE", "inspection/v1", "the first part of all topics"],
  ["LIMIT_S", "30", "seconds after which a part has no result"],
];
const TOPICS = { ACCEPTED: "accepted/${STATION}", RESULT: "result/${STATION}", LATEST: "latest/${STATION}", REPLY: "reply/resend" };
const env = [
  ...SETTINGS.map(([name, value, label]) => ({ name, type: "str", value, ui: { type: "input", label: { "en-US": label } } })),
  ...Object.entries(TOPICS).map(([name, value]) => ({ name: `TOPIC_${name}`, type: "env", value: `\${BASE}/\${NODE}/${value}`, ui: { type: "hide" } })),
];

const BROKER = {
  id: "inspection-broker", type: "mqtt-broker", name: "the inspection node's broker", broker: "127.0.0.1", port: "1883", clientid: "node-red-inspection",
  autoConnect: true, usetls: false, protocolVersion: "5", keepalive: "15", cleansession: false, autoUnsubscribe: false, sessionExpiry: "86400",
};

function nodes(prefix, z, broker) {
  const at = (name) => `${prefix}-${name}`;
  const listen = (name, topic, y, wires) => ({
    id: at(name), z, type: "mqtt in", name, topic: `\${TOPIC_${topic}}`, qos: "1", datatype: "json", broker, nl: false, rap: true, rh: 0, inputs: 0, x: 140, y, wires: [wires.map(at)],
  });
  const call = (name, title, file, outputs, x, y, wires) => ({
    id: at(name), z, type: "function", name: title, func: code(file), outputs, timeout: 0, noerr: 0, initialize: "", finalize: "", libs: [], x, y, wires: wires.map((to) => to.map(at)),
  });
  return { at, listen, call, all: [
    call("part", "a part", "part", 1, 330, 80, [["sending"]]),
    { id: at("tick"), z, type: "inject", name: "every half second", props: [{ p: "tick", v: "", vt: "date" }], repeat: "0.5", once: true, onceDelay: 1, x: 140, y: 140, wires: [[at("sending"), at("once")]] },
    listen("accepted", "ACCEPTED", 200, ["sending"]),
    listen("result", "RESULT", 260, ["once", "sending"]),
    listen("latest", "LATEST", 320, ["once"]),
    listen("reply", "REPLY", 380, ["once"]),
    { id: at("status"), z, type: "status", name: "the broker", scope: [at("result")], x: 140, y: 440, wires: [[at("connected")]] },
    call("connected", "connected again", "connected", 1, 330, 440, [["once"]]),
    { id: at("out"), z, type: "mqtt out", name: "to the node", topic: "", qos: "1", retain: "false", respTopic: "", contentType: "", userProps: "", correl: "", expiry: "", broker, x: 770, y: 320, wires: [] },
  ] };
}

function flow() {
  const z = "inspection-flow";
  const { at, call, all } = nodes("inspection", z, BROKER.id);
  return [
    { id: z, type: "tab", label: "Inspection", disabled: false, info: HELP, env: env.map(({ name, type, value }) => ({ name, type, value })) },
    BROKER,
    { id: at("help"), z, type: "comment", name: "Read me: open the tab's description; set NODE and STATION there, and the broker with its user", info: HELP, x: 400, y: 30, wires: [] },
    { id: at("button"), z, type: "inject", name: "inspect a part", props: [{ p: "payload" }], payload: "", payloadType: "str", repeat: "", once: false, x: 140, y: 80, wires: [[at("part")]] },
    ...all,
    call("sending", "send until accepted", "sending", 2, 540, 140, [["out"], ["lamp"]]),
    call("once", "each result once", "once", 2, 540, 300, [["verdict"], ["out"]]),
    { id: at("verdict"), z, type: "switch", name: "verdict", property: "payload.verdict", propertyType: "msg", checkall: "false", repair: false, outputs: 3,
      rules: [{ t: "eq", v: "OK", vt: "str" }, { t: "eq", v: "NG", vt: "str" }, { t: "else" }], x: 740, y: 240, wires: [[at("lamp")], [at("lamp")], [at("lamp")]] },
    call("lamp", "lamp", "lamp", 1, 900, 200, [[]]),
  ];
}

function subflow() {
  const { at, call, all } = nodes("inspect", "inspection-inspect", "${BROKER}");
  const inside = [
    ...all.map((node) => node.id === at("part") ? { ...node, wires: [[at("sending"), at("marked")]] } : node),
    { id: at("marked"), z: "inspection-inspect", type: "change", name: "asked here", rules: [{ t: "set", p: "part_of", pt: "msg", to: "true", tot: "bool" }], x: 540, y: 80, wires: [[at("answered")]] },
    call("sending", "send until accepted", "sending", 2, 540, 140, [["out"], ["answered"]]),
    call("once", "each result once", "once", 2, 540, 300, [["answered"], ["out"]]),
    call("answered", "whose verdict", "answered", 4, 760, 200, [[], [], [], []]),
  ];
  const broker = { name: "BROKER", type: "mqtt-broker", value: "", ui: { type: "conf-types", label: { "en-US": "the broker" } } };
  return {
    id: "inspection-inspect", type: "subflow", name: "Inspect", category: "inspection", color: "#7fb7a8", icon: "font-awesome/fa-eye", info: HELP_SUBFLOW, env: [broker, ...env],
    meta: { module: "node-red-contrib-inspection-node", type: "inspection-inspect", version: "0.1.0", desc: "a part in, its verdict out" },
    in: [{ x: 60, y: 80, wires: [{ id: at("part") }] }],
    out: [0, 1, 2, 3].map((port) => ({ x: 960, y: 140 + 40 * port, wires: [{ id: at("answered"), port }] })),
    inputLabels: ["a part"], outputLabels: ["OK", "NG", "ERROR", "no result in time"],
    flow: inside,
  };
}

const HELP = `**One part, one result, one lamp.** The button sends a trigger with an id of its own, again and again until the node has it.
A result that was here already is left out; a gap in \`seq\` is asked for by \`cmd/resend\`, also after each connection.
A part without a result after \`LIMIT_S\` seconds turns the lamp yellow, as ERROR does: neither is ever green.

1. The tab's properties: \`NODE\`, \`STATION\`, \`BASE\`.
2. The broker: address, and the user \`plc\` with its password (on the box: \`/etc/inspection-node/credentials/broker_plc\`).
3. In \`settings.js\`: \`contextStorage: { default: { module: "localfilesystem" } }\`. Then a restart of Node-RED forgets nothing.`;
const HELP_SUBFLOW = `Inspects a part. \`msg.payload\`: empty, the part's number as text, or an object as in the topic \`trigger\`.

Each message leaves once, by the output of its verdict: \`OK\`, \`NG\`, \`ERROR\`, or the fourth when there is no result after \`LIMIT_S\` seconds;
\`msg.payload\` is then the result. It is sent until the node has it, and a result that the broker lost is asked for.
Every Inspect of a Node-RED needs a broker configuration of its own if it has a client id of its own; the user \`plc\` may do all that is needed.`;

let stale = 0;
for (const [name, made] of [["inspect.json", subflow()], ["examples/inspection.json", flow()]]) {
  const file = new URL(name, here), text = JSON.stringify(made, null, 1) + "\n";
  if (!process.argv.includes("--check")) writeFileSync(file, text);
  else if (readFileSync(file, "utf-8") !== text) { console.error(`${name} is not current: node build.mjs`); stale = 1; }
}
process.exit(stale);
