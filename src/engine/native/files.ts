import { join } from "node:path";

/**
 * Whether a path is a file, through links.
 *
 * @param path The path.
 * @returns False too if it is not there or may not be looked at.
 */
export async function isFile(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isFile, () => false);
}

/**
 * Removes a file or a folder with all in it; one that is not there is fine.
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
 * The files under a folder, at any depth. What vanishes meanwhile is left out, so a folder that
 * another process is writing to can be looked at.
 *
 * @param folder The folder.
 * @returns The paths, each beginning with the folder's.
 */
export async function filesUnder(folder: string): Promise<string[]> {
  const files: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory) files.push(...await filesUnder(path));
      else files.push(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return files;
}

/**
 * The bytes of all files under a folder.
 *
 * @param folder The folder.
 * @returns The sum; 0 if there is no such folder.
 */
export async function bytesUnder(folder: string): Promise<number> {
  let bytes = 0;
  for (const file of await filesUnder(folder)) {
    bytes += await Deno.stat(file).then((info) => info.size, () => 0);
  }
  return bytes;
}
