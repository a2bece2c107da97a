import { dirname } from "node:path";
import { unwritable } from "./unwritable.ts";

/**
 * Runs a function while no other process, and nobody else in this one, runs one under the same
 * lock.
 *
 * The lock is the operating system's and goes with the process that holds it, however that ends, so
 * there is no stale lock to clear away.
 *
 * @typeParam T What the function returns.
 * @param path The lock file; it is made where it is missing, and stays.
 * @param onWait Called once if another holder has to be waited for.
 * @param body The function.
 * @returns What the function returns.
 * @throws {UserError} If there is no lock file and none can be made.
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
