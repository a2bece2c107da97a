/**
 * Rocket trains a light net together with a booster net ("Rocket Launching", arXiv:1708.04106). A
 * pipeline describes the nets, their training, and the data. It consists of stages, which can be
 * replaced.
 *
 * This module checks, runs, and resumes pipelines, and runs sweeps. To define stages, import
 * `@rocket-launching/rocket/plugin`; to test them, `@rocket-launching/rocket/testing`. The command
 * line is `@rocket-launching/rocket/cli`.
 *
 * @example Define a pipeline, and report its mistakes.
 * ```ts
 * import { checkPipeline, definePipeline } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const pipeline = definePipeline({
 *   name: "digits",
 *   data: {
 *     train: { use: "arrow", path: "data/digits-train.arrow" },
 *     test: { use: "arrow", path: "data/digits-test.arrow" },
 *     features: { image: { shape: [64] } },
 *     label: "digit",
 *   },
 *   network: { use: "mlp", light: [16], booster: [64, 64] },
 *   losses: [
 *     { use: "cross-entropy", on: "light" },
 *     { use: "cross-entropy", on: "booster" },
 *     { use: "mse-hint", from: "booster.logits", to: "light.logits", weight: 0.03 },
 *   ],
 *   optimizer: { use: "adam", learningRate: 0.001 },
 *   train: { epochs: 3, batch: 64 },
 *   metrics: ["accuracy"],
 * });
 * const { problems } = await checkPipeline(pipeline, { engine: "wasm" });
 * assertEquals(problems, []);
 * ```
 *
 * @module
 */

export { definePipeline } from "./src/pipeline/define.ts";
export type * from "./src/pipeline/generated/pipeline_types.ts";
export {
  checkPipeline,
  type CheckPipelineOptions,
  type CheckResult,
} from "./src/run/check_pipeline.ts";
export { runPipeline, type RunPipelineOptions } from "./src/run/run_pipeline.ts";
export { resumeRun, type ResumeRunOptions } from "./src/run/resume_run.ts";
export type { RunOptions } from "./src/run/run.ts";
export type { EngineChoice } from "./src/engine/engine.ts";
export type { Precision } from "./src/engine/capture/precision.ts";
export type { InputThread } from "./src/input/input.ts";

export {
  defineSweep,
  type SweepFile,
  type SweepGrid,
  type SweepSetting,
} from "./src/pipeline/sweep_file/define.ts";
export {
  runSweep,
  type RunSweepOptions,
  type SweepFailure,
  type SweepResult,
} from "./src/sweep/run_sweep.ts";
export type { Interval, Spread } from "./src/sweep/statistics.ts";
export type { MetricSummary, SweepRow, SweepTable } from "./src/sweep/table.ts";

export type {
  CheckpointRequest,
  EpochEvent,
  EvaluationEvent,
  FailureEvent,
  GradientNorms,
  InputResult,
  JobName,
  Metrics,
  PhaseResult,
  PhaseSpec,
  Result,
  ResumedAt,
  RunEndEvent,
  RunEvents,
  RunStartEvent,
  Snapshot,
  SnapshotTensor,
  StepEvent,
  WarningEvent,
} from "./src/stages/events.ts";
export type { BootstrapSamples, MetricValue, UndefinedMetric } from "./src/stages/metric.ts";
export type { NetName, VariableOwner } from "./src/stages/network.ts";
export type { Output } from "./src/stages/output.ts";
export { Interruption, type Place, type Problem, UserError } from "./src/base/errors.ts";
