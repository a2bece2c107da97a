import { unwritable } from "./unwritable.ts";

/**
 * Makes a folder, and those that it is in.
 *
 * @param path The folder; it may be there already.
 * @throws {UserError} If it cannot be made; it says why and what to do.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw unwritable(path, error);
  }
}
