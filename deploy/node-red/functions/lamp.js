// The lamp: what the newest part is. ERROR and a missing result are never green.
const colour = { OK: "green", NG: "red" }[msg.payload.verdict] || "yellow";
const told = msg.topic === "missing" ? "no result" : `${msg.payload.verdict} ${msg.payload.part_id || msg.payload.trigger_id || ""}`;
node.status({ fill: colour, shape: "dot", text: told });
return { ...msg, lamp: colour };
