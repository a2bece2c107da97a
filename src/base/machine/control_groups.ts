/**
 * The memory that Linux's control groups, by which containers are limited, leave to a process.
 *
 * @module
 */

import { type ReadSystemFile, readSystemFile } from "./system_file.ts";

/**
 * What the control groups of this process leave of their limits, in bytes; Infinity without any.
 *
 * @param readFile How files of the system are read.
 */
export async function leftInGroups(readFile: ReadSystemFile = readSystemFile): Promise<number> {
  const read = async (path: string) => await readFile(path) ?? "";
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
