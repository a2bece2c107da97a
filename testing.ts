/**
 * The plugin kit: checks a stage against the contract of its kind, in one line of a test.
 *
 * @module
 */

export { checkStage } from "./src/kit/check_stage.ts";
export type { StageChecks } from "./src/kit/stage_checks.ts";
export type {
  ColumnSpec,
  IdKeys,
  IdSpec,
  LabelSpec,
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
