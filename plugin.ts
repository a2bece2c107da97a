/**
 * What stages are written with: the `define…` functions, their contracts, tensors and helpers. The
 * built-in stages use this and nothing else; `mod.ts` exports all of it.
 *
 * @module
 */

export * from "./src/base/files/safetensors.ts";
export * from "./src/base/files/append.ts";
export * from "./src/base/machine/available_memory.ts";
export * from "./src/base/files/glob.ts";
export * from "./src/base/files/write.ts";
export * from "./src/stages/arrow.ts";
export * from "./src/stages/column_types.ts";
export * from "./src/base/errors.ts";
export { type ArgumentsChange, type Change, hint, type HintText } from "./src/base/hints.ts";
export { type Lines, say, showStatus, type StatusLine } from "./src/base/terminal.ts";
export * from "./src/stages/metrics_json.ts";
export * from "./src/base/nearest.ts";
export * from "./src/base/random.ts";
export * from "./src/stages/batch.ts";
export * from "./src/stages/events.ts";
export * from "./src/stages/gradient.ts";
export * from "./src/stages/loss.ts";
export * from "./src/stages/meaning.ts";
export * from "./src/stages/metric.ts";
export * from "./src/stages/network.ts";
export * from "./src/stages/optimizer.ts";
export * from "./src/stages/output.ts";
export * from "./src/stages/schedule.ts";
export * from "./src/stages/source.ts";
export * from "./src/stages/stage.ts";
export * from "./src/stages/transform.ts";
export * as ops from "./src/engine/ops.ts";
export { tf } from "./src/stages/tf.ts";
export { z } from "./src/stages/z.ts";
