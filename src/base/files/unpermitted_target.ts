import { resolve } from "node:path";

/**
 * Returns the target of a path with links if the process has no permission to read the target. Deno
 * checks the permission for the path itself and then follows links in it, so a link in a folder that
 * may be read would otherwise give access to any file.
 *
 * @param path The path of a file or folder.
 * @returns The absolute path without links. Undefined if the process may read it, if the path
 *   contains no links, or if nothing exists there.
 *
 * @example
 * ```ts
 * import { unpermittedTarget } from "./unpermitted_target.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/a.csv`, "x\n1\n");
 * await Deno.symlink(`${folder}/a.csv`, `${folder}/link.csv`);
 * // The permissions of this example include the folder.
 * assertEquals(unpermittedTarget(`${folder}/link.csv`), undefined);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function unpermittedTarget(path: string): string | undefined {
  let target: string;
  try {
    target = Deno.realPathSync(path);
  } catch {
    return undefined;
  }
  if (target === resolve(path)) return undefined;
  const { state } = Deno.permissions.querySync({ name: "read", path: target });
  return state === "granted" ? undefined : target;
}
