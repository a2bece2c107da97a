import { readRegularText } from "../../base/files/regular.ts";
import { hashOf } from "../../base/files/hash_of.ts";
import { type Place, UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { runFiles } from "../../base/files/run_files.ts";
import { checkpointPath, type CheckpointSubject } from "./checkpoint_names.ts";

/** The path and the hashes of a checkpoint that was found in a run folder. */
export interface FoundCheckpoint {
  /** The safetensors file. */
  readonly path: string;
  /** The SHA-256 from when the file was written. */
  readonly sha256: string;
  /** The hash in the `model.json` of the run that wrote the file. */
  readonly modelSha256?: string | undefined;
}

/**
 * Finds a checkpoint of a run by its name.
 *
 * @param run The run folder.
 * @param wanted `best`, `last`, or the name of a file in `checkpoints/`.
 * @param modelSha256 The hash in the run's `model.json`.
 * @param subject Where the user named the checkpoint.
 * @throws {UserError} If there is no such checkpoint, or if it is from another run than
 *   `model.json`.
 */
export async function findCheckpoint(
  run: string,
  wanted: string,
  modelSha256: string,
  subject: CheckpointSubject,
): Promise<FoundCheckpoint> {
  const path = await checkpointPath(run, wanted, subject);
  const file = path.replace(/\.safetensors$/, ".json");
  let written: Record<string, unknown>;
  try {
    written = Object(JSON.parse(await readRegularText(file)));
  } catch {
    written = {};
  }
  const { sha256 } = written;
  if (typeof sha256 !== "string") {
    throw new UserError(
      `${path} cannot be verified: ${file}, which contains its hash, cannot be read`,
      {
        ...about(subject.place),
      },
    );
  }
  const found = { path, sha256, modelSha256: written.modelSha256 as string | undefined };
  refuseOtherRun(found, modelSha256, subject.place);
  return found;
}

/**
 * Throws an error if a checkpoint and a `model.json` belong to different runs. If the vocabularies,
 * classes, or statistics of another run were used with a checkpoint, its predictions would be
 * wrong, but no error would occur.
 *
 * @param checkpoint The checkpoint.
 * @param modelSha256 The hash in `model.json`.
 * @param place Where the user named the checkpoint.
 * @throws {UserError} If the checkpoint contains another hash.
 */
export function refuseOtherRun(
  checkpoint: Pick<FoundCheckpoint, "path" | "modelSha256">,
  modelSha256: string,
  place?: Place,
): void {
  if (checkpoint.modelSha256 === modelSha256) return;
  throw new UserError(`${checkpoint.path} is from another run than ${runFiles.model}`, {
    ...about(place),
  });
}

const about = (place: Place | undefined) => ({
  place,
  hint: hint("model/run", "copy the whole run folder again, or choose another checkpoint", {
    edit: "the folder",
  }),
});

/**
 * Throws an error if a checkpoint differs from the file that the run wrote.
 *
 * @param checkpoint The checkpoint.
 * @param place Where the user named the checkpoint.
 * @throws {UserError} If the file's hash differs from the recorded one.
 */
export async function refuseChanged(
  { path, sha256 }: FoundCheckpoint,
  place?: Place,
): Promise<void> {
  let now: string;
  try {
    now = (await hashOf(path)).sha256;
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`, {
      place,
      cause: error,
    });
  }
  if (now === sha256) return;
  throw new UserError(`${path} was changed after the run wrote it: its hash is different`, {
    place,
    hint: hint("model/changed", "copy the original file again, or choose another checkpoint", {
      edit: "the file",
    }),
  });
}
