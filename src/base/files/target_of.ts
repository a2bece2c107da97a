// The launcher uses this module, so it must not import packages.
import { basename, dirname, join, resolve } from "node:path";

/**
 * Resolves the links in a path, including links to files that do not exist.
 *
 * @param path The path.
 * @returns The absolute path without links.
 *
 * @example
 * ```ts
 * import { targetOf } from "./target_of.ts";
 * import { equal } from "node:assert/strict";
 *
 * const disk = await Deno.realPath(await Deno.makeTempDir()), folder = await Deno.makeTempDir();
 * await Deno.symlink(`${disk}/runs`, `${folder}/runs`);
 * equal(targetOf(`${folder}/runs/mine`), `${disk}/runs/mine`);
 * await Deno.remove(folder, { recursive: true });
 * await Deno.remove(disk, { recursive: true });
 * ```
 */
export function targetOf(path: string): string {
  return target(path, 0);
}

function target(path: string, links: number): string {
  const whole = resolve(path);
  try {
    return Deno.realPathSync(whole);
  } catch {
    if (whole === dirname(whole) || links > 40) return whole;
  }
  const link = readLink(whole);
  // A relative link starts from the real path of its folder.
  if (link !== undefined) {
    return target(resolve(target(dirname(whole), links + 1), link), links + 1);
  }
  return join(target(dirname(whole), links), basename(whole));
}

function readLink(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}
