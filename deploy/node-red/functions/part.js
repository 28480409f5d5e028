// A part for the station: an id of its own, and the wish to be told that the node has it. msg.payload may be a part's number or an object.
const given = msg.payload !== null && typeof msg.payload === "object" && !Buffer.isBuffer(msg.payload) ? msg.payload : {};
const part = { ...given, trigger_id: String(given.trigger_id || `nr-${Date.now()}-${RED.util.generateId()}`), ack: true };
if (typeof msg.payload === "string" && msg.payload !== "") part.part_id = msg.payload;
return { ...msg, topic: "", payload: part };
