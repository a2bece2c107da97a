import { join, resolve } from "node:path";

/** The process that holds the lock of a run folder. */
export interface Holder {
  /** The process id. */
  readonly pid: number;
  /** The time when the process took the lock, as ISO 8601. */
  readonly since: string;
}

/**
 * Locks a run folder for this process, so that no other process writes to it at the same time.
 *
 * The operating system holds the lock and releases it when the process ends in any way, so the
 * folder of a killed run can be locked again. A folder that cannot be locked, because it is not
 * writable or its file system has no locks, is used without a lock.
 *
 * @param folder The run folder, which exists.
 * @returns An object that releases the lock when it is disposed of; or what is known about the
 *   process that holds the lock.
 * @throws {Error} If the lock's file exists and can neither be opened nor replaced. The file may
 *   come from someone else, or another process may hold the lock.
 */
export function takeFolder(folder: string): Disposable | Partial<Holder> {
  const path = join(folder, LOCK_FILE);
  for (;;) {
    let file: Deno.FsFile, locked: boolean;
    try {
      // The check comes before opening, which would follow a link and create its target.
      if (isLink(path)) {
        Deno.removeSync(path);
        continue;
      }
      file = openLock(path);
    } catch (error) {
      if (exists(path)) throw error;
      return { [Symbol.dispose]() {} };
    }
    if (isForeign(file)) {
      file.close();
      // This removes only the name; the file stays under its other name.
      Deno.removeSync(path);
      continue;
    }
    try {
      locked = file.tryLockSync(true);
    } catch {
      file.close();
      return { [Symbol.dispose]() {} };
    }
    if (!locked) {
      const holder = readHolder(file);
      file.close();
      return holder;
    }
    // The previous holder may have removed the file after it was opened here and before it was
    // locked.
    if (isAt(file, path)) {
      writeHolder(file, { pid: Deno.pid, since: new Date().toISOString() });
      held.add(resolve(folder));
      return {
        [Symbol.dispose]() {
          held.delete(resolve(folder));
          giveBack(file, path);
        },
      };
    }
    file.close();
  }
}

function openLock(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { create: true, read: true, write: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    // A file that may only be read can be locked as well; it does not get the name of its holder.
    // Opening a pipe would wait for a writer.
    if (!Deno.lstatSync(path).isFile) throw error;
    return Deno.openSync(path);
  }
}

/** The name of the file by which a run folder is locked. */
export const LOCK_FILE = "run.lock";

/** The run folders whose locks this process holds. */
const held = new Set<string>();

/**
 * Checks whether this process holds the lock of a run folder.
 *
 * @param folder The folder.
 */
export function isOurs(folder: string): boolean {
  return held.has(resolve(folder));
}

/**
 * Checks whether a process holds the lock of a run folder. It creates and changes nothing.
 *
 * @param folder The folder.
 */
export function isTaken(folder: string): boolean {
  const path = join(folder, LOCK_FILE);
  try {
    if (isLink(path) || !Deno.statSync(path).isFile) return false;
    using file = Deno.openSync(path);
    // A shared lock cannot be taken while a process holds its exclusive one. Closing releases it.
    return !file.tryLockSync(false);
  } catch {
    return false;
  }
}

function giveBack(file: Deno.FsFile, path: string): void {
  try {
    // The file is removed while it is locked, so it cannot belong to another process.
    Deno.removeSync(path);
  } catch {
    // On systems that cannot remove open files, an empty file remains.
  }
  file.close();
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Checks whether a path is a symbolic link. Its target may be outside the folder or missing. */
function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Checks whether a lock file must not be written to, because it is not a regular file or has a
 * second name that may be outside the folder.
 */
function isForeign(file: Deno.FsFile): boolean {
  const { isFile, nlink } = file.statSync();
  // A removed lock file of a previous holder has no name, so its link count is 0.
  return !isFile || (nlink ?? 1) > 1;
}

function isAt(file: Deno.FsFile, path: string): boolean {
  try {
    const here = file.statSync(), there = Deno.lstatSync(path);
    return here.ino === there.ino && here.dev === there.dev;
  } catch {
    return false;
  }
}

function writeHolder(file: Deno.FsFile, holder: Holder): void {
  try {
    file.truncateSync();
    file.writeSync(new TextEncoder().encode(JSON.stringify(holder) + "\n"));
  } catch {
    // On a full disk the holder's name is missing, but the folder is locked.
  }
}

function readHolder(file: Deno.FsFile): Partial<Holder> {
  try {
    const bytes = new Uint8Array(1024);
    const length = file.readSync(bytes) ?? 0;
    return Object(JSON.parse(new TextDecoder().decode(bytes.subarray(0, length))));
  } catch {
    // The file is being written, or the system does not let other processes read a locked file.
    return {};
  }
}
