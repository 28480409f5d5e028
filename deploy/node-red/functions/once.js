// Each result once: a result_id that was here is left out; what is missing in seq is asked for by cmd/resend.
// Outputs: 1 the result, 2 to the broker. What arrives: result/, latest/, reply/resend, and { connected: true } after each connection.
const KEPT = 10000, CHUNK = 200, PAUSE_MS = 2000;
const base = `${env.get("BASE") || "inspection/v1"}/${env.get("NODE") || "node-01"}`;
const station = env.get("STATION") || "cam1";
const state = context.get("state") || { next: null, ahead: 0, held: {}, ids: [], asked: 0 };
const known = new Set(state.ids);
const topic = String(msg.topic || "");
const value = msg.payload || {};
let out = null;

function take(result) {
  state.ids.push(result.result_id);
  if (state.ids.length > KEPT) state.ids.splice(0, state.ids.length - KEPT);
  if (state.next === null) state.next = result.seq; // the first ever: what was before is not asked for
  state.ahead = Math.max(state.ahead, result.seq);
  if (result.seq >= state.next) state.held[result.seq] = true;
  while (state.held[state.next]) { delete state.held[state.next]; state.next += 1; }
}
function goOn(last, coming) { // behind what the node no longer has
  let gone = 0;
  while (state.next <= last && (state.held[state.next] || !coming.has(state.next))) {
    if (!state.held[state.next]) gone += 1;
    delete state.held[state.next];
    state.next += 1;
  }
  while (state.held[state.next]) { delete state.held[state.next]; state.next += 1; }
  if (gone) node.warn(`${gone} results before ${state.next} are gone at the node`);
}
function ask(first, last) {
  state.asked = Date.now();
  const wish = { request_id: `nr-${Date.now()}-${RED.util.generateId()}`, station, from_seq: first, to_seq: last };
  state.wish = { id: wish.request_id, last: Math.min(last, state.ahead) };
  return { topic: `${base}/cmd/resend`, payload: JSON.stringify(wish), qos: 1, retain: false };
}

let wish = null;
if (topic === `${base}/result/${station}` && value.result_id) {
  if (!known.has(value.result_id)) { take(value); out = { ...msg, payload: value }; }
} else if (topic === `${base}/latest/${station}` && value.seq) {
  if (state.next !== null) state.ahead = Math.max(state.ahead, value.seq);
} else if (topic === `${base}/reply/resend` && state.wish && value.request_id === state.wish.id) {
  if (value.ok) goOn(state.wish.last, new Set(value.data.seqs)); // what is coming was sent before this reply
  else if ((value.error || {}).code === "RESULT_NOT_FOUND") goOn(state.wish.last, new Set());
  state.wish = null;
} else if (msg.connected && state.next !== null) {
  wish = ask(state.next, state.next + CHUNK - 1);
}
if (wish === null && state.next !== null && state.next <= state.ahead && Date.now() >= state.asked + PAUSE_MS) {
  wish = ask(state.next, Math.min(state.ahead, state.next + CHUNK - 1));
}
context.set("state", state);
node.status({ text: `seq ${state.next === null ? "-" : state.next - 1}${state.next !== null && state.next <= state.ahead ? ", a gap" : ""}` });
return [out, wish];
