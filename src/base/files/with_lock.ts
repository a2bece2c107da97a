import { dirname } from "node:path";
import { unwritable } from "./unwritable.ts";

/**
 * Runs a function while holding a lock, so that no other process and no other call in this process
 * holds it at the same time.
 *
 * The operating system releases the lock when the process ends in any way, so stale locks cannot
 * exist.
 *
 * @typeParam T The type of the function's result.
 * @param path The lock file. It is created if it does not exist, and remains afterwards.
 * @param onWait Called once if another holder has the lock, before waiting for it.
 * @param body The function.
 * @returns The result of the function.
 * @throws {UserError} If the lock file does not exist and cannot be created.
 */
export async function withLock<T>(
  path: string,
  onWait: () => void,
  body: () => Promise<T>,
): Promise<T> {
  using file = await openLock(path);
  if (!await file.tryLock(true)) {
    onWait();
    await file.lock(true);
  }
  return await body();
}

async function openLock(path: string): Promise<Deno.FsFile> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    return await Deno.open(path, { create: true, write: true });
  } catch (error) {
    throw unwritable(path, error);
  }
}
