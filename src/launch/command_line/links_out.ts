import { join } from "node:path";
import { isInside } from "../../base/files/holds_path.ts";
import { targetOf } from "../../base/files/inside.ts";

/** A link that leads out of folders. */
export interface LinkOut {
  /** The link. */
  readonly link: string;
  /** The absolute path that it leads to. */
  readonly target: string;
}

/** What a search for links has found. */
export interface FoundLinks {
  /** The links that lead out of the folders, one for each target. */
  readonly links: readonly LinkOut[];
  /** The folders with more files than were looked at. */
  readonly unfinished: readonly string[];
}

/** The search ends in a folder after this many files, which takes about three seconds. */
const MAX_FILES = 200_000;

/**
 * Finds links in folders, at any depth, that lead out of them. Deno checks the path that a program
 * names, and not where its links lead: a program that may read a folder may also read what a link
 * in it leads to.
 *
 * @param folders The folders to search, as absolute paths.
 * @param granted All folders that a program may use: a link into one of them grants nothing more.
 * @param maxFiles The number of files after which the search in a folder ends.
 */
export function linksOut(
  folders: readonly string[],
  granted: readonly string[],
  maxFiles: number = MAX_FILES,
): FoundLinks {
  const links: LinkOut[] = [], unfinished: string[] = [];
  const known = [...granted];
  for (const root of folders) {
    let files = 0;
    for (const pending = [root]; pending.length > 0;) {
      const folder = pending.pop()!;
      for (const { name, isDirectory, isSymlink } of entriesOf(folder)) {
        const path = join(folder, name);
        files++;
        if (isDirectory && !granted.includes(path)) pending.push(path);
        if (!isSymlink) continue;
        const target = targetOf(path);
        if (known.some((one) => isInside(one, target))) continue;
        known.push(target);
        links.push({ link: path, target });
      }
      if (files <= maxFiles) continue;
      unfinished.push(root);
      break;
    }
  }
  return { links, unfinished };
}

/** The entries of a folder; none where it does not exist or cannot be read. */
function entriesOf(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch {
    return [];
  }
}
