/**
 * Writes the temporary files by which the launcher and the processes of a command exchange data.
 *
 * @module
 */

import { join } from "node:path";
import { reasonOf } from "../base/files/write_failure.ts";
import { Refusal } from "./rocket.ts";

/** Creates a folder for temporary files. */
export async function makeTemporary(): Promise<string> {
  try {
    return await Deno.realPath(await Deno.makeTempDir({ prefix: "rocket-" }));
  } catch (error) {
    throw refusal(error);
  }
}

/**
 * Removes a folder for temporary files, also if code has taken the rights that this needs from a
 * folder in it.
 *
 * @param folder The folder.
 * @returns Whether it is gone.
 */
export async function removeTemporary(folder: string): Promise<boolean> {
  const remove = () =>
    Deno.remove(folder, { recursive: true }).then(
      () => true,
      (error) => error instanceof Deno.errors.NotFound,
    );
  if (await remove()) return true;
  await makeRemovable(folder);
  return await remove();
}

/** Gives this user all rights to a folder and those in it. Links are not followed. */
async function makeRemovable(folder: string): Promise<void> {
  try {
    await Deno.chmod(folder, 0o700);
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await makeRemovable(join(folder, name));
    }
  } catch {
    // It belongs to another user, or its name is not valid UTF-8.
  }
}

/**
 * Writes a temporary file.
 *
 * @param file The file.
 * @param text Its content.
 */
export async function writeTemporary(file: string, text: string): Promise<void> {
  try {
    await Deno.writeTextFile(file, text);
  } catch (error) {
    throw refusal(error);
  }
}

function refusal(error: unknown): Refusal {
  // Deno writes to the folders of the system only with all permissions.
  const why = error instanceof Deno.errors.NotCapable
    ? "it is a folder of the system"
    : reasonOf(error);
  return new Refusal(
    `the folder for temporary files cannot be written: ${why}; the environment variable TMPDIR ` +
      "can name another one",
    1,
  );
}
