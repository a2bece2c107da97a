/**
 * What the tests of schedules have in common.
 *
 * @module
 */

import type { Position, Schedule, ScheduleStage } from "../../../plugin.ts";
import {
  assertNear,
  type OptimizersReference,
  readOptimizersReference,
} from "../../reference/fixtures.ts";

/** How long a run is. */
export interface Run {
  /** Its epochs. */
  readonly epochs: number;
  /** The steps of an epoch. */
  readonly perEpoch: number;
}

/**
 * A schedule.
 *
 * @param stage The stage.
 * @param options The options, as a pipeline file has them; in the place of a nested stage, what it
 *   makes.
 */
export function makeSchedule(stage: ScheduleStage, options: unknown = {}): Schedule {
  return stage.create(stage.options.parse(options), {});
}

/**
 * A position, as a run has it.
 *
 * @param step The step, from 0.
 * @param run How long the run is.
 */
export function positionAt(step: number, { epochs, perEpoch }: Run): Position {
  return { step, steps: epochs * perEpoch, epoch: step / perEpoch, epochs };
}

/**
 * The factors on the rate at all steps of a run.
 *
 * @param schedule The schedule.
 * @param run How long the run is.
 */
export function factorsOf(schedule: Schedule, run: Run): number[] {
  return Array.from(
    { length: run.epochs * run.perEpoch },
    (_, step) => schedule(positionAt(step, run)),
  );
}

/**
 * Compares the rates of PyTorch's twenty epochs with those at the first step of each, in epochs of
 * one step and of several.
 *
 * @param schedule The schedule.
 * @param name The reference's name for it.
 */
export async function assertReference(
  schedule: Schedule,
  name: keyof OptimizersReference["schedules"],
): Promise<void> {
  const { rates } = (await readOptimizersReference()).schedules[name];
  for (const perEpoch of [1, 7]) {
    const run = { epochs: rates.length, perEpoch };
    const actual = rates.map((_, epoch) => 0.1 * schedule(positionAt(epoch * perEpoch, run)));
    assertNear(`${name} with ${perEpoch} steps an epoch`, actual, rates, 1e-5);
  }
}
