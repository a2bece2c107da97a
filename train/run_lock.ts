import { join } from "node:path";
import { UserError } from "../pipeline/errors.ts";

/** Who writes a run folder. */
interface Holder {
  /** The process. */
  readonly pid: number;
  /** Since when, as ISO 8601. */
  readonly since: string;
}

/**
 * Takes a run folder for this run, so that no other writes it at the same time.
 *
 * The lock is the operating system's and goes with the process, however that ends: what a killed run left is
 * taken over. A folder that cannot be locked (it cannot be written, or its file system has no locks) is not
 * refused for that.
 *
 * @param folder The run folder; it is there.
 * @returns What gives the folder back when it is disposed of.
 * @throws {UserError} If another run has it, with its process; exit code 2.
 */
export async function lockRun(folder: string): Promise<Disposable> {
  const path = join(folder, NAME);
  for (;;) {
    let file: Deno.FsFile, locked: boolean;
    try {
      file = await Deno.open(path, { create: true, read: true, write: true });
    } catch {
      return { [Symbol.dispose]() {} };
    }
    try {
      locked = await file.tryLock(true);
    } catch {
      file.close();
      return { [Symbol.dispose]() {} };
    }
    if (!locked) {
      const holder = await readHolder(file);
      file.close();
      refuse(folder, holder);
    }
    // Who had it before may have removed the file between its being opened here and locked.
    if (await isAt(file, path)) {
      await writeHolder(file, { pid: Deno.pid, since: new Date().toISOString() });
      return { [Symbol.dispose]: () => giveBack(file, path) };
    }
    file.close();
  }
}

const NAME = "run.lock";

function giveBack(file: Deno.FsFile, path: string): void {
  try {
    // While it is locked, so that it is not another's already.
    Deno.removeSync(path);
  } catch {
    // An empty file stays where open files cannot be removed.
  }
  file.close();
}

async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  try {
    const [here, there] = await Promise.all([file.stat(), Deno.stat(path)]);
    return here.ino === there.ino && here.dev === there.dev;
  } catch {
    return false;
  }
}

async function writeHolder(file: Deno.FsFile, holder: Holder): Promise<void> {
  try {
    await file.truncate();
    await file.write(new TextEncoder().encode(JSON.stringify(holder) + "\n"));
  } catch {
    // On a full disk nobody is told who has it, and it is locked all the same.
  }
}

async function readHolder(file: Deno.FsFile): Promise<Partial<Holder>> {
  try {
    const bytes = new Uint8Array(1024);
    const length = await file.read(bytes) ?? 0;
    return Object(JSON.parse(new TextDecoder().decode(bytes.subarray(0, length))));
  } catch {
    // It is being written, or some systems do not let others read what is locked.
    return {};
  }
}

function refuse(folder: string, { pid, since }: Partial<Holder>): never {
  const who = [pid && `process ${pid}`, since && `since ${since}`].filter(Boolean).join(", ");
  throw new UserError(`the run folder ${folder} is written by another run${who && ` (${who})`}`, {
    hint: "wait until it has ended, or end it, and resume the run then",
    exitCode: 2,
  });
}
