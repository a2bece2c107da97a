/**
 * Reads how much more memory a process can use within the limits of its Linux control groups, such
 * as those of a container.
 *
 * @module
 */

import { type ReadSystemFile, readSystemFile } from "./system_file.ts";

/**
 * Returns how much more memory this process can use within the limits of its Linux control groups,
 * in bytes; Infinity if there is no limit.
 *
 * @param readFile Reads a file of the system.
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
    // Any parent group may have a limit. In a container, the process's own group is the root.
    for (let length = parts.length; length >= 0; length--) {
      const folder = [root, ...parts.slice(0, length)].join("/");
      const most = Number.parseInt(await read(`${folder}/${limit}`));
      // The system frees cached files when memory is needed, so they do not count as used.
      const files = /^(?:total_)?inactive_file (\d+)$/m.exec(await read(`${folder}/memory.stat`));
      const now = Number.parseInt(await read(`${folder}/${used}`)) - Number(files?.[1] ?? 0);
      if (most >= 0 && now >= 0) left = Math.min(left, Math.max(0, most - now));
    }
  }
  return left;
}
