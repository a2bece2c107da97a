/**
 * Checks whether a path is inside a folder. This module imports no packages.
 *
 * @module
 */

import { dirname, relative } from "node:path";

/**
 * Checks whether a path is a given folder or lies inside it. Only the texts of the paths are
 * compared, without reading the file system.
 *
 * @param folder The folder, as an absolute path.
 * @param path The absolute path.
 * @param relativePath Returns relative paths; as this operating system does by default.
 */
export function isInside(
  folder: string,
  path: string,
  relativePath: (from: string, to: string) => string = relative,
): boolean {
  const way = relativePath(folder, path);
  return !/^\.\.($|[/\\])/.test(way) && !/^([/\\]|[A-Za-z]:)/.test(way);
}

/** System folders through which a process can reach any file, such as `/proc/self/root`. */
const systemFolders = ["/proc", "/sys", "/dev"];

/**
 * Checks whether a path leads through a folder of the system by which any file can be reached.
 *
 * @param path The absolute path.
 */
export const isOfSystem = (path: string): boolean =>
  systemFolders.some((folder) => isInside(folder, path));

/**
 * Checks whether a path is a given folder or lies inside it, even under another name: some file
 * systems ignore case, and links give a folder several names.
 *
 * @param folder The folder, as an absolute path.
 * @param path The absolute path, which need not exist.
 */
export function holdsPath(folder: string, path: string): boolean {
  return [path, followed(path)].some((one) => isHeldBy(folder, one));
}

function isHeldBy(folder: string, path: string): boolean {
  if (isInside(folder, path)) return true;
  if (Deno.build.os !== "linux" && isInside(folder.toLowerCase(), path.toLowerCase())) return true;
  const own = identityOf(folder);
  if (own === undefined) return false;
  for (let at = path;; at = dirname(at)) {
    if (identityOf(at) === own) return true;
    if (at === dirname(at)) return false;
  }
}

/**
 * Identifies a file independently of its name; undefined if it does not exist or may not be read.
 */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return ino ? `${dev} ${ino}` : undefined;
  } catch {
    return undefined;
  }
}

function followed(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
