import { sweepFiles } from "../base/files/sweep_files.ts";
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

/** A run of a sweep whose lock this process holds. */
export interface LockedRun {
  /** The run's plan. */
  readonly plan: Plan;
  /** The run folder. */
  readonly folder: string;
  /** Whether the run is new, interrupted, or finished. */
  readonly state: RunState;
}

/**
 * Locks a sweep's folder and calls a function, so that no other process runs a sweep in the folder
 * at the same time.
 *
 * @param out The folder, which is created if it does not exist.
 * @param body The function.
 * @throws {UserError} If another process holds the lock.
 */
export async function withSweepLock<T>(out: string, body: () => Promise<T>): Promise<T> {
  await makeFolder(out);
  // Locks, logs and run folders in it are opened by name, so none of them may be a link.
  await refuseLinksOut(out);
  return await withLock(
    join(out, sweepFiles.lock),
    () => {
      throw new UserError(`another process is running a sweep in ${out}`, {
        hint: hint("sweep/lock", "wait until it ends, or choose another folder with --out", {
          args: { add: ["--out", "another"] },
        }),
      });
    },
    body,
  );
}

/**
 * Locks one run of a sweep and calls a function. If another process holds the lock, this one waits.
 *
 * @param sweep The sweep.
 * @param run The run.
 * @param options The engine, the sweep's folder, and the code that pipelines may load.
 * @param onWait Called once if another process holds the lock.
 * @param body The function.
 * @returns The result of the function.
 * @throws {UserError} If the run's pipeline is wrong, or its folder contains a run of another
 *   pipeline.
 */
export async function withRunLock<T>(
  sweep: Sweep,
  run: SweepRun,
  options: SweepOptions,
  onWait: () => void,
  body: (run: LockedRun) => Promise<T>,
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
 * Finds one finished run of each setting, so that its light net can be timed.
 *
 * @param sweep The sweep.
 * @param allowed The code that its pipelines may load.
 * @param options The sweep's folder, if the user chose one.
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
