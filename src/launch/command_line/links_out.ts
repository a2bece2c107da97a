import { dirname, join } from "node:path";
import { targetOf } from "../../base/files/target_of.ts";

/** A symbolic link in a searched folder whose target is outside of the searched folders. */
export interface LinkOut {
  /** The path of the link. */
  readonly link: string;
  /** The absolute path of the target. */
  readonly target: string;
}

/** The links that {@linkcode linksOut} has found, and the folders that it could not search. */
export interface FoundLinks {
  /** The links that lead out of the folders, one for each target. */
  readonly links: readonly LinkOut[];
  /** The links whose target changes if code moves them, or a folder on the way to the target. */
  readonly movable: readonly string[];
  /** Files in writable folders that have another hard link outside of these folders. */
  readonly shared: readonly string[];
  /** Devices, such as disks, which Deno protects only in `/dev`. */
  readonly devices: readonly string[];
  /** The folders that were not searched completely. */
  readonly unfinished: readonly string[];
}

/** The options of {@linkcode linksOut}: where links may lead, and how far it searches. */
export interface LinkSearch {
  /** All folders that the program may use. A link into one of them is not reported. */
  readonly granted: readonly string[];
  /** Whether the program may write in the folders, and so move files in them. */
  readonly writes?: boolean;
  /**
   * Decides whether to search the target of a link as well; by default, all targets are searched.
   */
  readonly isSearched?: (target: string) => boolean;
  /** Decides whether a link is reported even if it leads into a folder that the program may use. */
  readonly isForbidden?: (target: string) => boolean;
  /** The number of files after which the search in a folder, or in all targets, ends. */
  readonly maxFiles?: number;
}

/** The number of files after which the search in a folder ends. It takes about three seconds. */
const MAX_FILES = 200_000;

/**
 * Finds symbolic links in folders, at any depth, that lead out of them. Deno checks only the path
 * that a program names: a program that may read a folder may also read the targets of links in it.
 * The targets are searched as well, since they can contain more links.
 *
 * @param folders The folders to search, and single files, as absolute paths.
 * @param search The permissions of the program, and the limit of the search.
 */
export function linksOut(
  folders: readonly string[],
  {
    granted,
    writes = false,
    isSearched = () => true,
    isForbidden = () => false,
    maxFiles = MAX_FILES,
  }: LinkSearch,
): FoundLinks {
  const links: LinkOut[] = [], movable: string[] = [], unfinished: string[] = [];
  const own = new Set(granted), known = new Set(granted), seen = new Set<string>();
  const roots = [...folders], names = new SharedFiles(), devices: string[] = [];
  let files = 0;
  for (const [at, root] of roots.entries()) {
    // The targets share one number, as there may be very many of them.
    if (at <= folders.length) files = 0;
    if (writes && infoOf(root)?.isFile) names.add(root);
    for (const pending = [root]; pending.length > 0;) {
      const folder = pending.pop()!;
      if (seen.has(folder)) continue;
      seen.add(folder);
      const entries = entriesOf(folder, writes);
      if (entries === undefined || !canUse(folder, entries)) unfinished.push(folder);
      for (const { name, isDirectory, isFile, isSymlink } of entries ?? []) {
        const path = join(folder, name);
        files++;
        if (isDirectory && !own.has(path)) pending.push(path);
        if (isFile && writes) names.add(path);
        if (!isFile && !isDirectory && !isSymlink && isDevice(path)) devices.push(path);
        if (!isSymlink) continue;
        if (isMovable(path, writes)) movable.push(path);
        const target = targetOf(path);
        if (isWithin(known, target) && !isForbidden(target)) continue;
        known.add(target);
        links.push({ link: path, target });
        if (isSearched(target)) roots.push(target);
      }
      if (files <= maxFiles) continue;
      unfinished.push(root);
      break;
    }
  }
  return { links, movable, shared: names.elsewhere(), devices, unfinished };
}

/** The character that stands for parts of names that are not valid UTF-8. */
const UNKNOWN = "\u{fffd}";

/** Checks whether a path is one of many folders, or inside one. A project may have many links. */
function isWithin(folders: ReadonlySet<string>, path: string): boolean {
  for (let at = path;; at = dirname(at)) {
    if (folders.has(at)) return true;
    if (at === dirname(at)) return false;
  }
}

/** Files with several names (hard links), and how many of the names were found. */
class SharedFiles {
  readonly #files = new Map<string, { names: Set<string>; links: number }>();

  add(path: string): void {
    const { dev, ino, nlink } = infoOf(path) ?? { dev: 0, ino: null, nlink: null };
    if (ino === null || nlink === null || nlink < 2) return;
    const key = `${dev} ${ino}`, file = this.#files.get(key) ?? { names: new Set(), links: nlink };
    file.names.add(path);
    this.#files.set(key, file);
  }

  /** One name of each file that has more names than were found. */
  elsewhere(): string[] {
    return [...this.#files.values()].flatMap(({ names, links }) =>
      names.size < links ? [...names].slice(0, 1) : []
    );
  }
}

/**
 * Checks whether a link may lead elsewhere later. A program that may write in a folder can move a
 * link in it to another depth, where `..` is another folder. It can also put one of its links in
 * the place of a folder that another link passes before a `..`.
 */
function isMovable(path: string, writes: boolean): boolean {
  const parts = readLink(path).split(/[/\\]/).filter((part) => part !== "" && part !== ".");
  const up = parts.lastIndexOf("..");
  return up >= 0 && (writes || parts.slice(0, up).some((part) => part !== ".."));
}

function readLink(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}

/**
 * Lists the entries of a folder; none if it does not exist, or is a file. The result is undefined if
 * the folder cannot be listed, but a program may use what is in it:
 *
 * - If it can be entered, its files can be used by name.
 * - A program that may write there can change its mode.
 * - If its name is not valid UTF-8, Deno cannot open it, but a link to it can be followed.
 */
function entriesOf(folder: string, writes: boolean): Deno.DirEntry[] | undefined {
  try {
    return [...Deno.readDirSync(folder)];
  } catch (error) {
    if (folder.includes(UNKNOWN)) return undefined;
    if (!(error instanceof Deno.errors.PermissionDenied)) return [];
    return writes || canEnter(folder) ? undefined : [];
  }
}

/**
 * Checks whether the entries of a folder can be examined. A folder may permit to list it, but not to
 * enter it, and a program that can list it can change its mode.
 */
function canUse(folder: string, [first]: readonly Deno.DirEntry[]): boolean {
  if (first === undefined) return true;
  try {
    Deno.lstatSync(join(folder, first.name));
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.PermissionDenied);
  }
}

function canEnter(folder: string): boolean {
  try {
    Deno.lstatSync(join(folder, "rocket"));
    return true;
  } catch (error) {
    return error instanceof Deno.errors.NotFound && isFolder(folder);
  }
}

function isDevice(path: string): boolean {
  const info = infoOf(path);
  return Boolean(info?.isBlockDevice || info?.isCharDevice);
}

/** What a file is; undefined if another process has removed it. */
function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
