import { unwritable } from "./unwritable.ts";

/**
 * Adds a line to a file, which is made if there is none, and syncs it: what is written later, such as a
 * checkpoint, may count on it. A line that cannot be written whole is taken away again.
 *
 * @param path The file.
 * @param line The line, without its end.
 * @throws {UserError} If it cannot be written; it says why.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  try {
    using file = await Deno.open(path, { append: true, create: true });
    const { size } = await file.stat();
    const bytes = new TextEncoder().encode(line + "\n");
    try {
      let written = 0;
      while (written < bytes.length) written += await file.write(bytes.subarray(written));
      await file.sync();
    } catch (error) {
      await file.truncate(size).catch(() => {});
      throw error;
    }
  } catch (error) {
    throw unwritable(path, error);
  }
}
