import { statfsSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../../src/engine/native/command.ts";

/** The disk for run folders: a small one that can be filled, if the system allows to mount it. */
export interface Disk {
  /** A folder on the disk. */
  readonly folder: string;
  /** Whether the disk was mounted for this test and may be filled. */
  readonly own: boolean;
  /** Fills the disk up to a number of free bytes. */
  fill(room: number): void;
  /** Frees the filled space. */
  free(): void;
  /** Unmounts the disk. */
  close(): Promise<void>;
}

/**
 * The size of the disk: enough for the checkpoints of any subject, and small enough to fill
 * quickly.
 */
const SIZE = "160m";

/**
 * Mounts a disk in memory if the user is root on Linux; otherwise, uses a plain folder.
 *
 * @param folder The mount point.
 */
export async function openDisk(folder: string): Promise<Disk> {
  await Deno.mkdir(folder, { recursive: true });
  const own = Deno.build.os === "linux" && Deno.uid() === 0 &&
    (await runCommand(["mount", "-t", "tmpfs", "-o", `size=${SIZE}`, "tmpfs", folder])).success;
  const filler = join(folder, "filler");
  const free = () => {
    try {
      Deno.removeSync(filler);
    } catch {
      // The disk was not filled.
    }
  };
  return {
    folder,
    own,
    free,
    fill(room) {
      if (!own) throw new Error("only a disk of its own may be filled");
      const { bavail, bsize } = statfsSync(folder);
      using file = Deno.openSync(filler, { write: true, create: true });
      const zeros = new Uint8Array(1 << 20);
      try {
        for (let left = bavail * bsize - room; left > 0;) {
          left -= file.writeSync(zeros.subarray(0, Math.min(left, zeros.length)));
        }
      } catch {
        // The run has used some of the space in the meantime, so the disk is full.
      }
    },
    close: async () => {
      if (own) await runCommand(["umount", folder]);
    },
  };
}
