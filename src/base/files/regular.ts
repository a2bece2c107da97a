/**
 * Files that are no devices and no pipes: these have no end, or one that nobody can wait for.
 *
 * @module
 */

/** What a path leads to is no regular file. */
export class IrregularFile extends Error {
  override name = "IrregularFile";
}

/**
 * Refuses what is no regular file, before it is opened: a pipe would be waited for.
 *
 * @param path The path.
 * @throws {IrregularFile} If it leads to a folder, a device or a pipe.
 */
export async function refuseIrregular(path: string): Promise<void> {
  const { isFile, isDirectory } = await Deno.stat(path);
  if (isFile) return;
  throw new IrregularFile(isDirectory ? "it is a folder" : "it is no regular file");
}

/**
 * Opens a regular file to read.
 *
 * @param path The file.
 * @throws {IrregularFile} If it is something else.
 */
export async function openRegular(path: string): Promise<Deno.FsFile> {
  await refuseIrregular(path);
  return await Deno.open(path);
}

/**
 * Reads a regular file.
 *
 * @param path The file.
 * @throws {IrregularFile} If it is something else.
 */
export async function readRegular(path: string): Promise<Uint8Array<ArrayBuffer>> {
  await refuseIrregular(path);
  return await Deno.readFile(path);
}

/**
 * Reads a regular file of text.
 *
 * @param path The file.
 * @throws {IrregularFile} If it is something else.
 */
export async function readRegularText(path: string): Promise<string> {
  await refuseIrregular(path);
  return await Deno.readTextFile(path);
}
