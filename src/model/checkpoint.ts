import { readRegularText } from "../base/files/regular.ts";
import { hashOf } from "../base/files/hash_of.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { checkpointPath } from "../run/folder/checkpoint_names.ts";

/** A checkpoint of a run, which contains its weights. */
export interface CheckpointOfRun {
  /** The safetensors file. */
  readonly path: string;
  /** The SHA-256 from when the file was written; undefined if it was not recorded. */
  readonly sha256: string | undefined;
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
  return { path, sha256: await writtenHash(path) };
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

/** Reads the recorded hash from the JSON file next to a checkpoint. */
async function writtenHash(path: string): Promise<string | undefined> {
  try {
    const file = path.replace(/\.safetensors$/, ".json");
    const { sha256 } = Object(JSON.parse(await readRegularText(file)));
    return typeof sha256 === "string" ? sha256 : undefined;
  } catch {
    return undefined;
  }
}
