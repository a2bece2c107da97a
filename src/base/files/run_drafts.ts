import { join } from "node:path";
import { runFiles } from "./run_files.ts";
import { removeDrafts } from "./drafts.ts";
import { isOurs, takeFolder } from "./folder_lock.ts";

/**
 * Removes the drafts (temporary files) that a killed process left in a run folder, unless another
 * process is writing to the folder.
 *
 * @param folder The folder, which need not be a run folder.
 */
export function removeRunDrafts(folder: string): void {
  try {
    Deno.statSync(join(folder, runFiles.pipeline));
    const taken = isOurs(folder) ? { [Symbol.dispose]() {} } : takeFolder(folder);
    if (!(Symbol.dispose in taken)) return;
    using _lock = taken;
    removeDrafts(folder);
    const checkpoints = join(folder, runFiles.checkpoints);
    // The target of a link does not belong to the run.
    if (Deno.lstatSync(checkpoints).isDirectory) removeDrafts(checkpoints);
  } catch {
    // The folder is not a run folder, another process uses it, or it is not writable.
  }
}
