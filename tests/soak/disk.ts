import { statfsSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../../src/engine/native/command.ts";

/** Where runs are written: a small disk that can be filled, where one can be mounted. */
export interface Disk {
  /** A folder on it. */
  readonly folder: string;
  /** Whether it is a disk of its own, which may be filled. */
  readonly own: boolean;
  /** Takes all of it but so many bytes. */
  fill(room: number): void;
  /** Gives it back. */
  free(): void;
  /** Unmounts it. */
  close(): Promise<void>;
}

/** Large enough for the checkpoints of any subject, and quickly filled. */
const SIZE = "160m";

/**
 * Mounts a disk in memory, as root on Linux; elsewhere it is a folder.
 *
 * @param folder Where.
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
      // It was not filled.
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
        // The run has taken some in the meantime: it is full.
      }
    },
    close: async () => {
      if (own) await runCommand(["umount", folder]);
    },
  };
}
