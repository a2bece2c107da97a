/**
 * Checks whether a run can be resumed with the current pipeline and data.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { variablesIn } from "../pipeline/document/environment.ts";
import { type Problem, UserError } from "../base/errors.ts";
import { counted } from "../base/text_table.ts";
import { hint } from "../base/hints.ts";
import { appendTo } from "../base/long_lists.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { Result } from "../stages/events.ts";
import { type EarlierRun, isEarlierRun } from "./folder/manifest.ts";
import type { Shuffle } from "../input/split.ts";
import type { PreparedData } from "../input/prepare_data.ts";
import { splitPlace } from "../input/split_rows.ts";

/**
 * Checks whether a run has completed all epochs and jobs of a plan.
 *
 * @param result The run's result.
 * @param plan The plan.
 */
export function isFinished(result: Result, { phases, baseline }: Plan): boolean {
  const { epochs, stopped } = result.phases?.at(-1) ?? result;
  const whole = stopped || epochs === phases.at(-1)!.epochs;
  return whole && (result.baseline !== undefined || !baseline);
}

/** Options that must not change: they decide the rows, their order, or the tensors of the state. */
const fixed = [
  "seed",
  "data.features",
  "data.label",
  "data.labels",
  "data.nulls",
  "data.transforms",
  "data.split",
  "data.prepare",
  "data.rows",
  "data.group",
  "data.sampling",
  "network",
  "optimizer.use",
  "train.batch",
  "train.accumulate",
  "train.lastBatch",
  "train.select",
  "train.stop",
] as const;

/**
 * Options of sources that may change: where the rows are. The sizes of record batches determine the
 * order of rows that are shuffled in windows.
 */
const movable: ReadonlySet<string> = new Set(["path", "tables", "database"]);

/** Options of a phase that must not change, because the state of later phases depends on them. */
const fixedInPhase = ["name", "nets", "freeze", "freezeShared", "from", "select", "stop"] as const;

/**
 * Rejects a plan with changes that make it impossible to resume a run.
 *
 * @param earlier The run to resume.
 * @param plan The plan.
 * @throws {UserError} With all options that must not change but did; exit code 2.
 */
export function refuseOtherPlan(earlier: EarlierRun, plan: Plan): void {
  const count = (pipeline: unknown) => [at(pipeline, "phases")].flat().length;
  const phases = Array.from({ length: count(plan.resolved) }, (_, index) => `phases.${index}`);
  const inPhases = at(plan.resolved, "phases") === undefined
    ? []
    : phases.flatMap((phase, index) => [
      ...[...fixedInPhase, "optimizer.use"].map((key) => `${phase}.${key}`),
      ...(index < phases.length - 1 ? [`${phase}.epochs`] : []),
    ]);
  const length = count(earlier.pipeline) === count(plan.resolved) ? [] : ["phases"];
  const options = sourceOptions([earlier.pipeline, plan.resolved]);
  const paths = [...fixed, ...options, ...length, ...inPhases];
  const problems = paths.flatMap((path): Problem[] => {
    const before = at(earlier.pipeline, path), now = at(plan.resolved, path);
    const place = plan.document.place(
      path.split(".").map((key) => /^\d+$/.test(key) ? Number(key) : key),
    );
    if (isDeepStrictEqual(plain(before), plain(now))) {
      // Of a part that is not there, all variables of the pipeline would be looked for.
      if (now === undefined) return [];
      return changedVariables(earlier, plan, now).map((name) => ({
        message:
          `${path} cannot change when a run is resumed: it contains the environment variable ${name}, whose value has changed`,
        place,
        hint: hint("resume/variable", "set the variable to its earlier value, or start a new run", {
          edit: "the environment, or the command",
        }),
      }));
    }
    return [{
      message: `${path} cannot change when a run is resumed: it was ${
        JSON.stringify(before)
      } and is now ${JSON.stringify(now)}`,
      place,
      hint: hint("resume/changed", "start a new run with the new value", { edit: "the command" }),
    }];
  });
  if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
}

/** Returns the paths of the options of sources in pipelines that decide which values are read. */
function sourceOptions(pipelines: readonly unknown[]): string[] {
  return ["all", "train", "validation", "test"].flatMap((split) => {
    const path = `data.${split}`;
    const keys = pipelines.flatMap((pipeline) => {
      const entry = at(pipeline, path);
      return typeof entry === "object" && entry !== null ? Object.keys(entry) : [];
    });
    return [...new Set(keys)].filter((key) => !movable.has(key)).map((key) => `${path}.${key}`);
  });
}

/**
 * Returns the environment variables in a section of a pipeline whose values have changed since an
 * earlier run.
 *
 * @param earlier The earlier run.
 * @param plan The current plan.
 * @param part The section, as written in files; the whole pipeline by default.
 */
export function changedVariables(
  earlier: Pick<EarlierRun, "variables">,
  { variables, resolved }: Plan,
  part: unknown = resolved,
): string[] {
  return variablesIn(part).filter((name) => earlier.variables[name] !== variables[name]);
}

function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>(
    (value, key) => Object(value)[key],
    value,
  );
}

/** Returns a value as it is after it was written to JSON and read again. */
const plain = (value: unknown) => value === undefined ? value : JSON.parse(JSON.stringify(value));

/**
 * Refuses to resume a run if its data, or a teacher in another run, has changed.
 *
 * @param earlier The run to resume.
 * @param data The current rows.
 * @param plan The plan, for places in messages.
 * @throws {UserError} With each split and each teacher that has changed.
 */
export function refuseOtherData(
  earlier: EarlierRun,
  { splits, teachers }: PreparedData,
  plan: Plan,
): void {
  const problems = Object.entries(splits).flatMap(([name, { rows, fingerprint }]): Problem[] => {
    const before = earlier.data[name];
    if (before?.rows === rows && before.fingerprint === fingerprint) return [];
    const how = before === undefined
      ? "did not exist"
      : before.rows === rows
      ? "has different content"
      : `had ${counted(before.rows, "row")} and now has ${rows}`;
    return [{
      message: `the ${name} split has changed since the run began: it ${how}`,
      place: splitPlace(plan, name),
      hint: hint("resume/data", "restore the original data, or start a new run", {
        edit: "the data file, or the command",
      }),
    }];
  });
  appendTo(problems, changedTeachers(earlier, teachers, plan));
  if (problems.length > 0) throw new UserError(problems);
  refuseOtherOrder(earlier.data.train?.shuffle, splits.train!.shuffle, plan);
}

/**
 * Refuses a checkpoint of a run with another pipeline or other data than those with which training
 * would continue. Such a checkpoint, or the `pipeline.json` beside it, is from another run folder.
 *
 * @param run What the checkpoint says about its run.
 * @param data The current rows.
 * @param plan The plan, for places in messages.
 * @throws {UserError} With everything that differs.
 */
export function refuseOtherRun(run: unknown, data: PreparedData, plan: Plan): void {
  if (!isEarlierRun(run)) {
    throw new UserError("the checkpoint was changed: it does not describe the run that wrote it");
  }
  refuseOtherPlan(run, plan);
  refuseOtherData(run, data, plan);
}

/** Returns a problem for each teacher whose outputs are no longer those of the run. */
function changedTeachers(
  { teachers: before = {} }: EarlierRun,
  now: PreparedData["teachers"],
  plan: Plan,
): Problem[] {
  return plan.teachers.flatMap(({ written, from, place }): Problem[] =>
    from === undefined || before[written] === undefined || now[written] === before[written]
      ? []
      : [{
        message: `the teacher in ${
          "run" in from ? from.run : from.onnx
        } has changed since the run began`,
        place: place("run" in from ? "run" : "onnx"),
        hint: hint("resume/teacher", "restore the teacher, or start a new run", {
          edit: "the run of the teacher, or the command",
        }),
      }]
  );
}

/**
 * Rejects a different order of training rows. The memory limit for rows decides how they are
 * shuffled, and by default it depends on the machine.
 */
function refuseOtherOrder(before: Shuffle | undefined, now: Shuffle, plan: Plan): void {
  if (before === undefined || isDeepStrictEqual(before, now)) return;
  const how = (shuffle: Shuffle) =>
    shuffle === "whole" ? "as a whole" : `in windows of ${shuffle.window} rows`;
  throw new UserError(
    `the training rows were shuffled ${
      how(before)
    }, but with the memory available now they would be shuffled ${how(now)}`,
    {
      place: plan.document.place(["data", "memory"]) ?? plan.document.place(["data"]),
      hint: hint(
        "resume/memory",
        "set data.memory to the memory that was available when the run began",
        { edit: "data.memory" },
      ),
    },
  );
}
