/**
 * Whether a path is inside a folder. This module imports no packages.
 *
 * @module
 */

import { dirname, relative } from "node:path";

/**
 * Whether a path is a folder or inside it, judged only by the paths.
 *
 * @param folder The folder, as an absolute path.
 * @param path The absolute path.
 */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return !/^\.\.($|[/\\])/.test(way) && !/^([/\\]|[A-Za-z]:)/.test(way);
}

/**
 * Whether a path is a folder or inside it, under any name: some file systems ignore case, and a
 * folder may have two names.
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
 * What a file is known by whatever its name; undefined if it is not there, or may not be looked at.
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
