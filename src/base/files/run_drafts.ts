import { join } from "node:path";
import { removeDrafts } from "./drafts.ts";
import { isOurs, takeFolder } from "./folder_lock.ts";

/**
 * Removes the drafts that a killed process left in a run folder, unless another process writes it.
 *
 * @param folder The folder; it need not be a run's.
 */
export function removeRunDrafts(folder: string): void {
  try {
    Deno.statSync(join(folder, "pipeline.json"));
    const taken = isOurs(folder) ? { [Symbol.dispose]() {} } : takeFolder(folder);
    if (!(Symbol.dispose in taken)) return;
    using _lock = taken;
    removeDrafts(folder);
    const checkpoints = join(folder, "checkpoints");
    // What a link leads to is not the run's.
    if (Deno.lstatSync(checkpoints).isDirectory) removeDrafts(checkpoints);
  } catch {
    // It is no run's, or another process's, or cannot be written.
  }
}
