import { UserError } from "../errors.ts";
import { hint } from "../hints.ts";
import { unwritable } from "./unwritable.ts";

/**
 * Adds a line to a file, which is made if there is none, and syncs it: what is written later, such as a
 * checkpoint, may count on it. A line that cannot be written whole is taken away again.
 *
 * @example
 * ```ts
 * import { appendLine } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await appendLine(`${folder}/losses.jsonl`, JSON.stringify({ step: 1, loss: 0.5 }));
 * await appendLine(`${folder}/losses.jsonl`, JSON.stringify({ step: 2, loss: 0.25 }));
 * const text = await Deno.readTextFile(`${folder}/losses.jsonl`);
 * assertEquals(text, '{"step":1,"loss":0.5}\n{"step":2,"loss":0.25}\n');
 * await Deno.remove(folder, { recursive: true });
 * ```
 *
 * @param path The file.
 * @param line The line, without its end.
 * @throws {UserError} If it cannot be written; it says why.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  try {
    await refuseShared(path);
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

/**
 * Refuses a file to add to that has another name as well: what is added is added to that, too, wherever it is.
 *
 * @param path The file; there may be none.
 * @throws {UserError} If it has another name.
 */
export async function refuseShared(path: string): Promise<void> {
  const info = await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (!info || info.isSymlink) return;
  if (!info.isFile) throw Object.assign(new Error(`${path} is no file`), { code: "EEXIST" });
  if ((info.nlink ?? 1) > 1) {
    throw new UserError(
      `${path} cannot be written: it is a hard link, and has another name elsewhere`,
      {
        hint: hint("append/link", "remove it: what has its other name stays", { edit: "the link" }),
      },
    );
  }
}
