// The subflow "Inspect" as a node of the palette.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");

module.exports = (RED) => RED.nodes.registerSubflow(JSON.parse(readFileSync(join(__dirname, "inspect.json"), "utf-8")));
