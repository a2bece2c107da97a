/**
 * A command line with its files as they are when a person has done what a hint says.
 *
 * @module
 */

import { join } from "node:path";
import { parse } from "yaml";
import type { Place } from "../../src/base/errors.ts";
import type { Change } from "../../src/base/hints.ts";
import type { CommandLine } from "./outcome.ts";

/**
 * What a person changes who follows a hint: texts and bytes of files by name, arguments, variables.
 */
export interface Mend {
  /** The new content of files, or a function of the old one; null removes the file. */
  readonly files?: Readonly<Record<string, FileMend>>;
  /** The new arguments, or a function of the old ones. */
  readonly args?: readonly string[] | ((args: readonly string[]) => readonly string[]);
  /** Environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The new content of a file, or a function of the old one; null removes it. */
export type FileMend = string | Uint8Array | ((text: string) => string) | null;

/** A command line that is changed, with the files to write before it runs. */
export interface ChangedLine extends CommandLine {
  /** The content of files by path; null for one to remove. */
  readonly files: ReadonlyMap<string, string | Uint8Array | null>;
}

/**
 * The input as a case says that a person changes it.
 *
 * @param line The command line.
 * @param mend What is changed.
 */
export function mended(line: CommandLine, mend: Mend): ChangedLine {
  const { files = {}, args = line.args, env = {} } = mend;
  const contents = Object.entries(files).map(([name, content]) => {
    const path = join(line.folder, name);
    const now = typeof content === "function" ? content(Deno.readTextFileSync(path)) : content;
    return [path, now] as const;
  });
  return {
    ...line,
    args: typeof args === "function" ? args(line.args) : args,
    env: { ...line.env, ...env },
    files: new Map(contents),
  };
}

/**
 * The input as a hint says that it changes.
 *
 * @param line The command line.
 * @param change What the hint says.
 * @param place The place of the problem.
 * @returns Undefined if this cannot be done with the file that the place names, such as code.
 */
export function changed(
  line: CommandLine,
  change: Change,
  place: Place | undefined,
): ChangedLine | undefined {
  const { set = {}, remove = [], rename, args, variables } = change;
  const edits: Edit[] = [
    ...Object.entries(set).map(([path, value]): Edit => ({ kind: "set", path, value })),
    ...remove.map((path): Edit => ({ kind: "remove", path })),
    ...rename === undefined ? [] : [{ kind: "rename", name: rename } as const],
  ];
  const own = { ...line, env: { ...line.env, ...variables }, files: new Map() };
  const next = { ...own, args: changedArguments(line.args, args) };
  if (edits.length === 0) return next;
  if (place === undefined) return undefined;
  const base = basePath(place.path ?? "");
  const placed = edits.map((edit) => placedEdit(edit, base));
  if (place.file.startsWith("--")) return changedOption(next, place.file, placed);
  if (/\.[mc]?[jt]s$/.test(place.file)) return setOnCommandLine(next, placed);
  const path = fileOf(line, place.file, placed);
  const value = parse(Deno.readTextFileSync(path), { merge: true, uniqueKeys: false }) ?? {};
  const written = [...placed, ...twins(placed, value)].reduce<unknown>(applied, value);
  return { ...next, files: new Map([[path, JSON.stringify(written, null, 2)]]) };
}

/** The same changes of the other splits that are written as the one that a hint is about. */
function twins(edits: readonly PlacedEdit[], value: unknown): PlacedEdit[] {
  const { data } = value as { data?: Readonly<Record<string, unknown>> };
  const own = edits[0]!.path[1] ?? "";
  if (typeof data !== "object" || edits.some(({ path }) => path[0] !== "data" || path[1] !== own)) {
    return [];
  }
  const same = Object.keys(data).filter((key) =>
    key !== own && ["train", "validation", "test"].includes(key) &&
    JSON.stringify(data[key]) === JSON.stringify(data[own])
  );
  return same.flatMap((split) =>
    edits.map((edit) => ({ ...edit, path: ["data", split, ...edit.path.slice(2)] }))
  );
}

/**
 * The file that a person changes: the one that the place names, unless the command line's own file
 * has the value, laid over that of a file that it extends.
 */
function fileOf(line: CommandLine, named: string, edits: readonly PlacedEdit[]): string {
  const own = line.args.find((arg) => /\.(ya?ml|json)$/.test(arg));
  const path = join(line.folder, named);
  if (own === undefined || own === named || edits.length === 0) return path;
  const value: unknown = parse(Deno.readTextFileSync(join(line.folder, own)), {
    merge: true,
    uniqueKeys: false,
  });
  const has = edits.every(({ path }) =>
    path.filter((key) => key !== "-").reduce<unknown>(
      (inner, key) => (inner as Keyed | undefined)?.[key],
      value,
    ) !== undefined
  );
  return has ? join(line.folder, own) : path;
}

type Edit =
  | { readonly kind: "set"; readonly path: string; readonly value: unknown }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "rename"; readonly name: string };

type PlacedEdit =
  | { readonly kind: "set"; readonly path: readonly string[]; readonly value: unknown }
  | { readonly kind: "remove"; readonly path: readonly string[] }
  | { readonly kind: "rename"; readonly path: readonly string[]; readonly name: string };

/** The keys of the value that a place names; of a stage, its options. */
function basePath(path: string): string[] {
  const keys = Array.from(
    path.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|[^.[\]]+/g),
    ([key, index, quoted]) => index ?? (quoted === undefined ? key : JSON.parse(quoted) as string),
  );
  return keys.at(-1) === "use" ? keys.slice(0, -1) : keys;
}

function placedEdit(edit: Edit, base: readonly string[]): PlacedEdit {
  if (edit.kind === "rename") return { ...edit, path: base };
  const keys = edit.path.startsWith("/") ? [] : [...base];
  for (const key of edit.path.split("/")) {
    if (key === "..") keys.pop();
    else if (key !== "." && key !== "") keys.push(key);
  }
  return { ...edit, path: keys };
}

type Keyed = Record<string, unknown>;

/** A value with one change. A name alone stands for a map, as in pipelines. */
function applied(value: unknown, edit: PlacedEdit): unknown {
  const [key, ...rest] = edit.path;
  if (key === undefined) {
    if (edit.kind !== "set") throw new Error("a hint removes or renames the whole file");
    return edit.value;
  }
  if (key === "-") {
    return applied(value ?? [], {
      ...edit,
      path: [String((value as unknown[] | undefined)?.length ?? 0), ...rest],
    });
  }
  const list = Array.isArray(value) && /^\d+$/.test(key);
  const own: Keyed | unknown[] = list
    ? [...value]
    : Array.isArray(value)
    ? Object.fromEntries(value.map((name) => [name, {}]))
    : typeof value === "string"
    ? { [/^data$/.test(edit.path[0]!) ? "column" : "use"]: value }
    : { ...value as Keyed };
  const map = own as Keyed;
  const at = key;
  if (rest.length > 0) {
    map[at] = applied(stageOrColumn(map[at], key), { ...edit, path: rest });
    return own;
  }
  if (edit.kind === "set") map[at] = edit.value;
  else if (edit.kind === "remove") {
    if (Array.isArray(own)) own.splice(Number(at), 1);
    else delete map[at];
  } else {
    return Object.fromEntries(
      Object.entries(map).map(([name, inner]) => [name === at ? edit.name : name, inner]),
    );
  }
  return own;
}

/** The label may be written as its column's name. */
const stageOrColumn = (value: unknown, key: string) =>
  key === "label" && typeof value === "string" ? { column: value } : value;

function changedArguments(
  args: readonly string[],
  { add = [], replace = {}, remove = [] }: NonNullable<Change["args"]> = {},
): string[] {
  const kept = args.filter((arg) => !remove.includes(arg)).map((arg) => {
    for (const [from, to] of Object.entries(replace)) {
      if (arg === from) return to;
      if (arg.startsWith(`${from}=`)) return to + arg.slice(from.length);
    }
    return arg;
  });
  return [...kept, ...add];
}

/** A change of what an option of the command line says, as `--set PATH=VALUE`. */
function changedOption(
  line: ChangedLine,
  file: string,
  edits: readonly PlacedEdit[],
): ChangedLine | undefined {
  const index = line.args.findIndex((arg) => `--set ${arg.replaceAll(/\s+/g, " ")}` === file);
  if (index < 0) return setOnCommandLine(line, edits);
  const text = line.args[index]!, equals = text.indexOf("=");
  const path = basePath(text.slice(0, equals));
  // The option's value, in a file of its own.
  const nested = path.reduceRight<unknown>(
    (inner, key) => ({ [key]: inner }),
    parse(text.slice(equals + 1)),
  );
  const value = edits.reduce<unknown>(applied, nested);
  const args = line.args.filter((_, at) => at !== index && at !== index - 1);
  return { ...line, args: [...args, ...settings(value, [])] };
}

/** `--set` for each value; a value within a value by its path. */
function settings(value: unknown, path: readonly string[]): string[] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, inner]) => settings(inner, [...path, key]));
  }
  return ["--set", `${path.join(".")}=${JSON.stringify(value)}`];
}

/** Code is not rewritten; `--set` says the same. */
function setOnCommandLine(
  line: ChangedLine,
  edits: readonly PlacedEdit[],
): ChangedLine | undefined {
  const args = [...line.args];
  for (const edit of edits) {
    if (edit.kind !== "set") return undefined;
    args.push("--set", `${edit.path.join(".")}=${JSON.stringify(edit.value)}`);
  }
  return { ...line, args };
}

/**
 * Writes the files of a changed command line, and lets them be as they were afterwards.
 *
 * @param line The command line.
 * @param run What is done in between.
 */
export async function withChangedFiles<T>(line: ChangedLine, run: () => Promise<T>): Promise<T> {
  const before = new Map(
    [...line.files.keys()].map((path) => [path, bytesOf(path)] as const),
  );
  write(line.files);
  try {
    return await run();
  } finally {
    write(before);
  }
}

function bytesOf(path: string): Uint8Array | null {
  try {
    return Deno.readFileSync(path);
  } catch {
    return null;
  }
}

function write(files: ReadonlyMap<string, string | Uint8Array | null>): void {
  for (const [path, content] of files) {
    if (content === null) Deno.removeSync(path);
    else if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
  }
}
