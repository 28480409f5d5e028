// Kinds of tools that this node cannot run, for what they need is not installed.

import { get } from "../api.js";
import { t } from "../words.js";

const NEEDS = { text: "rapidocr-onnxruntime" }; // a package that the node tells with its versions
const INSTALL = "pip install 'inspection-node[text]' && pip install --no-deps rapidocr-onnxruntime";

/** Why a kind cannot be used here, by kind; nothing where the node does not say what it runs on. */
export async function lacking() {
  const info = await get("/info").catch(() => null);
  const there = info?.software ?? {};
  if (!there.python) return {};
  const lacks = Object.entries(NEEDS).filter(([, name]) => !(name in there));
  const why = t("Not installed on this node: {command}", { command: INSTALL });
  return Object.fromEntries(lacks.map(([kind]) => [kind, why]));
}
