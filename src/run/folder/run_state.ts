import { join } from "node:path";
import { isTaken } from "../../base/files/folder_lock.ts";
import { readTextIfExists } from "../../base/files/regular.ts";
import { runFiles } from "../../base/files/run_files.ts";
import type { Result } from "../../stages/events.ts";
import { type EarlierRun, readEarlierRun, readResult } from "./manifest.ts";

/**
 * How far a run has come: `finished` after all epochs, `stopped` early by `train.stop`, `running`
 * in another process, or `unfinished` because it failed or was interrupted.
 */
export type RunState = "finished" | "stopped" | "running" | "unfinished";

/** The state and the progress of a run, as stored in its run folder. */
export interface RunSummary {
  /** The state. */
  readonly state: RunState;
  /** The number of epochs of the joint training that are done. */
  readonly epochs: number;
  /** The number of epochs that the pipeline asks for. */
  readonly planned: number;
  /** When the run folder's `pipeline.json`, metrics, or `result.json` last changed. */
  readonly changed: Date;
  /** The content of `pipeline.json`. */
  readonly earlier: EarlierRun;
  /** The content of `result.json`; undefined if the run has not ended. */
  readonly result: Result | undefined;
}

/**
 * Summarizes the state and the result of a run, as stored in its run folder. It loads neither code
 * nor data.
 *
 * @param folder The run folder.
 * @throws {UserError} If the folder is not a run folder, or a file in it is damaged; exit code 2.
 */
export async function summarizeRun(folder: string): Promise<RunSummary> {
  const earlier = await readEarlierRun(folder);
  const result = await readResult(folder);
  const state = result
    ? result.stopped ? "stopped" : "finished"
    : isTaken(folder)
    ? "running"
    : "unfinished";
  return {
    state,
    epochs: result?.epochs ?? await epochsDone(join(folder, runFiles.metrics.rocket)),
    planned: plannedEpochs(earlier.pipeline),
    changed: await lastChange(folder),
    earlier,
    result,
  };
}

/** Returns the epochs of all phases, or those of `train`. */
function plannedEpochs({ phases, train }: EarlierRun["pipeline"]): number {
  const epochs = (part: unknown) => Number(Object(part).epochs) || 0;
  const all = Array.isArray(phases) && phases.length > 0 ? phases : [train];
  return all.reduce((sum: number, part) => sum + epochs(part), 0);
}

/** Returns the last epoch of a file of metrics; 0 if there is none. */
async function epochsDone(file: string): Promise<number> {
  const text = await readTextIfExists(file) ?? "";
  let last = 0;
  for (const line of text.split("\n")) {
    try {
      const { epoch } = JSON.parse(line);
      if (Number.isInteger(epoch)) last = Math.max(last, epoch);
    } catch {
      // An incomplete line, or the empty text after the last line.
    }
  }
  return last;
}

async function lastChange(folder: string): Promise<Date> {
  const names = [runFiles.pipeline, runFiles.result, ...Object.values(runFiles.metrics)];
  const times = await Promise.all(
    names.map((name) =>
      Deno.stat(join(folder, name)).then(({ mtime }) => mtime?.getTime() ?? 0, () => 0)
    ),
  );
  return new Date(Math.max(...times));
}
