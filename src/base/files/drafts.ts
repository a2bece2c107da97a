/**
 * Drafts: temporary files that are renamed to their final path when they are complete.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";

/** The drafts of this process that have not been renamed yet. */
const open = new Set<string>();

/** The folders of this process for the drafts of single files. */
const folders = new Set<string>();

/**
 * Chooses the path of a draft, the temporary file that is renamed to the final path when it is
 * complete. The draft belongs to this process until {@linkcode forgetDraft} is called.
 *
 * @param path The final path of the file.
 * @returns The path of the draft, in the same folder, or in the folder of
 *   {@linkcode openDraftFolder}.
 */
export function draftOf(path: string): string {
  const own = draftFolderOf(path);
  const folder = folders.has(own) ? own : dirname(path);
  const draft = join(folder, `.${basename(path)}.${crypto.randomUUID()}`);
  open.add(draft);
  return draft;
}

/**
 * Notes that a draft (a temporary file) of this process has been renamed or removed.
 *
 * @param draft Its path, from {@linkcode draftOf}.
 */
export function forgetDraft(draft: string): void {
  open.delete(draft);
}

/**
 * Returns the path of the folder for the temporary files (drafts) of a file, which
 * {@linkcode openDraftFolder} creates.
 *
 * @param path The final path of the file.
 */
export const draftFolderOf = (path: string): string =>
  join(dirname(path), `.${basename(path)}.drafts`);

/**
 * Creates the folder for the drafts (temporary files) of a file, or reuses one that a killed
 * process left. Another process that writes the same file may use the same folder.
 *
 * @param path The final path of the file.
 * @returns An object that removes the folder when it is disposed.
 */
export function openDraftFolder(path: string): Disposable {
  const folder = draftFolderOf(path);
  if (!isFolder(folder)) Deno.mkdirSync(folder);
  folders.add(folder);
  return { [Symbol.dispose]: () => removeFolder(folder) };
}

/** Checks whether a path is a folder and not a link to one. */
function isFolder(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Removes a folder of drafts, unless another process has a draft in it. */
function removeFolder(folder: string): void {
  folders.delete(folder);
  remove(folder);
}

/**
 * Removes the drafts (temporary files) of this process when it is about to end while it is writing.
 * Writing to these drafts fails afterwards.
 */
export function removeOpenDrafts(): void {
  for (const draft of open) remove(draft);
  open.clear();
  for (const folder of folders) removeFolder(folder);
}

/**
 * Removes the drafts (temporary files) that a killed process left in a folder.
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
 * Checks whether a file name is that of a draft, a temporary file.
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
    // It no longer exists, the system does not remove open files, or a folder is not empty.
  }
}
