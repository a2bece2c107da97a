import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheFolder } from "../base/machine/cache_folder.ts";

/**
 * The time in milliseconds after which a folder that does not exist is forgotten. It is not
 * forgotten earlier, because a run that has just started may still create it.
 */
const DAY = 24 * 60 * 60 * 1_000;

/**
 * Returns the folders that code other than Rocket's could write to, in any run of this user. A
 * stage may have written files into them that look like code of the project.
 *
 * @returns The folders; undefined if they cannot be stored, so that any folder may be one of them.
 */
export async function writtenFolders(): Promise<string[] | undefined> {
  if (!await canRemember()) return undefined;
  const folders: string[] = [];
  for await (const { name } of Deno.readDir(memory())) {
    const folder = await remembered(join(memory(), name));
    if (folder !== undefined) folders.push(folder);
  }
  return folders;
}

/**
 * Reads a stored folder, unless it is out of date. Another process may remove the file at the same
 * time.
 */
async function remembered(file: string): Promise<string | undefined> {
  try {
    const folder = await Deno.readTextFile(file);
    if (folder === "") return undefined;
    if (await Deno.stat(folder).then(() => true, () => false)) return folder;
    const { mtime } = await Deno.stat(file);
    if (Math.abs(Date.now() - (mtime?.getTime() ?? 0)) < DAY) return folder;
    await Deno.remove(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
}

async function canRemember(): Promise<boolean> {
  try {
    await Deno.mkdir(memory(), { recursive: true });
    await Deno.writeTextFile(join(memory(), "0"), "");
    return true;
  } catch {
    return false;
  }
}

/**
 * Stores the list of folders that custom code may write to, before this code is started. If the
 * list cannot be stored, the packages that custom code imports are not downloaded.
 *
 * @param folders The folders, as absolute paths.
 */
export async function rememberWritten(folders: readonly string[]): Promise<void> {
  if (folders.length === 0 || !await canRemember()) return;
  for (const folder of folders) await Deno.writeTextFile(recordOf(folder), folder);
}

/**
 * Removes a folder from the list of {@linkcode rememberWritten}.
 *
 * @param folder The folder, which does not exist any more.
 */
export async function forgetWritten(folder: string): Promise<void> {
  await Deno.remove(recordOf(folder)).catch(() => {});
}

const recordOf = (folder: string) =>
  join(memory(), createHash("sha256").update(folder).digest("hex").slice(0, 32));

/** Returns the folder with one file for each stored folder, so that runs can store at once. */
const memory = () => join(cacheFolder(), "written");
