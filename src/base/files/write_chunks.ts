import { draftOf, forgetDraft } from "./drafts.ts";
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
  const draft = draftOf(path);
  try {
    // At once: a draft that is made while the process ends would stay.
    const file = Deno.openSync(draft, { write: true, createNew: true });
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
  } finally {
    forgetDraft(draft);
  }
}
