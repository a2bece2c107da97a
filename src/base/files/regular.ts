/**
 * Opens and reads regular files. Devices and pipes are rejected, since reading them may never end,
 * and so are links to files that the process may not read.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { unpermittedTarget } from "./unpermitted_target.ts";

/** Thrown if a path does not lead to a regular file, or if the process may not read the file. */
export class IrregularFile extends Error {
  override name = "IrregularFile";
}

/**
 * Rejects a path that is not a regular file before it is opened, since opening a pipe may block.
 *
 * @param path The path.
 * @throws {IrregularFile} If the path leads to a folder, a device or a pipe, or through a link to a
 *   file that the process may not read.
 */
export async function refuseIrregular(path: string): Promise<void> {
  const target = unpermittedTarget(path);
  if (target !== undefined) {
    throw new IrregularFile(`it is a link to ${target}, which this command may not read`);
  }
  const { isFile, isDirectory } = await Deno.stat(path);
  if (isFile) return;
  throw new IrregularFile(isDirectory ? "it is a folder" : "it is not a regular file");
}

/**
 * Opens a regular file for reading.
 *
 * @param path The file.
 * @throws {IrregularFile} If it is something else.
 */
export async function openRegular(path: string): Promise<Deno.FsFile> {
  await refuseIrregular(path);
  return await Deno.open(path);
}

/**
 * Reads a regular file. Anything else at the path, such as a folder or a pipe, is an error.
 *
 * @param path The file.
 * @throws {IrregularFile} If it is something else.
 */
export async function readRegular(path: string): Promise<Uint8Array<ArrayBuffer>> {
  await refuseIrregular(path);
  return await Deno.readFile(path);
}

/**
 * Reads a text file, after checking that the path leads to a regular file and not, for example, to
 * a folder, a device, or a pipe.
 *
 * @param path The file.
 * @throws {IrregularFile} If it is something else.
 */
export async function readRegularText(path: string): Promise<string> {
  await refuseIrregular(path);
  return await Deno.readTextFile(path);
}

/**
 * Reads a regular text file of a run folder that may be absent, because the run has not written it
 * yet.
 *
 * @param path The file.
 * @returns The text; undefined if the file does not exist.
 * @throws {UserError} If it cannot be read; exit code 2.
 */
export async function readTextIfExists(path: string): Promise<string | undefined> {
  try {
    return await readRegularText(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new UserError(`${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
      exitCode: 2,
    });
  }
}
