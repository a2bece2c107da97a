/**
 * Rocket trains a light net together with a booster net ("Rocket Launching", arXiv:1708.04106). A
 * pipeline describes the nets, their training, and the data. It consists of stages, which can be
 * replaced.
 *
 * This module checks, runs, and resumes pipelines, and runs sweeps. To define stages, import
 * `@rocket-launching/rocket/plugin`; to test them, `@rocket-launching/rocket/testing`. The command
 * line is `@rocket-launching/rocket/cli`.
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
export type { MetricValue, UndefinedMetric } from "./src/stages/metric.ts";
export type { NetName, VariableOwner } from "./src/stages/network.ts";
export type { Output } from "./src/stages/output.ts";
export { Interruption, type Place, type Problem, UserError } from "./src/base/errors.ts";
