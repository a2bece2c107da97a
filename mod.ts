/**
 * Rocket trains a light net together with a booster net ("Rocket Launching", arXiv:1708.04106), from
 * pipeline files whose every part is a stage that anyone can write.
 *
 * @module
 */

export * from "./plugin.ts";
export * from "./commands/run_pipeline.ts";
export * from "./pipeline/define.ts";
export * from "./sweep/define.ts";
export type { InputThread } from "./train/input/input.ts";
export type { RunOptions } from "./train/run.ts";
export type { EngineChoice } from "./engine/engine.ts";
export type { Precision } from "./engine/capture/precision.ts";
