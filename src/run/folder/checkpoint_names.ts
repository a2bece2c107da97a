import { join } from "node:path";
import { type Place, UserError } from "../../base/errors.ts";
import { runFiles } from "../../base/files/run_files.ts";
import { type Change, hint, nameHint } from "../../base/hints.ts";

/** The names of the checkpoints in a run folder. */
export interface CheckpointNames {
  /** The names of the files, without their extension. */
  readonly names: readonly string[];
  /** The name of the checkpoint from the latest step; undefined if there is none. */
  readonly last: string | undefined;
}

/**
 * Lists the names of a run's checkpoints.
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

/**
 * Where the user named a checkpoint, and how to change the name. The error for a checkpoint that
 * does not exist uses it.
 */
export interface CheckpointSubject {
  /** The place in the pipeline file; undefined for a name on the command line. */
  readonly place?: Place | undefined;
  /** Returns the change of the input that selects another checkpoint. */
  readonly change: (name: string) => Change;
}

/**
 * Finds the safetensors file of a checkpoint by its name.
 *
 * @param run The run folder.
 * @param wanted `best`, `last`, or the name of a file in `checkpoints/`.
 * @param subject Where the user named the checkpoint.
 * @returns The path of the file.
 * @throws {UserError} If there is no such checkpoint; exit code 2.
 */
export async function checkpointPath(
  run: string,
  wanted: string,
  { place, change }: CheckpointSubject,
): Promise<string> {
  const { names, last } = await checkpointNames(run);
  const name = wanted === "last" ? last : wanted.replace(/\.safetensors$/, "");
  if (name !== undefined && names.includes(name)) {
    return join(run, runFiles.checkpoints, `${name}.safetensors`);
  }
  throw new UserError(`the run ${run} has no checkpoint ${wanted}`, {
    place,
    hint: nameHint("checkpoint/name", { written: wanted, names, intro: "it has", change }) ??
      hint(
        "checkpoint/none",
        "use a run that has checkpoints: only runs with the output checkpoint write them",
        { edit: "the run" },
      ),
    exitCode: 2,
  });
}
