import { createHash } from "node:crypto";
import { basename, dirname, isAbsolute, join } from "node:path";
import {
  globFiles,
  hint,
  type HintText,
  isGlob,
  nearest,
  type RowLocation,
  UserError,
  z,
} from "../../plugin.ts";
import { isPartition, type Partitions, partitionsOf } from "./hive.ts";

const pattern = z.string().min(1, { error: "expected a path" });

/**
 * The schema of an option that names one or more files.
 *
 * @param example A glob, for messages.
 */
export function filePatterns(example: string): z.ZodType<string | string[]> {
  return z.union([pattern, z.array(pattern).min(1)], {
    error: `expected a path, a glob such as ${example}, or a list of them`,
  });
}

/** The schema of the option that says how many rows a record batch has. */
export const batchRowsOption: ReturnType<z.ZodNumber["optional"]> = z.int().min(1).max(2 ** 24)
  .optional()
  .describe(
    "The number of rows per record batch. By default, the power of 2 that gives about " + "4 MB.",
  );

/** A file of a source. */
export interface SourceFile {
  /** As the pipeline file names it. */
  readonly name: string;
  /** Its absolute path. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** The columns that the folders of its name say, such as `day=2026-11-01`. */
  readonly partitions: Partitions;
}

/** Which files a source reads. */
export interface FileKind {
  /** Such as `Parquet`. */
  readonly format: string;
  /** The ends of such files' names. */
  readonly extensions: RegExp;
}

/**
 * The files that paths and globs name: in the order of the list, those of a glob by name, each
 * once.
 *
 * @param patterns Paths and globs.
 * @param folder Where relative ones start.
 * @param kind What they are expected to be.
 * @throws {UserError} If one names no file, or an empty one.
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
 * The names that paths, folders and globs stand for, each once; whether there are such files is not
 * looked at but for folders and globs.
 *
 * @param patterns Paths of files and folders, globs, and addresses, which are kept as they are.
 * @param folder Where relative paths start.
 * @param kind Which files of a folder are read.
 * @throws {UserError} If a glob matches nothing, or a folder has no such files.
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
    // A file may well be called part[1].csv.
    if (isUrl(pattern) || info || !isGlob(pattern)) {
      names.add(pattern);
      continue;
    }
    const matches = await globFiles(pattern, folder);
    if (matches.length === 0) {
      throw new UserError(`no file matches ${pattern}`, {
        hint: hint("files/glob", `paths are relative to the folder ${folder}`, {
          edit: "the glob",
        }),
      });
    }
    matches.forEach((match) => names.add(match));
  }
  return [...names];
}

/**
 * The files of a folder by name: those of its format, in it and in its Hive partitions, which are
 * folders such as `day=2026-11-01`. Names that start with a dot or an underscore are no data, by
 * Hive's rule.
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

const listed = (names: readonly string[]) =>
  names.length <= 5
    ? names.join(", ")
    : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;

/**
 * Whether a path is an address on a server.
 *
 * @param path The path.
 */
export function isUrl(path: string): boolean {
  return /^https?:\/\//i.test(path);
}

const resolvePath = (folder: string, path: string) => isAbsolute(path) ? path : join(folder, path);

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  return await Deno.stat(path).catch(() => undefined);
}

/**
 * A file that can be opened.
 *
 * @param name As the pipeline file names it.
 * @param folder Where relative paths start.
 * @param kind What it is expected to be.
 * @throws {UserError} If it is not there, empty, a folder, or not for us.
 */
export async function findFile(
  name: string,
  folder: string,
  kind: FileKind,
): Promise<SourceFile> {
  const path = resolvePath(folder, name);
  try {
    const { size, isFile } = await Deno.stat(path);
    // Devices and pipes have no end, or none that one could wait for.
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

/** What there is instead of a file; relative paths start at a folder. */
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

/** Up to this many bytes a file is read for its fingerprint: a second or so. */
const hashedBytes = 2 ** 28;

/**
 * A text that changes when files do: the SHA-256 of each file of up to 256 MB; for larger ones its
 * name, size and time of last change, as reading them takes too long.
 *
 * @param files The files, in order.
 */
export async function fileFingerprints(files: readonly SourceFile[]): Promise<string[]> {
  return await Promise.all(files.map(async ({ path, size }) => {
    if (size <= hashedBytes) return `sha256:${await sha256OfFile(path)}`;
    const { mtime } = await Deno.stat(path);
    return `stat:${sha256([basename(path), size, mtime?.getTime()].join("\n"))}`;
  }));
}

/**
 * One fingerprint of several.
 *
 * @param parts The texts that it is made of; one is kept as it is.
 */
export function joinFingerprints(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : `sha256:${sha256(parts.join("\n"))}`;
}

/**
 * The SHA-256 of a text, as hexadecimal digits.
 *
 * @param text The text.
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
 * Which file a row is in, where files are read one after the other.
 *
 * @param files The names of the files, each with how many rows it has; as many of them as were
 *   read.
 * @param row The row's number from 0 over all files.
 * @returns The file and the row's number there; undefined if no file has it.
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
