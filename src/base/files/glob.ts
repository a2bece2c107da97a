// @ts-types="npm:@types/picomatch@^4.0.2"
import picomatch from "picomatch";
import { UserError } from "../errors.ts";
import { hint } from "../hints.ts";

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

/** Round brackets are part of names, as in `part (1).csv`; picomatch takes them for parts of a regular expression. */
const withPlainBrackets = (glob: string) => glob.replaceAll(/(?<!\\)[()|]/g, "\\$&");

const joined = (folder: string, name: string) =>
  folder === "" ? name : folder.endsWith("/") ? `${folder}${name}` : `${folder}/${name}`;

const absolute = (folder: string, path: string) =>
  /^(\/|[A-Za-z]:[/\\])/.test(path) ? path : `${folder}/${path}`;

/** On Windows a backslash stands between folders, elsewhere before a wildcard that is meant as it is. */
const withSlashes = (pattern: string) =>
  Deno.build.os === "windows" ? pattern.replaceAll("\\", "/") : pattern;

/** How many ways a regular expression may try before it is known that a name does not match. */
const maxWays = 1e5;

/** What a wildcard may stand for in a name, in ways of doing so. */
const waysOfOne = 100;

/**
 * Refuses globs that would take without end to compare with a name that nearly matches: each choice of `{a,b}`
 * multiplies the ways to read it, and so does each wildcard behind the first of a name.
 */
function refuseManyWays(glob: string): void {
  const choices = Array.from(glob.matchAll(/[,|]|\.\./g)).length;
  const groups = Array.from(glob.matchAll(/\{/g)).length;
  const levels = glob.split("/");
  const ambiguous = levels.map((level) => (level.match(/\*+/g)?.length ?? 0) - 1)
    .reduce((sum, more) => sum + Math.max(0, more), 1);
  const anyDepth = levels.filter((level) => level.includes("**")).length;
  // With a sum of choices, the product is greatest where all groups have as many.
  const ofGroups = groups === 0 ? 1 : ((choices + groups) / groups) ** groups;
  if (ofGroups * waysOfOne ** (ambiguous + anyDepth - 1) <= maxWays) return;
  throw new UserError(`the glob ${glob} has too many wildcards and choices to be looked up`, {
    hint: hint("files/wildcards", "write several globs with fewer of them", { edit: "the glob" }),
  });
}
