import { unwritable } from "./unwritable.ts";

/**
 * Creates a folder and its parent folders.
 *
 * @param path The folder, which may already exist.
 * @throws {UserError} If it cannot be created, with the reason and a hint.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw unwritable(path, error);
  }
}
