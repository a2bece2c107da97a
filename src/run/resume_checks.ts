/**
 * Whether a run can go on with what an earlier one has done.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { variablesIn } from "../pipeline/document/environment.ts";
import { type Problem, UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { Result } from "../stages/events.ts";
import type { EarlierRun } from "./folder/manifest.ts";
import type { Shuffle } from "../input/split.ts";
import type { PreparedData } from "../input/prepare_data.ts";

/**
 * Whether a run has come to the end that a plan wants.
 *
 * @param result What it ended with.
 * @param plan The plan.
 */
export function isFinished(result: Result, { phases, baseline }: Plan): boolean {
  const { epochs, stopped } = result.phases?.at(-1) ?? result;
  const whole = stopped || epochs === phases.at(-1)!.epochs;
  return whole && (result.baseline !== undefined || !baseline);
}

/** What has to stay as it is: the rows, their order, and what the state is made of. */
const fixed = [
  "seed",
  "data.features",
  "data.label",
  "data.transforms",
  "data.validation",
  "data.rows",
  "network",
  "optimizer.use",
  "train.batch",
  "train.lastBatch",
  "train.select",
  "train.stop",
] as const;

/** What a phase does for the state of the next. */
const fixedInPhase = ["name", "nets", "freeze", "freezeShared", "from", "select", "stop"] as const;

/**
 * Refuses a plan that cannot go on with what a run has done.
 *
 * @param earlier The run.
 * @param plan The plan.
 * @throws {UserError} With all that has changed and may not; exit code 2.
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
  const problems = [...fixed, ...length, ...inPhases].flatMap((path): Problem[] => {
    const before = at(earlier.pipeline, path), now = at(plan.resolved, path);
    const place = plan.document.place(
      path.split(".").map((key) => /^\d+$/.test(key) ? Number(key) : key),
    );
    if (isDeepStrictEqual(plain(before), plain(now))) {
      return changedVariables(earlier, plan, now).map((name) => ({
        message:
          `${path} cannot change when a run is resumed: the environment variable ${name} in it has another value`,
        place,
        hint: hint("resume/variable", "set it to what it was, or start a new run", {
          edit: "the environment, or the command",
        }),
      }));
    }
    return [{
      message: `${path} cannot change when a run is resumed: it was ${
        JSON.stringify(before)
      }, and is ${JSON.stringify(now)}`,
      place,
      hint: hint("resume/changed", "start a new run with it", { edit: "the command" }),
    }];
  });
  if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
}

/**
 * The environment variables in a part of a pipeline that had another value in an earlier run.
 *
 * @param earlier The earlier run.
 * @param plan The plan of this one.
 * @param part The part, as files have it; the whole pipeline by default.
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

/** What becomes of a value that is written and read again. */
const plain = (value: unknown) => value === undefined ? value : JSON.parse(JSON.stringify(value));

/**
 * Refuses rows that are not those of the run.
 *
 * @param earlier The run.
 * @param data The rows.
 * @param plan The plan, for places.
 * @throws {UserError} With each split that has changed.
 */
export function refuseOtherData(earlier: EarlierRun, { splits }: PreparedData, plan: Plan): void {
  const problems = Object.entries(splits).flatMap(([name, { rows, fingerprint }]): Problem[] => {
    const before = earlier.data[name];
    if (before?.rows === rows && before.fingerprint === fingerprint) return [];
    const how = before === undefined
      ? "was not there"
      : before.rows === rows
      ? "has other content"
      : `had ${before.rows} rows and has ${rows}`;
    return [{
      message: `the ${name} split is not that of the run any more: it ${how}`,
      place: plan.document.place(["data", name]),
      hint: hint("resume/data", "bring the data back as it was, or start a new run", {
        edit: "the data file, or the command",
      }),
    }];
  });
  if (problems.length > 0) throw new UserError(problems);
  refuseOtherOrder(earlier.data.train?.shuffle, splits.train!.shuffle, plan);
}

/**
 * The memory that rows may take says how they are shuffled, and by default depends on the machine.
 */
function refuseOtherOrder(before: Shuffle | undefined, now: Shuffle, plan: Plan): void {
  if (before === undefined || isDeepStrictEqual(before, now)) return;
  const how = (shuffle: Shuffle) =>
    shuffle === "whole" ? "as a whole" : `in windows of ${shuffle.window} rows`;
  throw new UserError(
    `the training rows were shuffled ${how(before)}, and now would be ${how(now)}`,
    {
      place: plan.document.place(["data", "memory"]) ?? plan.document.place(["data"]),
      hint: hint(
        "resume/memory",
        "the run needs the memory for rows that it had: say as much in data.memory",
        { edit: "data.memory" },
      ),
    },
  );
}
