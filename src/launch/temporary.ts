/**
 * Writes the temporary files by which the launcher and the processes of a command exchange data.
 *
 * @module
 */

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
