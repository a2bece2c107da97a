import { createHash } from "node:crypto";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import {
  globFiles,
  hint,
  type HintText,
  isGlob,
  listed,
  nearest,
  type RowLocation,
  unpermittedTarget,
  UserError,
  z,
} from "../../plugin.ts";
import { isPartition, type Partitions, partitionsOf } from "./hive.ts";

const pattern = z.string().min(1, { error: "expected a path" });

/**
 * Returns the schema of an option that accepts a path, a glob, or a list of them.
 *
 * @param example A glob, for messages.
 */
export function filePatterns(example: string): z.ZodType<string | string[]> {
  return z.union([pattern, z.array(pattern).min(1)], {
    error: `expected a path, a glob such as ${example}, or a list of them`,
  });
}

/** The schema of the option `batchRows`, the number of rows per record batch. */
export const batchRowsOption: ReturnType<z.ZodNumber["optional"]> = z.int().min(1).max(2 ** 24)
  .optional()
  .describe(
    "The number of rows per record batch. By default, the power of 2 that gives about " + "4 MB.",
  );

/** A data file of a source. */
export interface SourceFile {
  /** The file's name, as written in the pipeline file. */
  readonly name: string;
  /** The absolute path. */
  readonly path: string;
  /** The size in bytes. */
  readonly size: number;
  /** The columns from the names of partition folders in the path, such as `day=2026-11-01`. */
  readonly partitions: Partitions;
  /** The path of the user's file, if `path` is a temporary copy of it in another encoding. */
  readonly original?: string | undefined;
}

/** A file format that a source reads, with its file name extensions. */
export interface FileKind {
  /** The name of the format for messages, such as `Parquet`. */
  readonly format: string;
  /** Matches file names with an extension of the format. */
  readonly extensions: RegExp;
}

/**
 * Finds the files that match paths, folders and globs. The files are in the order of the list, and
 * those of a glob or folder are sorted by name. Each file is included once.
 *
 * @param patterns Paths of files and folders, and globs.
 * @param folder The folder that relative paths start from.
 * @param kind The expected format.
 * @throws {UserError} If a file does not exist, is empty or cannot be read, or if a glob or folder
 *   contains no such files.
 */
export async function findFiles(
  patterns: readonly string[],
  folder: string,
  kind: FileKind,
): Promise<SourceFile[]> {
  const names = await fileNames(patterns, folder, kind);
  return await Promise.all(names.map((name) => findFile(name, folder, kind)));
}

/**
 * Returns the names of the files that match paths, folders and globs, each once. Paths of files and
 * addresses are returned without checking that they exist.
 *
 * @param patterns Paths of files and folders, globs, and addresses. Addresses are returned
 *   unchanged.
 * @param folder The folder that relative paths start from.
 * @param kind The format of the files to read from a folder.
 * @throws {UserError} If a glob matches no file, or if a folder contains no files of this format.
 */
export async function fileNames(
  patterns: readonly string[],
  folder: string,
  kind: FileKind,
): Promise<string[]> {
  const names = new Set<string>();
  for (const pattern of patterns) {
    const info = isUrl(pattern) ? undefined : await statOf(resolvePath(folder, pattern));
    if (info?.isDirectory) {
      (await filesInFolder(pattern, folder, kind)).forEach((name) => names.add(name));
      continue;
    }
    // The name of an existing file can look like a glob: part[1].csv.
    if (isUrl(pattern) || info || !isGlob(pattern)) {
      names.add(pattern);
      continue;
    }
    const matches = await globFiles(pattern, folder);
    if (matches.length === 0) {
      throw new UserError(`no file matches ${pattern}`, {
        hint: hint("files/glob", `write a path relative to the folder ${folder}`, {
          edit: "the glob",
        }),
      });
    }
    matches.forEach((match) => names.add(match));
  }
  return [...names];
}

/**
 * Lists the files of one format in a folder and in its Hive partitions, which are folders such as
 * `day=2026-11-01`, sorted by path. Names that start with a dot or an underscore are skipped, as
 * Hive does.
 */
async function filesInFolder(name: string, folder: string, kind: FileKind): Promise<string[]> {
  const found: string[] = [], others: string[] = [];
  const walk = async (name: string) => {
    for await (const entry of Deno.readDir(resolvePath(folder, name))) {
      if (/^[._]/.test(entry.name)) continue;
      const path = name.endsWith("/") ? `${name}${entry.name}` : `${name}/${entry.name}`;
      const { isFile, isDirectory } = entry.isSymlink
        ? await statOf(resolvePath(folder, path)) ?? entry
        : entry;
      if (isDirectory && isPartition(entry.name)) await walk(path);
      else if (isFile && kind.extensions.test(entry.name)) found.push(path);
      else others.push(entry.name);
    }
  };
  try {
    await walk(name);
  } catch (error) {
    throw new UserError(`the folder ${name} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (found.length > 0) return found.sort();
  throw new UserError(`the folder ${name} has no ${kind.format} files`, {
    hint: others.length === 0
      ? hint("files/empty-folder", "the folder is empty; name a folder with data", {
        edit: "the path",
      })
      : hint(
        "files/folder",
        `it has ${
          listed(others.sort())
        }; of its subfolders, only those of partitions are read, such as day=2026-11-01`,
        { edit: "the path" },
      ),
  });
}

/**
 * Checks whether a path is an http(s) address.
 *
 * @param path The path or address.
 */
export function isUrl(path: string): boolean {
  return /^https?:\/\//i.test(path);
}

/**
 * Returns the absolute path of a file or folder. DuckDB must get absolute paths: it takes a relative
 * path that starts with `file:`, `~`, or the name of an extension as something else than a file.
 *
 * @param folder The folder that relative paths start from.
 * @param path The path.
 */
export const resolvePath = (folder: string, path: string): string => resolve(folder, path);

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  return await Deno.stat(path).catch(() => undefined);
}

/**
 * Finds a file and checks that it can be opened.
 *
 * @param name The file's name, as written in the pipeline file.
 * @param folder The folder that relative paths start from.
 * @param kind The expected format, for hints.
 * @throws {UserError} If the file does not exist, is empty, is not a regular file, or cannot be
 *   read, or if it is a link to a file that this process may not read.
 */
export async function findFile(
  name: string,
  folder: string,
  kind: FileKind,
): Promise<SourceFile> {
  const path = resolvePath(folder, name);
  refuseLink(name, path);
  try {
    const { size, isFile } = await Deno.stat(path);
    // Reading a device or a pipe might never end.
    if (!isFile) {
      throw new UserError(`${name} is not a regular file`, {
        hint: hint("files/regular", "write its content to a file", { edit: "the path" }),
      });
    }
    if (size === 0) throw new UserError(`${name} is empty`);
    (await Deno.open(path)).close();
    return { name, path, size, partitions: partitionsOf(name) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof Deno.errors.NotFound) {
      throw new UserError(`there is no file ${name}`, {
        hint: await nearestFile(path, kind, isAbsolute(name) ? undefined : folder),
        cause: error,
      });
    }
    throw new UserError(`${name} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Rejects a link in a data folder to a file for which this process has no permission.
 *
 * @param name The file's name, for messages.
 * @param path The absolute path.
 * @throws {UserError} If the path leads through a link to such a file.
 */
export function refuseLink(name: string, path: string): void {
  const target = unpermittedTarget(path);
  if (target === undefined) return;
  throw new UserError(`${name} is a link to ${target}, which this command may not read`, {
    hint: hint(
      "files/link",
      "replace the link with the file, or name the file that it leads to instead of the link",
      { edit: "the data" },
    ),
  });
}

/**
 * Suggests existing files near a missing one. `start` is the folder that relative paths start from,
 * or undefined if the path is absolute.
 */
async function nearestFile(
  path: string,
  { format, extensions }: FileKind,
  start: string | undefined,
): Promise<HintText> {
  const edit = "the path";
  const folder = dirname(path);
  try {
    const names: string[] = [];
    for await (const entry of Deno.readDir(folder)) if (entry.isFile) names.push(entry.name);
    const fitting = names.filter((name) => extensions.test(name)).sort();
    const near = nearest(basename(path), fitting.length > 0 ? fitting : names);
    if (near) return hint("files/near", `did you mean ${join(folder, near)}?`, { edit });
    if (names.length === 0) {
      return hint("files/none", `the folder ${folder} has no files`, { edit });
    }
    return fitting.length > 0
      ? hint("files/others", `the ${format} files in ${folder} are ${fitting.join(", ")}`, { edit })
      : hint("files/format", `there are no ${format} files in ${folder}`, { edit });
  } catch {
    return hint(
      "files/no-folder",
      `there is no folder ${folder}${
        start === undefined ? "" : `; paths are relative to ${start}`
      }`,
      { edit },
    );
  }
}

/**
 * The size in bytes of the largest file whose content is hashed for its fingerprint. Hashing so
 * many bytes takes about a second.
 */
export const hashedBytes = 2 ** 28;

/**
 * Returns one fingerprint per file, which changes when the file changes: the SHA-256 of the content
 * of a file of up to 256 MB. Hashing a larger file would take too long, so its fingerprint is made
 * from its name, size and modification time.
 *
 * @param files The files, in order.
 */
export async function fileFingerprints(files: readonly SourceFile[]): Promise<string[]> {
  return await Promise.all(files.map(async ({ path: read, original: path = read }) => {
    const { size, mtime } = await Deno.stat(path);
    if (size <= hashedBytes) return `sha256:${await sha256OfFile(path)}`;
    return `stat:${sha256([basename(path), size, mtime?.getTime()].join("\n"))}`;
  }));
}

/**
 * Combines several fingerprints into one.
 *
 * @param parts The fingerprints, at least one. A single one is returned unchanged.
 */
export function joinFingerprints(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : `sha256:${sha256(parts.join("\n"))}`;
}

/**
 * Returns the SHA-256 of a text as 64 hexadecimal digits.
 *
 * @param text The text, which is hashed as UTF-8.
 */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await Deno.open(path);
  for await (const part of file.readable) hash.update(part);
  return hash.digest("hex");
}

/**
 * Returns the file that contains a row, for files that are read in order.
 *
 * @param files The names of the files that were read so far, each with its number of rows.
 * @param row The row's index over all files, from 0.
 * @returns The file, and the row's index in it from 0. Undefined if the row is in none of these
 *   files.
 */
export function locateRow(
  files: Iterable<readonly [name: string, rows: number]>,
  row: number,
): RowLocation | undefined {
  let left = row;
  for (const [file, rows] of files) {
    if (left < rows) return { file, row: left };
    left -= rows;
  }
  return undefined;
}
