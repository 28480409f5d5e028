// Regions as the schema has them, without a screen: what they are, how they are dragged,
// and what is made of them.

export * from "./handles.js";
export * from "./reshape.js";
export * from "./shapes.js";
