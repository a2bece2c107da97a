import { join, resolve } from "node:path";

/** Who writes a run folder. */
export interface Holder {
  /** The process. */
  readonly pid: number;
  /** Since when, as ISO 8601. */
  readonly since: string;
}

/**
 * Takes a run folder for this process, so that no other writes it at the same time.
 *
 * The lock is the operating system's and goes with the process, however that ends: what a killed run left is
 * taken over. A folder that cannot be locked (it cannot be written, or its file system has no locks) is not
 * refused for that.
 *
 * @param folder The run folder; it is there.
 * @returns What gives the folder back when it is disposed of, or who has it, as far as that is known.
 */
export function takeFolder(folder: string): Disposable | Partial<Holder> {
  const path = join(folder, NAME);
  for (;;) {
    let file: Deno.FsFile, locked: boolean;
    try {
      // Before it is opened: opening follows a link, and makes what it leads to.
      if (isLink(path)) {
        Deno.removeSync(path);
        continue;
      }
      file = Deno.openSync(path, { create: true, read: true, write: true });
    } catch {
      return { [Symbol.dispose]() {} };
    }
    if (isForeign(file)) {
      file.close();
      try {
        // The name alone goes; what it is a name of stays.
        Deno.removeSync(path);
        continue;
      } catch {
        return { [Symbol.dispose]() {} };
      }
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
    // Who had it before may have removed the file between its being opened here and locked.
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

const NAME = "run.lock";

/** The run folders that this process has. */
const held = new Set<string>();

/**
 * Whether this process has a run folder.
 *
 * @param folder The folder.
 */
export function isOurs(folder: string): boolean {
  return held.has(resolve(folder));
}

function giveBack(file: Deno.FsFile, path: string): void {
  try {
    // While it is locked, so that it is not another's already.
    Deno.removeSync(path);
  } catch {
    // An empty file stays where open files cannot be removed.
  }
  file.close();
}

/** Whether a path is a symbolic link, which may lead anywhere, or nowhere. */
function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether a lock is a hard link to what may be anywhere, or no file: nothing may be written there. */
function isForeign(file: Deno.FsFile): boolean {
  const { isFile, nlink } = file.statSync();
  // The file of who had it before has no name any more.
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
    // On a full disk nobody is told who has it, and it is locked all the same.
  }
}

function readHolder(file: Deno.FsFile): Partial<Holder> {
  try {
    const bytes = new Uint8Array(1024);
    const length = file.readSync(bytes) ?? 0;
    return Object(JSON.parse(new TextDecoder().decode(bytes.subarray(0, length))));
  } catch {
    // It is being written, or some systems do not let others read what is locked.
    return {};
  }
}
