/**
 * What stages are written with: the `define…` functions, their contracts, tensors and helpers. The
 * built-in stages use this and nothing else; `mod.ts` exports all of it.
 *
 * @module
 */

export * from "./files/safetensors.ts";
export * from "./files/append.ts";
export * from "./files/glob.ts";
export * from "./files/write.ts";
export * from "./pipeline/column_types.ts";
export * from "./pipeline/errors.ts";
export { type ArgumentsChange, type Change, hint, type HintText } from "./pipeline/hints.ts";
export { type Lines, say, showStatus, type StatusLine } from "./pipeline/terminal.ts";
export * from "./pipeline/metrics_json.ts";
export * from "./pipeline/nearest.ts";
export * from "./pipeline/random.ts";
export * from "./pipeline/stages/batch.ts";
export * from "./pipeline/stages/events.ts";
export * from "./pipeline/stages/gradient.ts";
export * from "./pipeline/stages/loss.ts";
export * from "./pipeline/stages/meaning.ts";
export * from "./pipeline/stages/metric.ts";
export * from "./pipeline/stages/network.ts";
export * from "./pipeline/stages/optimizer.ts";
export * from "./pipeline/stages/output.ts";
export * from "./pipeline/stages/schedule.ts";
export * from "./pipeline/stages/source.ts";
export * from "./pipeline/stages/stage.ts";
export * from "./pipeline/stages/transform.ts";
export * as ops from "./engine/ops.ts";
/** TensorFlow.js, the one that computes: tensors of another copy would not be known here. */
export * as tf from "@tensorflow/tfjs";
/** zod, for schemas of options. */
export { z } from "zod";
