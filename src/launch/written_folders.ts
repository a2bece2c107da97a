import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheFolder } from "../base/machine/cache_folder.ts";

/**
 * After how many milliseconds a folder that is not there is forgotten: a run that has just begun
 * will make its own.
 */
const DAY = 24 * 60 * 60 * 1_000;

/**
 * The folders into which code that is not Rocket's was allowed to write, by any run of this user:
 * what is in them may be of a stage's making, though it looks like code of the project.
 *
 * @returns The folders; undefined where nothing can be remembered, so that any folder may be one.
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
 * What a file of the memory says, if it is not out of date; another process may forget it
 * meanwhile.
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
 * Remembers that code which is not Rocket's may write into folders, before it is started. Where
 * nothing can be remembered, nothing is downloaded for such code either.
 *
 * @param folders The folders, as absolute paths.
 */
export async function rememberWritten(folders: readonly string[]): Promise<void> {
  if (folders.length === 0 || !await canRemember()) return;
  for (const folder of folders) {
    const name = createHash("sha256").update(folder).digest("hex").slice(0, 32);
    await Deno.writeTextFile(join(memory(), name), folder);
  }
}

/** A file for each folder, so that runs can remember at the same time. */
const memory = () => join(cacheFolder(), "written");
