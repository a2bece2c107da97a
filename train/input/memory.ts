/**
 * How much memory rows may take.
 *
 * @module
 */

/** The memory for the rows of a run. */
export interface Memory {
  /** All of it, in bytes. */
  readonly bytes: number;
  /** For the rows of a window where rows are shuffled in windows, in bytes. */
  readonly window: number;
  /** What is left for rows that are kept, in bytes. */
  left: number;
}

/** The part of the machine's available memory that rows may take, and what a window has then. */
const usualPart = 0.5, usualWindow = 2 ** 28;

/**
 * The memory for the rows of a run. Where the pipeline says how much, a window has a quarter of it, so
 * that the order of rows does not depend on the machine; else 256 MB.
 *
 * @param bytes What the pipeline says; by default half of what is available now, in this control group.
 */
export async function memoryFor(bytes?: number): Promise<Memory> {
  const all = bytes ?? Math.floor(usualPart * await availableMemory());
  return { bytes: all, window: bytes === undefined ? usualWindow : bytes / 4, left: all };
}

/** The bytes that are available to this process: of the machine, and of its control groups. */
export async function availableMemory(): Promise<number> {
  const { available } = Deno.systemMemoryInfo();
  return Math.min(available, await leftInGroups());
}

/** What the control groups of this process leave of their limits; Infinity without any. */
async function leftInGroups(): Promise<number> {
  let left = Infinity;
  for (const line of (await read("/proc/self/cgroup")).trim().split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const second = controllers === "";
    if (!second && !controllers!.split(",").includes("memory")) continue;
    const root = second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const [limit, used] = second
      ? ["memory.max", "memory.current"]
      : ["memory.limit_in_bytes", "memory.usage_in_bytes"];
    const parts = path.split("/").filter(Boolean);
    // A limit may stand at any group above; in a container the own one is the root.
    for (let length = parts.length; length >= 0; length--) {
      const folder = [root, ...parts.slice(0, length)].join("/");
      const most = Number.parseInt(await read(`${folder}/${limit}`));
      // What the system keeps of files it gives back when it is asked to.
      const files = /^(?:total_)?inactive_file (\d+)$/m.exec(await read(`${folder}/memory.stat`));
      const now = Number.parseInt(await read(`${folder}/${used}`)) - Number(files?.[1] ?? 0);
      if (most >= 0 && now >= 0) left = Math.min(left, Math.max(0, most - now));
    }
  }
  return left;
}

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}

/**
 * Bytes as people say them.
 *
 * @param bytes How many.
 */
export function formatBytes(bytes: number): string {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]] as const) {
    if (bytes >= size) return `${Number((bytes / size).toPrecision(3))} ${unit}`;
  }
  return `${bytes} bytes`;
}
