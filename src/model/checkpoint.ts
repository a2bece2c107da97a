import { readRegularText } from "../base/files/regular.ts";
import { hashOf } from "../base/files/hash_of.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { runFiles } from "../base/files/run_files.ts";
import type { ModelFile } from "../run/model/model_file.ts";
import { checkpointPath } from "../run/folder/checkpoint_names.ts";

/** A checkpoint of a run, which contains its weights. */
export interface CheckpointOfRun {
  /** The safetensors file. */
  readonly path: string;
  /** The SHA-256 from when the file was written; undefined if it was not recorded. */
  readonly sha256: string | undefined;
  /** The id of the run that wrote the file; undefined if it was not recorded. */
  readonly runId?: string | undefined;
}

/**
 * Finds a checkpoint of a run by its name.
 *
 * @param run The run folder.
 * @param wanted `best`, `last`, or the name of a file in `checkpoints/`.
 * @throws {UserError} If there is no such checkpoint.
 */
export async function findCheckpoint(run: string, wanted: string): Promise<CheckpointOfRun> {
  const path = await checkpointPath(run, wanted, {
    change: (name) => ({ args: { replace: { [wanted]: name } } }),
  });
  return { path, ...await written(path) };
}

/**
 * Throws an error if a checkpoint differs from the file that the run wrote.
 *
 * @param checkpoint The checkpoint.
 * @throws {UserError} If the file's hash differs from the recorded one.
 */
export async function refuseChanged({ path, sha256 }: CheckpointOfRun): Promise<void> {
  if (sha256 === undefined || await hashOfCheckpoint(path) === sha256) return;
  throw new UserError(`${path} was changed after the run wrote it: its hash is different`, {
    hint: hint("model/changed", "copy the original file again, or choose another checkpoint", {
      edit: "the file",
    }),
  });
}

/**
 * Computes the SHA-256 of a checkpoint.
 *
 * @param path The file.
 * @throws {UserError} If the file cannot be read.
 */
export async function hashOfCheckpoint(path: string): Promise<string> {
  try {
    return (await hashOf(path)).sha256;
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Throws an error if a checkpoint is not from the run of a `model.json`: with other vocabularies or
 * statistics, its predictions would be wrong without an error.
 *
 * @param checkpoint The checkpoint.
 * @param model The content of `model.json`.
 * @throws {UserError} If the checkpoint is from another run, or does not say from which.
 */
export function refuseOtherRun(
  { path, sha256, runId }: CheckpointOfRun,
  { run }: Pick<ModelFile, "run">,
): void {
  if (sha256 !== undefined && runId === run) return;
  const file = path.replace(/\.safetensors$/, ".json");
  throw new UserError(
    sha256 === undefined
      ? `${path} cannot be checked: ${file}, which has its hash, cannot be read`
      : `${path} is from another run than ${runFiles.model}`,
    {
      hint: hint("model/run", "copy the whole run folder again, or choose another checkpoint", {
        edit: "the folder",
      }),
    },
  );
}

/** Reads what the JSON file next to a checkpoint records. */
async function written(path: string): Promise<Pick<CheckpointOfRun, "sha256" | "runId">> {
  try {
    const file = path.replace(/\.safetensors$/, ".json");
    const { sha256, runId } = Object(JSON.parse(await readRegularText(file)));
    const textOf = (value: unknown) => typeof value === "string" ? value : undefined;
    return { sha256: textOf(sha256), runId: textOf(runId) };
  } catch {
    return { sha256: undefined };
  }
}
