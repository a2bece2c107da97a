import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheFolder } from "../base/machine/cache_folder.ts";

/** After how many milliseconds a folder that is not there is forgotten: a run that has just begun will make its own. */
const DAY = 24 * 60 * 60 * 1_000;

/**
 * The folders into which code that is not Rocket's was allowed to write, by any run of this user: what is in them may be
 * of a stage's making, though it looks like code of the project.
 */
export async function writtenFolders(): Promise<string[]> {
  const folders: string[] = [];
  try {
    for await (const { name } of Deno.readDir(memory())) {
      const file = join(memory(), name);
      const folder = await Deno.readTextFile(file);
      const isThere = await Deno.stat(folder).then(() => true, () => false);
      const { mtime } = await Deno.stat(file);
      if (isThere || Math.abs(Date.now() - (mtime?.getTime() ?? 0)) < DAY) folders.push(folder);
      else await Deno.remove(file);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return folders;
}

/**
 * Remembers that code which is not Rocket's may write into folders, before it is started.
 *
 * @param folders The folders, as absolute paths.
 */
export async function rememberWritten(folders: readonly string[]): Promise<void> {
  if (folders.length === 0) return;
  await Deno.mkdir(memory(), { recursive: true });
  for (const folder of folders) {
    const name = createHash("sha256").update(folder).digest("hex").slice(0, 32);
    await Deno.writeTextFile(join(memory(), name), folder);
  }
}

/** A file for each folder, so that runs can remember at the same time. */
const memory = () => join(cacheFolder(), "written");
