// Joins a message to the verdict of its part: output 1 OK, 2 NG, 3 ERROR, 4 no result in time. What was not asked here is left out.
const asked = context.get("asked") || {};
if (msg.part_of !== undefined) {
  asked[msg.payload.trigger_id] = true;
  context.set("asked", asked);
  return null;
}
const id = (msg.payload || {}).trigger_id;
if (!asked[id]) return null;
delete asked[id];
context.set("asked", asked);
const place = msg.topic === "missing" ? 3 : { OK: 0, NG: 1 }[msg.payload.verdict] ?? 2;
const out = [null, null, null, null];
out[place] = msg;
return out;
