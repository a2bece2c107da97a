/**
 * The plugin kit: checks a stage against the contract of its kind, in one line of a test, and runs
 * other tests of a stage on all engines.
 *
 * @example
 * ```ts
 * import { defineSchedule, type ScheduleStage, z } from "@rocket-launching/rocket/plugin";
 * import { checkStage } from "@rocket-launching/rocket/testing";
 *
 * const halve: ScheduleStage = defineSchedule({
 *   name: "halve",
 *   summary: "Halves the learning rate at regular intervals.",
 *   options: z.object({ every: z.int().positive() }),
 *   create: ({ every }) => ({ step }) => 0.5 ** Math.floor(step / every),
 * });
 *
 * Deno.test("halve keeps the contract of a schedule", () =>
 *   checkStage(halve, { options: { every: 100 } }));
 * ```
 *
 * @module
 */

export { checkStage } from "./src/kit/check_stage.ts";
export { onEachEngine } from "./src/kit/each_engine.ts";
export type { StageChecks } from "./src/kit/stage_checks.ts";
export type {
  ColumnSpec,
  IdKeys,
  IdSpec,
  LabelSpec,
  LabelStatistics,
  PlaceAxis,
  TextColumn,
} from "./src/stages/batch.ts";
export {
  type AnyStage,
  type OptionsSchema,
  type Stage,
  type StageKind,
  stageKinds,
} from "./src/stages/stage.ts";
