/**
 * Rocket trains a light net together with a booster net ("Rocket Launching", arXiv:1708.04106), from
 * pipeline files whose every part is a stage that anyone can write.
 *
 * @module
 */

export * from "./pipeline/errors.ts";
export * from "./pipeline/random.ts";
export * from "./pipeline/stages/batch.ts";
export * from "./pipeline/stages/events.ts";
export * from "./pipeline/stages/gradient.ts";
export * from "./pipeline/stages/loss.ts";
export * from "./pipeline/stages/metric.ts";
export * from "./pipeline/stages/network.ts";
export * from "./pipeline/stages/optimizer.ts";
export * from "./pipeline/stages/output.ts";
export * from "./pipeline/stages/schedule.ts";
export * from "./pipeline/stages/source.ts";
export * from "./pipeline/stages/stage.ts";
export * from "./pipeline/stages/transform.ts";
export * as ops from "./engine/ops.ts";
export * as tf from "@tensorflow/tfjs";
export { z } from "zod";
