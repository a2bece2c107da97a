import { dirname, join } from "node:path";
import { pathInside, refuseLinksOut } from "../base/files/inside.ts";
import { makeFolder } from "../base/files/make_folder.ts";
import { withLock } from "../base/files/with_lock.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { AllowedCode } from "../pipeline/allowed_code.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { Sweep, SweepRun } from "../pipeline/sweep_file/read.ts";
import { readResult } from "../run/folder/manifest.ts";
import { folderOf, nameOf, planOf, type SweepOptions } from "./check.ts";
import { keptRun, type RunState } from "./kept.ts";
import type { TimedNet } from "./latency.ts";

/** A run of a sweep that nobody else runs at the same time. */
export interface HeldRun {
  /** Its plan. */
  readonly plan: Plan;
  /** Its folder. */
  readonly folder: string;
  /** How far it has come. */
  readonly state: RunState;
}

/**
 * Takes a sweep's folder for this process.
 *
 * @param out The folder; it is made.
 * @param body What is done while no other process runs a sweep in it.
 * @throws {UserError} If another process does.
 */
export async function holdSweep<T>(out: string, body: () => Promise<T>): Promise<T> {
  await makeFolder(out);
  // Locks, logs and run folders are opened by their names in it.
  await refuseLinksOut(out);
  return await withLock(
    join(out, ".lock"),
    () => {
      throw new UserError(`another process runs a sweep in ${out}`, {
        hint: hint("sweep/lock", "wait for its end, or choose another folder with --out", {
          args: { add: ["--out", "another"] },
        }),
      });
    },
    body,
  );
}

/**
 * Takes one run of a sweep for this process, and waits for another process that has it.
 *
 * @param sweep The sweep.
 * @param run The run.
 * @param options How the sweep is run.
 * @param onWait Called if another process has it.
 * @param body What is done with the run.
 * @returns What the body returns.
 * @throws {UserError} If its pipeline is wrong, or its folder holds another run.
 */
export async function holdRun<T>(
  sweep: Sweep,
  run: SweepRun,
  options: SweepOptions,
  onWait: () => void,
  body: (run: HeldRun) => Promise<T>,
): Promise<T> {
  const out = folderOf(sweep, options), name = nameOf(run);
  const folder = join(out, name), plan = await planOf(run, options.allowed);
  pathInside(out, name);
  const lock = pathInside(out, `${name}.lock`);
  await makeFolder(dirname(folder));
  await refuseLinksOut(dirname(folder));
  return await withLock(lock, onWait, async () => {
    const { state } = await keptRun(folder, plan, options);
    return await body({ plan, folder, state });
  });
}

/**
 * A finished run of each setting, whose light net can be timed.
 *
 * @param sweep The sweep.
 * @param allowed Which code its pipelines may name.
 * @param options Where its folder is.
 */
export async function finishedNets(
  sweep: Sweep,
  allowed: AllowedCode,
  options: Pick<SweepOptions, "out">,
): Promise<TimedNet[]> {
  const nets: TimedNet[] = [];
  for (const { key: setting } of sweep.settings) {
    for (const run of sweep.runs) {
      const folder = join(folderOf(sweep, options), nameOf(run));
      if (run.setting !== setting || !await readResult(folder)) continue;
      nets.push({ setting, plan: await planOf(run, allowed), folder });
      break;
    }
  }
  return nets;
}
