import { basename, dirname, join } from "node:path";
import { unwritable } from "./unwritable.ts";

/**
 * Writes a file piece by piece, so that whoever finds it finds it whole: to a new file first, synced to
 * the disk, then renamed over the old one. Nothing is left of it where that fails.
 *
 * @param path The file.
 * @param chunks Its content.
 * @throws {UserError} If it cannot be written; it says why and what to do.
 */
export async function writeChunks(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}`);
  try {
    const file = await Deno.open(draft, { write: true, createNew: true });
    try {
      for await (const bytes of chunks) {
        let written = 0;
        while (written < bytes.length) written += await file.write(bytes.subarray(written));
      }
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(draft, path);
  } catch (error) {
    await Deno.remove(draft).catch(() => {});
    throw unwritable(path, error);
  }
}

/**
 * Removes what {@linkcode writeChunks} left in a folder when its process was killed.
 *
 * @param folder The folder; there may be none.
 */
export async function removeDrafts(folder: string): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (isDraft(name)) await Deno.remove(join(folder, name));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Whether a file is what {@linkcode writeChunks} writes before it has its name.
 *
 * @param name The file's name.
 */
export function isDraft(name: string): boolean {
  return /^\..+\.[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(name);
}
