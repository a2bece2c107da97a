/**
 * Warnings about pipelines that can be trained but will hardly give a useful result.
 *
 * @module
 */

import type { Problem } from "../../base/errors.ts";
import type { PreparedData } from "../../input/prepare_data.ts";
import { withEntry } from "../../input/feature_entries.ts";
import { classesWithoutRows, oneClass } from "./classes.ts";
import { type Facts, gatherFacts } from "./facts.ts";
import { groupsApart } from "./groups.ts";
import { labelAsFeature } from "./label_as_feature.ts";
import { largeLabel } from "./large_label.ts";
import { differentRanges } from "./ranges.ts";
import { shiftedInputs } from "./shifted_inputs.ts";
import { smallBatches } from "./small_batches.ts";
import { trainedRows } from "./trained_rows.ts";
import {
  mostlyUnknown,
  rareValues,
  untrainedUnknown,
  valuesThatDoNotOccur,
} from "./vocabularies.ts";
import { noWeight } from "./weights.ts";

/** All checks that are made before training begins. */
const all: readonly ((facts: Facts) => Problem[] | Promise<Problem[]>)[] = [
  labelAsFeature,
  oneClass,
  classesWithoutRows,
  noWeight,
  differentRanges,
  largeLabel,
  rareValues,
  valuesThatDoNotOccur,
  mostlyUnknown,
  untrainedUnknown,
  smallBatches,
  groupsApart,
  shiftedInputs,
  trainedRows,
];

/**
 * Looks for mistakes that do not prevent training but make its result useless.
 *
 * @param data The rows of a plan.
 * @returns The warnings, with places and hints.
 * @throws {UserError} If a row cannot be read, or a transform fails.
 */
export async function warningsOf(data: PreparedData): Promise<Problem[]> {
  const facts = await gatherFacts(data);
  const problems = (await Promise.all(all.map((warn) => warn(facts)))).flat();
  return problems.map((problem) => withEntry(problem, data.plan));
}
