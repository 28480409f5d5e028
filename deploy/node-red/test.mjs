// The functions on messages as they come, without Node-RED: `node --test test.mjs`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const here = new URL(".", import.meta.url);
const BASE = "inspection/v1/node-01";

/** A function node: what it is given, and what it returns and sends. */
function made(name) {
  const kept = {}, sent = [], warned = [];
  const body = new Function("msg", "context", "env", "node", "RED", readFileSync(new URL(`functions/${name}.js`, here), "utf-8"));
  const context = { get: (key) => kept[key] && structuredClone(kept[key]), set: (key, value) => { kept[key] = structuredClone(value); } };
  const node = { status() {}, warn(text) { warned.push(text); }, error(text) { sent.push(["error", text]); }, send(out) { sent.push(out); } };
  const RED = { util: { generateId: () => "0123456789abcdef" } };
  const run = (msg) => body(msg, context, { get: () => undefined }, node, RED);
  return { run, sent, kept, warned };
}
const result = (seq, verdict = "OK") => ({ topic: `${BASE}/result/cam1`, payload: { result_id: `r-${seq}`, trigger_id: `t-${seq}`, seq, verdict } });

test("a result is taken once, and what is missing before it is asked for", () => {
  const once = made("once");
  assert.equal(once.run(result(7))[0].payload.seq, 7);
  assert.deepEqual(once.run(result(7)), [null, null]);
  const [out, wish] = once.run(result(10));
  assert.equal(out.payload.seq, 10);
  assert.equal(wish.topic, `${BASE}/cmd/resend`);
  const asked = JSON.parse(wish.payload);
  assert.deepEqual([asked.station, asked.from_seq, asked.to_seq], ["cam1", 8, 10]);
  assert.ok(asked.request_id);
  assert.deepEqual([8, 9, 10].map((seq) => once.run(result(seq))[0]?.payload.seq), [8, 9, undefined]);
  assert.equal(once.kept.state.next, 11);
});

test("a newest result that did not come, and each connection, are asked for", () => {
  const once = made("once");
  assert.deepEqual(once.run({ connected: true, topic: "" }), [null, null], "nothing is known yet");
  once.run(result(3));
  const [, wish] = once.run({ topic: `${BASE}/latest/cam1`, payload: { seq: 5 } });
  assert.deepEqual([JSON.parse(wish.payload).from_seq, JSON.parse(wish.payload).to_seq], [4, 5]);
  assert.equal(JSON.parse(once.run({ connected: true, topic: "" })[1].payload).from_seq, 4);
});

test("what the node no longer has is passed over, and nothing that is still to come", () => {
  const once = made("once");
  const reply = (wish, more) => once.run({ topic: `${BASE}/reply/resend`, payload: { request_id: JSON.parse(wish.payload).request_id, ...more } });
  const none = { ok: false, error: { code: "RESULT_NOT_FOUND", message: "" } };
  once.run(result(1));
  const [, wish] = once.run(result(9));
  reply({ payload: '{"request_id":"of somebody else"}' }, none);
  assert.equal(once.kept.state.next, 2);
  reply(wish, { ok: true, data: { count: 3, seqs: [5, 6, 9] } });
  assert.equal(once.kept.state.next, 5);
  assert.deepEqual(once.warned, ["3 results before 5 are gone at the node"]);
  assert.equal(once.run(result(5))[0].payload.seq, 5);
  const [, again] = once.run({ connected: true, topic: "" });
  reply(again, none);
  assert.deepEqual([once.kept.state.next, once.kept.state.held], [10, {}]);
  const [, probe] = once.run({ connected: true, topic: "" });
  reply(probe, none);
  assert.equal(once.kept.state.next, 10, "there may be later ones");
});

test("a part is sent with the same bytes until the node has it", () => {
  const sending = made("sending");
  const part = made("part").run({ payload: "SN-1" }).payload;
  assert.deepEqual([part.part_id, part.ack], ["SN-1", true]);
  const [first] = sending.run({ payload: part, topic: "" });
  assert.equal(first.topic, `${BASE}/trigger/cam1`);
  sending.kept.waiting[part.trigger_id].next = 0;
  const [again] = sending.run({ tick: 1 });
  assert.equal(again[0].payload, first.payload);
  assert.equal(again[0].userProperties.attempt, "1");
  sending.run({ topic: `${BASE}/accepted/cam1`, payload: { trigger_id: part.trigger_id } });
  sending.kept.waiting[part.trigger_id].next = 0;
  assert.deepEqual(sending.run({ tick: 1 }), [null, null]);
  sending.kept.waiting[part.trigger_id].sent = 0;
  sending.run({ tick: 1 });
  assert.equal(sending.sent[0][1].payload.trigger_id, part.trigger_id, "no result in time");
  sending.run({ topic: `${BASE}/result/cam1`, payload: { trigger_id: part.trigger_id } });
  assert.deepEqual(sending.kept.waiting, {});
});

test("only OK is green", () => {
  const lamp = made("lamp");
  const colours = ["OK", "NG", "ERROR", undefined].map((verdict) => lamp.run({ topic: "", payload: { verdict } }).lamp);
  assert.deepEqual(colours, ["green", "red", "yellow", "yellow"]);
  assert.equal(lamp.run({ topic: "missing", payload: { trigger_id: "t" } }).lamp, "yellow");
});

test("Inspect answers what was asked of it, by the output of the verdict", () => {
  const answered = made("answered");
  answered.run({ part_of: true, payload: { trigger_id: "t-2" } });
  assert.equal(answered.run(result(1)), null);
  assert.deepEqual(answered.run(result(2, "NG")).map(Boolean), [false, true, false, false]);
  assert.equal(answered.run(result(2, "NG")), null);
  answered.run({ part_of: true, payload: { trigger_id: "t-3" } });
  assert.deepEqual(answered.run({ topic: "missing", payload: { trigger_id: "t-3" } }).map(Boolean), [false, false, false, true]);
});
