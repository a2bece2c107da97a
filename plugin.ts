/**
 * Defines stages: the `define…` functions, the types of each kind of stage, tensors, and helpers.
 * The built-in stages use only this module.
 *
 * @example A learning rate schedule, which a pipeline names by the path of its file.
 * ```ts
 * import { defineSchedule, type ScheduleStage, z } from "@rocket-launching/rocket/plugin";
 *
 * const halve: ScheduleStage = defineSchedule({
 *   name: "halve",
 *   summary: "Halves the learning rate at regular intervals.",
 *   options: z.object({ every: z.int().positive().describe("The number of steps between two halvings.") }),
 *   create: ({ every }) => ({ step }) => 0.5 ** Math.floor(step / every),
 * });
 * if (halve.name !== "halve") throw new Error("another name");
 * ```
 *
 * The file of a stage ends in `export default halve;`.
 *
 * @module
 */

export { tf } from "./src/stages/tf.ts";
export { z } from "./src/stages/z.ts";
export * as ops from "./src/engine/ops.ts";
export * as layers from "./src/layers/mod.ts";

// For stages of all kinds.
export {
  type AnyStage,
  columnOption,
  type Create,
  nestedStage,
  type OptionsSchema,
  pathOption,
  type Stage,
  type StageDefinition,
  type StageKind,
  stageKinds,
} from "./src/stages/stage.ts";
export * from "./src/stages/batch.ts";
export {
  type Place,
  type Problem,
  rowOfBatch,
  UserError,
  type UserErrorOptions,
} from "./src/base/errors.ts";
export { type ArgumentsChange, type Change, hint, type HintText } from "./src/base/hints.ts";
export { LargeMap } from "./src/base/large_map.ts";
export { listed } from "./src/base/listed.ts";
export { didYouMean, nearest } from "./src/base/nearest.ts";
export { printable } from "./src/base/printable.ts";
export { yamlName } from "./src/base/quoted.ts";
export { recordBatchOf, withQuickAssign } from "./src/base/wide_schema.ts";
export { cutToWidth } from "./src/base/text_table.ts";
export { widthOf } from "./src/base/text_width.ts";
export { createRandom, type Random } from "./src/base/random.ts";

// One module per kind of stage, and its types.
export * from "./src/stages/source.ts";
export * from "./src/base/arrow_types.ts";
export { cellReader } from "./src/base/arrow_cells.ts";
export { commonType } from "./src/stages/column_types.ts";
export * from "./src/stages/transform.ts";
export { type NotNumbers, notNumbers } from "./src/stages/meaning.ts";
export * from "./src/stages/network.ts";
export * from "./src/stages/loss.ts";
export * from "./src/stages/gradient.ts";
export * from "./src/stages/optimizer.ts";
export * from "./src/stages/schedule.ts";
export * from "./src/stages/metric.ts";
export * from "./src/stages/output.ts";
export * from "./src/stages/events.ts";
export { metricsToJson } from "./src/stages/metrics_json.ts";

// Files and the terminal, for sources and outputs.
export { appendBytes, appendLine } from "./src/base/files/append.ts";
export { availableMemory } from "./src/base/machine/available_memory.ts";
export { globFiles, isGlob } from "./src/base/files/glob.ts";
export { runFiles } from "./src/base/files/run_files.ts";
export { unpermittedTarget } from "./src/base/files/unpermitted_target.ts";
export { writeFileWhole } from "./src/base/files/write.ts";
export { type Lines, say, showStatus, type StatusLine } from "./src/base/terminal.ts";
