/**
 * The plugin kit: holds any stage to the contract of its kind in one line of its author's test.
 *
 * @module
 */

export { checkStage } from "./src/kit/check_stage.ts";
export type { StageChecks } from "./src/kit/stage_checks.ts";
