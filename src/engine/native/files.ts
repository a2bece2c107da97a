import { join } from "node:path";
import { appendTo } from "../../base/long_lists.ts";

/**
 * Checks whether a path leads to a file, possibly through links.
 *
 * @param path The path.
 * @returns Whether it does; false also if it does not exist or cannot be read.
 */
export async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

/**
 * Removes a file, or a folder with its content. A path that does not exist is ignored.
 *
 * @param path The path.
 */
export async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Lists the files under a folder, at any depth. Files that disappear during the call are left out,
 * so another process may write to the folder.
 *
 * @param folder The folder.
 * @returns The paths, each starting with the folder's path.
 */
export async function filesUnder(folder: string): Promise<string[]> {
  const files: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory) appendTo(files, await filesUnder(path));
      else files.push(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return files;
}

/**
 * Adds up the sizes of all files under a folder.
 *
 * @param folder The folder.
 * @returns The sum in bytes; 0 if the folder does not exist.
 */
export async function bytesUnder(folder: string): Promise<number> {
  let bytes = 0;
  for (const file of await filesUnder(folder)) {
    bytes += await Deno.stat(file).then((info) => info.size, () => 0);
  }
  return bytes;
}
