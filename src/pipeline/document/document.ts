/**
 * Reads pipeline files into documents, which contain the values and their places.
 *
 * @module
 */

import { basename, dirname, extname, isAbsolute, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { thrown } from "../../base/printable.ts";
import { type AllowedCode, isModule } from "../allowed_code.ts";
import { applyChange } from "./changes.ts";
import { asWritten, type EnvironmentOptions, readEnvironment } from "./environment.ts";
import { type Place, type Problem, UserError } from "../../base/errors.ts";
import { hint, nameHint } from "../../base/hints.ts";
import { appendTo } from "../../base/long_lists.ts";
import { importCustom, importFault, notDownloaded } from "../module.ts";
import { mergePipelines } from "./merge_pipelines.ts";
import { follow, type Node, nodeOf, type Path, placeOf, valueOf } from "./nodes.ts";
import { parseYaml } from "./parse_yaml.ts";
import { isUrl } from "../registry.ts";

export type { Path } from "./nodes.ts";

/** A pipeline file merged with the files that it extends and with changes from the command line. */
export interface Document {
  /** The file, as the user named it. */
  readonly file: string;
  /** Its value. */
  readonly value: unknown;
  /**
   * The place of a value; if the value does not exist, the place of its deepest existing parent.
   *
   * @param path The path to the value.
   */
  place(path: Path): Place;
  /**
   * The place of the key of a value.
   *
   * @param path The path to the value.
   */
  keyPlace(path: Path): Place;
  /**
   * The folder of the file that contains a value. Relative paths start there.
   *
   * @param path The path to the value.
   */
  folderOf(path: Path): string;
  /**
   * The form of a value for files, with `${env:NAME}` instead of values from the environment.
   *
   * @param value The value as it is used, defaults and absolute paths included.
   * @param path The path to the value; the whole pipeline by default.
   */
  asWritten(value: unknown, path?: Path): unknown;
  /**
   * Returns a document with changed values, which keep their places.
   *
   * @param change Changes the values.
   */
  changed(change: (root: Node) => Node): Document;
}

/** The file name extensions of pipeline files, with the functions that read them. */
const readers = {
  ".yaml": readText,
  ".yml": readText,
  ".json": readText,
  ".ts": readModule,
  ".mts": readModule,
  ".js": readModule,
  ".mjs": readModule,
} as const;

/** The maximum size of a pipeline file in bytes, which is more than any pipeline needs. */
const maxBytes = 2 ** 19;

/** The maximum time for a pipeline that is a promise to resolve, in milliseconds. */
const patience = 4_000;

/**
 * The maximum number of files of a pipeline, which is more than any pipeline needs. Their number
 * grows exponentially if files extend one another twice.
 */
const maxFiles = 100;

/**
 * The maximum number of keys and values in all files of a pipeline. Each file may have as many, so
 * reading a hundred such files would take minutes.
 */
const maxParts = 100_000;

/** Loads the module at a path and returns its exports. */
export type Evaluate = (path: string) => Promise<{ readonly default?: unknown }>;

/**
 * Thrown if the exports of a module are needed, but this process is not allowed to run the module.
 */
export class Unevaluated extends Error {
  override name = "Unevaluated";
  /** The module's absolute path. */
  readonly path: string;

  /**
   * Makes the error.
   *
   * @param path The module's absolute path.
   */
  constructor(path: string) {
    super(`${path} is not evaluated`);
    this.path = path;
  }
}

/**
 * What is needed while all files of a pipeline are read: the settings, and the numbers of files and
 * values so far.
 */
export interface Reading {
  /** Which files that are code may be read. */
  readonly allowed: AllowedCode;
  /** Called with the absolute path of each file that is read. */
  readonly onFile: ((path: string) => void) | undefined;
  /** The variables allowed in addresses, and a callback for each variable. */
  readonly environment: EnvironmentOptions;
  /** Returns a module's exports by its absolute path. By default the module is imported. */
  readonly evaluate: Evaluate | undefined;
  /** The number of files read so far. */
  files: number;
  /** The number of keys and values in these files. */
  parts: number;
}

/**
 * The options for reading a pipeline, such as changes from the command line and the code that it
 * may load.
 */
export interface ReadOptions extends EnvironmentOptions {
  /** Changes as `PATH=VALUE`, in this order. */
  readonly set?: readonly string[];
  /** The code that the pipeline may extend. */
  readonly allowed: AllowedCode;
  /** Called with the absolute path of each file that is read. */
  readonly onFile?: ((path: string) => void) | undefined;
  /**
   * Returns a module's exports by its absolute path. By default the module is imported, which runs
   * it.
   */
  readonly evaluate?: Evaluate | undefined;
}

/**
 * Reads a pipeline file with the files that it extends, and applies changes from the command line.
 *
 * @param file A YAML, JSON or TypeScript file.
 * @param options Changes, and which code may be read.
 * @returns The document.
 * @throws {UserError} If a file cannot be read; exit code 2.
 */
export async function readDocument(
  file: string,
  options: ReadOptions,
): Promise<Document> {
  const node = await readNode(file, startReading(options));
  return documentOf(node, file, options);
}

/**
 * Creates the settings and the state for reading all files of one pipeline or sweep.
 *
 * @param options The code that may be read, and callbacks for files and variables.
 */
export function startReading(
  { allowed, onFile, onVariable, allowEnv, evaluate }: ReadOptions,
): Reading {
  return { allowed, onFile, environment: { onVariable, allowEnv }, evaluate, files: 0, parts: 0 };
}

/**
 * Reads a pipeline file or a sweep file and merges it with the files that it extends.
 *
 * @param file A YAML, JSON or TypeScript file.
 * @param reading The settings and the state of reading.
 * @param place The place that names the file, if another file does.
 * @returns The merged values, in which `${env:NAME}` is not replaced yet.
 * @throws {UserError} If a file cannot be read; exit code 2.
 */
export async function readNode(file: string, reading: Reading, place?: Place): Promise<Node> {
  return await readFile(file, place, [], reading);
}

/**
 * Makes a document from a pipeline that a program provides as a value.
 *
 * @param value The pipeline, from `definePipeline()`.
 * @param options The folder that relative paths start from; changes as `PATH=VALUE`; the file that
 * messages name.
 * @throws {UserError} If a file that it extends cannot be read; exit code 2.
 */
export async function documentOfValue(
  value: object,
  { folder = Deno.cwd(), file = "the pipeline", ...options }:
    & ReadOptions
    & { folder?: string; file?: string },
): Promise<Document> {
  const origin = { file, folder };
  const node = await extended(nodeOf(value, origin), startReading(options));
  return documentOf(node, origin.file, options);
}

/**
 * Makes a document from a pipeline whose files have been read: applies the changes from the command
 * line and inserts environment variables.
 *
 * @param read The values.
 * @param file The file that messages name.
 * @param options Changes as `PATH=VALUE`, and the variables allowed in addresses.
 * @throws {UserError} If a change or an environment variable is wrong; exit code 2.
 */
export function documentOf(
  read: Node,
  file: string,
  { set = [], ...environment }: EnvironmentOptions & Pick<ReadOptions, "set"> = {},
): Document {
  const problems: Problem[] = [];
  const changed = set.reduce((node, change) => {
    try {
      return applyChange(node, change);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      appendTo(problems, error.problems);
      return node;
    }
  }, read);
  const root = readEnvironment(changed, problems, environment);
  if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
  return documentWith(root, file);
}

function documentWith(root: Node, file: string): Document {
  return {
    file,
    value: valueOf(root),
    place(path) {
      const { node, rest } = follow(root, path);
      return placeOf(node, path.slice(0, path.length - rest.length));
    },
    keyPlace(path) {
      const last = path.at(-1);
      const { node, rest } = follow(root, path.slice(0, -1));
      const entry = rest.length === 0 && node.kind === "map" && last !== undefined
        ? node.entries.get(String(last))
        : undefined;
      return entry
        ? placeOf(entry.value, path, entry.key ?? entry.value.position)
        : this.place(path);
    },
    folderOf: (path) => follow(root, path).node.origin.folder,
    asWritten: (value, path) => asWritten(value, root, path),
    changed: (change) => documentWith(change(root), file),
  };
}

async function readFile(
  file: string,
  place: Place | undefined,
  within: readonly string[],
  reading: Reading,
): Promise<Node> {
  const path = resolve(file);
  if (within.includes(path)) {
    throw new UserError(
      `the pipeline extends itself: ${
        [...within.slice(within.indexOf(path)), path]
          .map((path) => basename(path)).join(" → ")
      }`,
      { place, exitCode: 2 },
    );
  }
  if (isUrl(file)) {
    throw new UserError(`${file} is on a server, but a pipeline can only extend local files`, {
      place,
      hint: hint("extends/server", "download the file and write its local path", {
        edit: "the path of a file that was fetched",
      }),
      exitCode: 2,
    });
  }
  const read = readers[extname(file).toLowerCase() as keyof typeof readers];
  if (!read) {
    await refuseFolder(file, place);
    throw new UserError(`${file} is not a pipeline file`, {
      place,
      hint: hint("pipeline/ending", "name a file that ends in .yaml, .yml, .json or .ts", {
        edit: "the name of the file",
      }),
      exitCode: 2,
    });
  }
  if (++reading.files > maxFiles) {
    throw new UserError(`the pipeline consists of more than ${maxFiles} files`, {
      place,
      hint: hint("extends/many", "look for files that extend the same file more than once", {
        edit: "the files",
      }),
      exitCode: 2,
    });
  }
  // The user names the first file; files name all others.
  if (place !== undefined && isModule(path)) {
    await reading.allowed.refuse(path, { folder: dirname(path), place });
  }
  reading.onFile?.(path);
  const node = await read(file, path, place, reading);
  reading.parts += partsOf(node);
  if (reading.parts > maxParts) {
    throw new UserError(`together, the files of the pipeline have more than ${maxParts} values`, {
      place: place ?? { file },
      exitCode: 2,
    });
  }
  return await extended(node, reading, [...within, path]);
}

/** Counts the values in a value, at any depth. */
function partsOf(node: Node): number {
  const inner = node.kind === "map"
    ? Array.from(node.entries.values(), ({ value }) => value)
    : node.kind === "list"
    ? node.items
    : [];
  return inner.reduce((sum, one) => sum + partsOf(one), 1);
}

/**
 * Merges a pipeline with the files that its option `extends` names.
 *
 * @param node The pipeline.
 * @param reading The settings and the state of reading.
 * @param within The absolute paths of the files that extend this one.
 * @throws {UserError} If a file cannot be read; exit code 2.
 */
export async function extended(
  node: Node,
  reading: Reading,
  within: readonly string[] = [],
): Promise<Node> {
  const bases = node.kind === "map" ? node.entries.get("extends")?.value : undefined;
  if (node.kind !== "map" || !bases) return node;
  if (bases.kind === "list" && bases.items.length === 0) {
    throw new UserError("expected the path of a pipeline file, or a list of paths", {
      place: placeOf(bases, ["extends"]),
      exitCode: 2,
    });
  }
  let below: Node | undefined;
  for (const base of bases.kind === "list" ? bases.items : [bases]) {
    const place = placeOf(base, ["extends"]);
    if (base.kind !== "scalar" || typeof base.value !== "string" || base.value === "") {
      throw new UserError("expected the path of a pipeline file, or a list of paths", {
        place,
        exitCode: 2,
      });
    }
    const problems: Problem[] = [];
    const name = String(valueOf(readEnvironment(base, problems, reading.environment)) ?? "");
    if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
    const read = await readFile(
      pathFrom(base.origin.folder, name),
      place,
      within,
      reading,
    );
    below = below ? mergePipelines(below, read) : read;
  }
  const entries = new Map(node.entries);
  entries.delete("extends");
  const above = { ...node, entries };
  return below ? mergePipelines(below, above) : above;
}

/**
 * Returns the path of a file that a pipeline file names. The path is as short as in the pipeline
 * file if possible.
 *
 * @param folder The folder of the file that names it.
 * @param name The path or URL in that file.
 */
export function pathFrom(folder: string, name: string): string {
  if (isUrl(name)) return name;
  return resolve(folder) === resolve(Deno.cwd()) || isAbsolute(name) ? name : join(folder, name);
}

async function readText(file: string, path: string, place: Place | undefined): Promise<Node> {
  let text: string;
  try {
    const size = await sizeOfFile(file, path, place);
    if (size > maxBytes) {
      throw new UserError(
        `${file} has ${size} bytes; a pipeline file may have at most ${maxBytes}`,
        {
          place,
          exitCode: 2,
        },
      );
    }
    text = new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(path));
  } catch (error) {
    throw await unreadable(file, path, place, error);
  }
  const node = parseYaml(text, { file, folder: dirname(file) });
  if (node.kind === "map") return node;
  throw notAPipeline(file, valueOf(node) === null ? "it is empty" : "it is not a map");
}

/**
 * Reads a module whose default export is a pipeline or a sweep, without the files that it extends.
 *
 * @param file The module, as the user named it.
 * @param path The module's absolute path.
 * @param place The place that names the module, if another file does.
 * @param reading How the module is evaluated.
 * @returns The exported values.
 * @throws {UserError} If the module cannot be loaded or exports something else; exit code 2.
 */
export async function readModule(
  file: string,
  path: string,
  place: Place | undefined,
  { evaluate = (path) => importCustom(file, pathToFileURL(path).href, place) }: Pick<
    ReadOptions,
    "evaluate"
  >,
): Promise<Node> {
  try {
    await sizeOfFile(file, path, place);
  } catch (error) {
    throw await unreadable(file, path, place, error);
  }
  try {
    const module = await evaluate(path);
    const value = await settled(module.default, file);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw notAPipeline(file, "its default export is not a pipeline");
    }
    // A getter may throw.
    return nodeOf(value, { file, folder: dirname(file) });
  } catch (what) {
    const error = thrown(what);
    if (error instanceof UserError || error instanceof Unevaluated) throw error;
    const missing = notDownloaded(error);
    const why = missing ? `${missing.specifier} is not downloaded` : importFault(error);
    throw new UserError(`${file} cannot be loaded: ${why}`, {
      place: place ?? { file },
      hint: missing?.hint ??
        hint("pipeline/debug", "run again with --debug to see the stack trace", {
          args: { add: ["--debug"] },
          tells: true,
        }),
      cause: error,
      exitCode: 2,
    });
  }
}

/** Limits the wait for a promise that may never settle. */
async function settled(value: unknown, file: string): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    const why = `its default export is a promise that did not settle within ${patience / 1000} s`;
    timer = setTimeout(() => reject(notAPipeline(file, why)), patience);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Returns the size of a file in bytes. Rejects devices and pipes, since reading them may never end.
 */
async function sizeOfFile(file: string, path: string, place: Place | undefined): Promise<number> {
  const { size, isDirectory, isFile } = await Deno.stat(path);
  if (isFile) return size;
  throw new UserError(`${file} is ${isDirectory ? "a folder" : "not a regular file"}`, {
    place,
    hint: isDirectory
      ? undefined
      : hint("pipeline/regular", "name a regular file that ends in .yaml, .yml, .json or .ts", {
        edit: "a file instead of the device",
      }),
    exitCode: 2,
  });
}

async function refuseFolder(file: string, place: Place | undefined): Promise<void> {
  const info = await Deno.stat(file).catch(() => undefined);
  if (info?.isDirectory) await sizeOfFile(file, file, place);
}

function notAPipeline(file: string, why: string): UserError {
  return new UserError(`${file} does not contain a pipeline: ${why}`, {
    place: { file, line: 1, column: 1 },
    hint: /[jt]s$/i.test(file)
      ? hint("pipeline/export", "write `export default definePipeline({ … })`", {
        edit: "the file",
      })
      : hint("pipeline/start", "pipelines/quickstart.yaml is an example to start from", {
        edit: "the file",
      }),
    exitCode: 2,
  });
}

async function unreadable(
  file: string,
  path: string,
  place: Place | undefined,
  error: unknown,
): Promise<UserError> {
  if (error instanceof UserError) return error;
  if (error instanceof TypeError) {
    return new UserError(`${file} is not UTF-8 text`, { place, cause: error, exitCode: 2 });
  }
  if (!(error instanceof Deno.errors.NotFound)) {
    return new UserError(`${file} cannot be read: ${(error as Error).message}`, {
      place,
      cause: error,
      exitCode: 2,
    });
  }
  // A path is relative to the folder of the file that contains it, or to the current folder.
  const beside = (name: string) => {
    const other = join(dirname(file), name);
    return place ? relative(dirname(place.file), other) : other;
  };
  return new UserError(`there is no file ${file}`, {
    place,
    hint: nameHint("pipeline/file", {
      written: basename(path),
      // A broken link exists in its folder, but opening it fails as if it did not.
      names: (await pipelinesIn(dirname(path))).filter((name) => name !== basename(path)),
      shown: beside,
      change: (near) =>
        place ? { set: { ".": beside(near) } } : { args: { replace: { [file]: beside(near) } } },
    }),
    cause: error,
    exitCode: 2,
  });
}

async function pipelinesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (extname(name) in readers) names.push(name);
    }
  } catch {
    // The folder does not exist either.
  }
  return names;
}
