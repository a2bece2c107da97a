import { draftFolderOf, openDraftFolder } from "./drafts.ts";
import { unwritable } from "./unwritable.ts";

/**
 * Calls a function that writes a file. While the function runs, the temporary files for this file
 * are in a folder of their own, so the process needs no permission to write to the folder that
 * contains the file.
 *
 * @param path The final path of the file.
 * @param body The function.
 * @returns The result of the function.
 * @throws {UserError} If the folder cannot be created, for example because a link has its name.
 */
export async function withDraftFolder<T>(path: string, body: () => Promise<T>): Promise<T> {
  using _folder = opened(path);
  return await body();
}

function opened(path: string): Disposable {
  try {
    return openDraftFolder(path);
  } catch (error) {
    // What is in the way is not the file itself.
    const isInTheWay = error instanceof Deno.errors.AlreadyExists;
    throw unwritable(isInTheWay ? draftFolderOf(path) : path, error);
  }
}
