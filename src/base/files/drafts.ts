/**
 * Drafts: files that are written beside their final path and renamed when they are complete.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";

/** The drafts of this process that have not been renamed yet. */
const open = new Set<string>();

/**
 * Names a draft, which belongs to this process until {@linkcode forgetDraft} is called.
 *
 * @param path The final path of the file.
 * @returns The path of the draft, in the same folder.
 */
export function draftOf(path: string): string {
  const draft = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}`);
  open.add(draft);
  return draft;
}

/**
 * Notes that a draft has been renamed or removed.
 *
 * @param draft Its path, from {@linkcode draftOf}.
 */
export function forgetDraft(draft: string): void {
  open.delete(draft);
}

/**
 * Removes the drafts of this process, for a process that is about to end while it is writing.
 * Writing to these drafts fails afterwards.
 */
export function removeOpenDrafts(): void {
  for (const draft of open) remove(draft);
  open.clear();
}

/**
 * Removes the drafts that a killed process left in a folder.
 *
 * @param folder The folder, which need not exist.
 */
export function removeDrafts(folder: string): void {
  let names: string[];
  try {
    names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  for (const name of names) if (isDraft(name)) remove(join(folder, name));
}

/**
 * Checks whether a file is a draft.
 *
 * @param name The file's name.
 */
export function isDraft(name: string): boolean {
  return /^\..+\.[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(name);
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The draft no longer exists, or the system does not remove open files.
  }
}
