// @ts-types="npm:@types/picomatch@^4.0.2"
import picomatch from "picomatch";
import { UserError } from "../errors.ts";
import { hint } from "../hints.ts";

/** The options of globs. Slashes separate folders on every system. */
const options = { windows: false } as const;

/**
 * Checks whether a path contains wildcards.
 *
 * @param path The path.
 */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

/**
 * Returns the folder in which the search for a glob starts: the leading part of the glob without
 * wildcards.
 *
 * @param pattern The glob.
 * @returns The folder's path, relative if the glob is; empty for the folder that relative paths
 *   start from.
 */
export function fixedFolder(pattern: string): string {
  return picomatch.scan(withSlashes(pattern)).base;
}

/**
 * Lists the files that a glob matches, sorted by name. `*` matches within a name, and `**` matches
 * folders at any depth. Names that start with a dot match only if the glob has the dot. `**` does
 * not follow links to folders.
 *
 * @param pattern The glob.
 * @param folder The folder that a relative glob starts from.
 * @returns The files' paths, relative if the glob is.
 */
export async function globFiles(pattern: string, folder: string): Promise<string[]> {
  const { base, glob } = picomatch.scan(withSlashes(pattern));
  refuseManyWays(glob);
  const matches = picomatch(withPlainBrackets(glob), options);
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
 * Lists the entries of a folder; none if it does not exist.
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

/**
 * Escapes parentheses, which are part of names such as `part (1).csv`. picomatch would read them as
 * parts of regular expressions.
 */
const withPlainBrackets = (glob: string) => glob.replaceAll(/(?<!\\)[()|]/g, "\\$&");

const joined = (folder: string, name: string) =>
  folder === "" ? name : folder.endsWith("/") ? `${folder}${name}` : `${folder}/${name}`;

const absolute = (folder: string, path: string) =>
  /^(\/|[A-Za-z]:[/\\])/.test(path) ? path : `${folder}/${path}`;

/** On Windows a backslash separates folders; on other systems it escapes a wildcard. */
const withSlashes = (pattern: string) =>
  Deno.build.os === "windows" ? pattern.replaceAll("\\", "/") : pattern;

/** The maximum number of ways that a regular expression may try before it rejects a name. */
const maxWays = 1e5;

/** The number of ways in which one wildcard can match in a name. */
const waysOfOne = 100;

/**
 * Rejects globs whose comparison with a name that nearly matches would take practically forever.
 * Each choice such as `{a,b}` multiplies the number of ways to match, and so does each wildcard
 * after the first in a name.
 */
function refuseManyWays(glob: string): void {
  const choices = Array.from(glob.matchAll(/[,|]|\.\./g)).length;
  const groups = Array.from(glob.matchAll(/\{/g)).length;
  const levels = glob.split("/");
  const ambiguous = levels.map((level) => (level.match(/\*+/g)?.length ?? 0) - 1)
    .reduce((sum, more) => sum + Math.max(0, more), 1);
  const anyDepth = levels.filter((level) => level.includes("**")).length;
  // For a given sum of choices, the product is greatest if all groups have the same number.
  const ofGroups = groups === 0 ? 1 : ((choices + groups) / groups) ** groups;
  if (ofGroups * waysOfOne ** (ambiguous + anyDepth - 1) <= maxWays) return;
  throw new UserError(`the glob ${glob} has too many wildcards and alternatives such as {a,b}`, {
    hint: hint("files/wildcards", "write several globs with fewer wildcards and alternatives", {
      edit: "the glob",
    }),
  });
}
