// Sends a part, and the very same again after 1, 2, 4, 8, 8, ... s, until accepted/ or result/ names its id: then the node has it.
// Outputs: 1 to the broker, 2 a part that has no result after `limit_s` seconds.
const LIMIT_MS = 1000 * Number(env.get("LIMIT_S") || 30);
const MANY = 1000; // parts under way; one more is refused
const waiting = context.get("waiting") || {};
const now = Date.now();
const bytes = (id) => ({ topic: waiting[id].topic, payload: waiting[id].text, qos: 1, retain: false });
const topic = String(msg.topic || "");

if (msg.tick !== undefined) {
  const again = [];
  for (const id of Object.keys(waiting)) {
    const part = waiting[id];
    if (!part.late && now >= part.sent + LIMIT_MS) {
      part.late = true; // told once; it goes on being sent
      node.send([null, { topic: "missing", payload: { trigger_id: id, waited_s: Math.round((now - part.sent) / 1000) } }]);
    }
    if (!part.accepted && now >= part.next) {
      part.tries += 1;
      part.next = now + 1000 * Math.min(8, 2 ** part.tries);
      const user = { attempt: String(part.tries), age_ms: String(now - part.sent) };
      again.push({ ...bytes(id), userProperties: user });
    }
  }
  context.set("waiting", waiting);
  return [again.length ? again : null, null];
}
if (topic.includes("/accepted/") || topic.includes("/result/")) {
  const part = waiting[(msg.payload || {}).trigger_id];
  if (part === undefined) return null;
  if (topic.includes("/result/")) delete waiting[msg.payload.trigger_id];
  else part.accepted = true;
  context.set("waiting", waiting);
  return null;
}
const id = (msg.payload || {}).trigger_id;
if (!id) { node.warn("a part without trigger_id was not sent"); return null; }
if (waiting[id] === undefined) {
  if (Object.keys(waiting).length >= MANY) { node.error(`${MANY} parts are under way: this one was not sent`, msg); return null; }
  const base = `${env.get("BASE") || "inspection/v1"}/${env.get("NODE") || "node-01"}`;
  waiting[id] = { topic: `${base}/trigger/${env.get("STATION") || "cam1"}`, text: JSON.stringify(msg.payload), sent: now, next: now + 1000, tries: 0 };
  context.set("waiting", waiting);
}
node.status({ text: `${Object.keys(waiting).length} under way` });
return [bytes(id), null];
