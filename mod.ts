/**
 * Rocket trains a light net together with a booster net ("Rocket Launching", arXiv:1708.04106), from
 * pipeline files whose every part is a stage that anyone can write.
 *
 * @module
 */

export * from "./plugin.ts";
export * from "./src/run/run_pipeline.ts";
export * from "./src/pipeline/define.ts";
export * from "./src/pipeline/sweep_file/define.ts";
export type { InputThread } from "./src/input/input.ts";
export type { RunOptions } from "./src/run/run.ts";
export type { EngineChoice } from "./src/engine/engine.ts";
export type { Precision } from "./src/engine/capture/precision.ts";
