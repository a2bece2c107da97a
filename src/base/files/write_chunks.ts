import { draftOf, forgetDraft } from "./drafts.ts";
import { unwritable } from "./unwritable.ts";

/**
 * Writes a file in chunks and atomically: it writes a new file, syncs it to the disk and renames it
 * over the old one. If that fails, no temporary file remains.
 *
 * @param path The file.
 * @param chunks The file's content.
 * @throws {UserError} If it cannot be written, with the reason and a hint.
 */
export async function writeChunks(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const draft = draftOf(path);
  try {
    // Opened synchronously: a draft that is created while the process ends would remain.
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
