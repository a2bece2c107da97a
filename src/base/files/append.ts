import { UserError } from "../errors.ts";
import { hint } from "../hints.ts";
import { unwritable } from "./unwritable.ts";

/**
 * Appends a line to a file and syncs the file to the disk. Files that are written later, such as a
 * checkpoint, can rely on the line. The file is created if it does not exist. If only part of the
 * line can be written, that part is removed again.
 *
 * @example
 * ```ts
 * import { appendLine } from "@rocket-launching/rocket/plugin";
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
 * @param line The line, without the line break.
 * @throws {UserError} If the line cannot be written. The message contains the reason.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  await appendBytes(path, () => new TextEncoder().encode(line + "\n"), { sync: true });
}

/**
 * Appends bytes to a file like {@linkcode appendLine}.
 *
 * @param path The file.
 * @param make Makes the bytes. Its argument is whether the file is empty or new.
 * @param options Whether to sync the file to the disk, which takes some milliseconds; no by default.
 * @throws {UserError} If the bytes cannot be written. The message contains the reason.
 */
export async function appendBytes(
  path: string,
  make: (isEmpty: boolean) => Uint8Array,
  { sync = false }: { readonly sync?: boolean } = {},
): Promise<void> {
  try {
    await refuseShared(path);
    using file = await Deno.open(path, { append: true, create: true });
    const { size } = await file.stat();
    const bytes = make(size === 0);
    try {
      let written = 0;
      while (written < bytes.length) written += await file.write(bytes.subarray(written));
      if (sync) await file.sync();
    } catch (error) {
      await file.truncate(size).catch(() => {});
      throw error;
    }
  } catch (error) {
    throw unwritable(path, error);
  }
}

/**
 * Rejects a file that has another hard link, since text appended to it would change the file at the
 * other path too.
 *
 * @param path The file, which need not exist.
 * @throws {UserError} If the file has another hard link.
 */
export async function refuseShared(path: string): Promise<void> {
  const info = await Deno.lstat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (!info || info.isSymlink) return;
  if (!info.isFile) throw Object.assign(new Error(`${path} is not a file`), { code: "EEXIST" });
  if ((info.nlink ?? 1) > 1) {
    throw new UserError(
      `${path} cannot be written: it is a hard link, so the same file under its other path would change too`,
      {
        hint: hint("append/link", "remove the link; the file remains under its other path", {
          edit: "the link",
        }),
      },
    );
  }
}
