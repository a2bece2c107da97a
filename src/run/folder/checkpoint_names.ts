import { join } from "node:path";
import { runFiles } from "../../base/files/run_files.ts";

/** The checkpoints of a run folder. */
export interface CheckpointNames {
  /** Their names, without the ending. */
  readonly names: readonly string[];
  /** The one of the run's latest step; undefined if there is none. */
  readonly last: string | undefined;
}

/**
 * Lists the safetensors files in the checkpoints of a run.
 *
 * @param run The run folder.
 */
export async function checkpointNames(run: string): Promise<CheckpointNames> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(join(run, runFiles.checkpoints))) {
      if (/^[^.].*\.safetensors$/.test(name)) names.push(name.replace(/\.safetensors$/, ""));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const step = (name: string) => Number(/^rocket-(\d+)(?:-unmeasured)?$/.exec(name)?.[1] ?? -1);
  const steps = names.filter((name) => step(name) >= 0);
  return { names: names.sort(), last: steps.sort((a, b) => step(b) - step(a))[0] };
}
