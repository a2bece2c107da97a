// @ts-types="npm:@types/picomatch@^4.0.2"
import picomatch from "picomatch";

/** How a glob is understood, on every system alike: a slash stands between folders. */
const options = { windows: false } as const;

/**
 * Whether a path has wildcards.
 *
 * @param path The path.
 */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

/**
 * The folder from which a glob is looked up: the part of it that has no wildcard.
 *
 * @param pattern The glob.
 * @returns A path, relative if the glob is; empty for the folder where relative paths start.
 */
export function fixedFolder(pattern: string): string {
  return picomatch.scan(withSlashes(pattern)).base;
}

/**
 * The files that a glob matches, by name. `*` matches within a name, `**` folders at any depth; names that
 * start with a dot match only where the glob says the dot. `**` does not follow links to folders.
 *
 * @param pattern The glob.
 * @param folder Where a relative one starts.
 * @returns Their paths, relative if the glob is.
 */
export async function globFiles(pattern: string, folder: string): Promise<string[]> {
  const { base, glob } = picomatch.scan(withSlashes(pattern));
  const matches = picomatch(glob, options);
  const anyDepth = glob.includes("**");
  const depth = anyDepth ? Infinity : glob.split("/").length;
  const found: string[] = [];
  const walk = async (name: string, level: number) => {
    const path = joined(base, name);
    for (const entry of await entriesOf(absolute(folder, path === "" ? "." : path))) {
      const inside = joined(name, entry.name);
      const { isFile, isDirectory } = entry.isSymlink
        ? await Deno.stat(absolute(folder, joined(base, inside))).catch(() => entry)
        : entry;
      if (isFile && matches(inside)) found.push(joined(base, inside));
      else if (isDirectory && level < depth && !(entry.isSymlink && anyDepth)) {
        await walk(inside, level + 1);
      }
    }
  };
  await walk("", 1);
  return found.sort();
}

/**
 * The entries of a folder; none if it is not there.
 *
 * @param path The folder.
 */
async function entriesOf(path: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}

const joined = (folder: string, name: string) =>
  folder === "" ? name : folder.endsWith("/") ? `${folder}${name}` : `${folder}/${name}`;

const absolute = (folder: string, path: string) =>
  /^(\/|[A-Za-z]:[/\\])/.test(path) ? path : `${folder}/${path}`;

/** On Windows a backslash stands between folders, elsewhere before a wildcard that is meant as it is. */
const withSlashes = (pattern: string) =>
  Deno.build.os === "windows" ? pattern.replaceAll("\\", "/") : pattern;
