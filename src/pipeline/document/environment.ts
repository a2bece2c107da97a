import { createHash } from "node:crypto";
import { isAbsolute, resolve } from "node:path";
import { isScalar, parseDocument } from "yaml";
import { type Place, type Problem, UserError } from "../../base/errors.ts";
import { hint, nameHint } from "../../base/hints.ts";
import {
  childOf,
  follow,
  type MapEntry,
  type Node,
  nodeOf,
  type Path,
  placeOf,
  type ScalarNode,
  valueOf,
} from "./nodes.ts";

/** Which environment variables a pipeline may read, and who hears of them. */
export interface EnvironmentOptions {
  /** Hears of each variable that is read. */
  readonly onVariable?: ((name: string) => void) | undefined;
  /** The variables that may be part of an address, which a server is told; all by default. */
  readonly allowEnv?: readonly string[] | undefined;
}

/**
 * Puts the values of environment variables in the place of `${env:NAME}`. A value that is nothing
 * else is read as YAML reads it, so that a number is a number; within a longer text it is text.
 * `$${` stands for `${` itself. A server is told the address that it is asked for, so that only
 * variables that are allowed are part of one.
 *
 * @param node The pipeline.
 * @param problems Takes what is wrong.
 * @param options Which variables may be read for what, and who hears of them.
 * @returns The pipeline with the variables' values.
 */
export function readEnvironment(
  node: Node,
  problems: Problem[],
  options: EnvironmentOptions = {},
): Node {
  return replaceIn(node, [], problems, options);
}

function replaceIn(
  node: Node,
  path: Path,
  problems: Problem[],
  options: EnvironmentOptions,
): Node {
  if (node.kind === "list") {
    const items = node.items.map((item, index) =>
      replaceIn(item, [...path, index], problems, options)
    );
    return { ...node, items };
  }
  if (node.kind === "map") {
    const entries = Array.from(node.entries, ([key, entry]): [string, MapEntry] => {
      refuseIllFormed(key, placeOf(entry.value, path, entry.key), problems);
      return [key, { ...entry, value: replaceIn(entry.value, [...path, key], problems, options) }];
    });
    return { ...node, entries: new Map(entries) };
  }
  if (typeof node.value === "string") {
    refuseIllFormed(node.value, placeOf(node, path), problems);
  }
  if (typeof node.value !== "string" || !node.value.includes("${")) return node;
  const text = node.value, names: string[] = [];
  const read = (name: string) => {
    names.push(name);
    options.onVariable?.(name);
    const value = Deno.env.get(name);
    if (value !== undefined) return value;
    problems.push({
      message: `the environment variable ${name} is not set`,
      place: placeOf(node, path),
      hint: nameHint("environment/near", {
        written: name,
        names: Object.keys(Deno.env.toObject()),
        change: (near) => ({ set: { ".": text.replaceAll(`\${env:${name}}`, `\${env:${near}}`) } }),
      }) ?? hint("environment/set", `set it: ${name}=VALUE deno task pipeline …`, {
        variables: { [name]: "1" },
      }),
    });
    return "";
  };
  const whole = /^\$\{env:([A-Za-z_]\w*)\}$/.exec(text)?.[1];
  if (whole !== undefined) {
    const value = plainValue(read(whole));
    refuseInAddress(value, names, options, { node, path, problems });
    return { ...node, value, written: text };
  }
  const value = text.replace(/\$\$\{|\$\{([^}]*)\}?/g, (found, inside?: string) => {
    if (inside === undefined) return "${";
    const name = /^env:([A-Za-z_]\w*)$/.exec(inside)?.[1];
    if (name !== undefined && found.endsWith("}")) return read(name);
    problems.push({
      message: `expected \${env:NAME}, got ${JSON.stringify(found)}`,
      place: placeOf(node, path),
      hint: hint("environment/dollar", "write $${ for the text ${ itself", {
        set: { ".": text.replaceAll(/\$?\$\{/g, "$$$${") },
      }),
    });
    return "";
  });
  refuseInAddress(value, names, options, { node, path, problems });
  return { ...node, value, ...(names.length > 0 && { written: text }) };
}

/** Refuses what no file, no host and no column can be called: half of a pair of surrogates. */
function refuseIllFormed(text: string, place: Place, problems: Problem[]): void {
  if (text.isWellFormed()) return;
  const written = text.replaceAll(/\p{Cs}/gu, "");
  problems.push({
    message: `${JSON.stringify(text)} is not Unicode text: it has half of a surrogate pair`,
    place,
    hint: hint("document/unicode", `leave that out: ${JSON.stringify(written)}`, {
      set: { ".": written },
    }),
  });
}

/** What makes a text an address: Rocket and Deno ask a server for what it names. */
const isAddress = (text: string) => /^\s*(https?|npm|jsr):/i.test(text) || text.includes("://");

function refuseInAddress(
  value: unknown,
  names: readonly string[],
  { allowEnv }: EnvironmentOptions,
  { node, path, problems }: {
    readonly node: Node;
    readonly path: Path;
    readonly problems: Problem[];
  },
): void {
  if (allowEnv === undefined || typeof value !== "string" || !isAddress(value)) return;
  for (const name of new Set(names)) {
    if (allowEnv.includes(name)) continue;
    problems.push({
      message: `the environment variable ${name} is in an address, so that a server is told it`,
      place: placeOf(node, path),
      hint: hint("environment/address", `if the server may know it, add --allow-env ${name}`, {
        args: { add: ["--allow-env", name] },
      }),
    });
  }
}

/**
 * A value of a pipeline as its files have it: with `${env:NAME}` in the place of what was read from
 * the environment, so that files which are kept or passed on have no variable's value.
 *
 * @param value The value, as it came out of the pipeline's check: with defaults, and with absolute
 *   paths.
 * @param root The pipeline with the variables' values.
 * @param path Where the value stands in it.
 * @returns The value; {@linkcode readEnvironment} makes the same of it again.
 */
export function asWritten(value: unknown, root: Node, path: Path = []): unknown {
  const { node, rest } = follow(root, path);
  if (rest.length > 0 || !hasVariables(node)) return plain(value);
  if (node.kind === "scalar") return inPlaceOf(value, node);
  return mapped(value, (item, key) => {
    const inner = childOf(node, key);
    // Where no variable is read, no value can be made of one.
    if (!inner || !hasVariables(inner)) return plain(item);
    return isOption(value, item) && !isSame(item, inner)
      ? inFile(inner, item)
      : asWritten(item, node, [key]);
  });
}

/**
 * Marks what has become of a stage: its options are checked by schemas that may make anything of
 * them.
 */
export const STAGE: unique symbol = Symbol("stage");

/** Whether an item of a value is an option of a stage, and no stage of its own. */
const isOption = (value: unknown, item: unknown) =>
  STAGE in Object(value) && !(STAGE in Object(item));

function hasVariables(node: Node): boolean {
  return node.kind === "scalar"
    ? node.written !== undefined
    : childrenOf(node).some(([, child]) => hasVariables(child));
}

function childrenOf(node: Exclude<Node, ScalarNode>): [string | number, Node][] {
  return node.kind === "list"
    ? node.items.map((item, index) => [index, item])
    : Array.from(node.entries, ([key, { value }]) => [key, value]);
}

/**
 * Whether a value is what stands in the file: with the values of variables, and with absolute
 * paths.
 */
function isSame(value: unknown, node: Node): boolean {
  if (node.kind === "scalar") {
    // What a schema makes of a text alone, inPlaceOf() knows.
    return node.written !== undefined || value === node.value || value === absolute(node);
  }
  if (typeof value !== "object" || value === null) return false;
  const children = childrenOf(node);
  return Array.isArray(value) === (node.kind === "list") &&
    Object.keys(value).length === children.length &&
    children.every(([key, child]) => isSame((value as Record<string, unknown>)[key], child));
}

/** What stands in the file, with absolute paths where the value has them. */
function inFile(node: Node, value: unknown): unknown {
  const part = (key: string | number) => Object(value)[key];
  switch (node.kind) {
    case "list":
      return node.items.map((item, index) => inFile(item, part(index)));
    case "map":
      return Object.fromEntries(
        childrenOf(node).map(([key, child]) => [key, inFile(child, part(key))]),
      );
    case "scalar":
      if (node.written !== undefined) return inPlaceOf(value, node);
      return plain(value === absolute(node) ? value : node.value);
  }
}

/** A text of the file as a path that starts from the file's folder. */
const absolute = ({ value, origin }: ScalarNode) =>
  typeof value === "string" ? resolve(origin.folder, value) : undefined;

const plain = (item: unknown): unknown => mapped(item, plain);

/** A text without variables, a list or a map; all else is kept as it is. */
function mapped(value: unknown, map: (item: unknown, key: string | number) => unknown): unknown {
  if (typeof value === "string") return value.replaceAll("${", () => "$${");
  if (Array.isArray(value)) return value.map(map);
  if (typeof value !== "object" || value === null) return value;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, map(item, key)]));
}

/** What stands in a file for a value that was made of a text with variables. */
function inPlaceOf(value: unknown, node: ScalarNode): unknown {
  if (typeof value !== "object" || value === null) return textOf(value, node) ?? node.written;
  if (!(STAGE in value)) return textWithin(value, node) ?? node.written;
  // A name alone has become a stage, with defaults beside it.
  return mapped(value, (item) => textOf(item, node) ?? plain(item));
}

/**
 * The text that a list or a map was made of. What else is in it may be made of a variable's value
 * as well, and the text alone gives all of it again; but a path does not start from the file that
 * had it any more.
 */
function textWithin(value: object, node: ScalarNode): string | undefined {
  const found = Object.values(value).map((item) =>
    typeof item === "object" && item !== null ? textWithin(item, node) : textOf(item, node)
  );
  return found.find((text) => text !== undefined && text !== node.written) ??
    found.find((text) => text !== undefined);
}

/** The text of a value; undefined where it is not the text's own. */
function textOf(value: unknown, { written, origin, ...node }: ScalarNode): string | undefined {
  if (value === node.value) return written;
  if (typeof value !== "string" || typeof node.value !== "string") return undefined;
  const [file, ...name] = node.value.split("#") as [string, ...string[]];
  const isSame = value === resolve(origin.folder, node.value) ||
    value === [resolve(origin.folder, file), ...name].join("#");
  if (!isSame) return undefined;
  return isAbsolute(node.value) ? written : `${resolve(origin.folder)}/${written}`;
}

/**
 * Reads the variables of a value that {@linkcode asWritten} has made.
 *
 * @param value The value.
 * @param file The file that has it.
 * @throws {UserError} If a variable is not set.
 */
export function withVariables(value: unknown, file: string): unknown {
  const problems: Problem[] = [];
  const node = readEnvironment(nodeOf(value, { file, folder: Deno.cwd() }), problems);
  if (problems.length > 0) throw new UserError(problems);
  return valueOf(node);
}

/**
 * The environment variables that a value of {@linkcode asWritten} names.
 *
 * @param value The value.
 */
export function variablesIn(value: unknown): string[] {
  const text = JSON.stringify(value) ?? "";
  return [...new Set(Array.from(text.matchAll(/(?<!\$)\$\{env:(\w+)\}/g), ([, name]) => name!))];
}

/**
 * What tells, when a run goes on, that a variable has another value than it had. It is too short to
 * find a long value by, but whoever guesses a short one, such as a PIN, can check the guess.
 *
 * @param name The variable.
 */
export function variableMark(name: string): string {
  const value = Deno.env.get(name) ?? "";
  return createHash("sha256").update(`${name}=${value}`).digest("hex").slice(0, 8);
}

/** Only text, numbers and the like: an environment variable does not write lists and maps. */
function plainValue(text: string): unknown {
  const { contents, errors, warnings } = parseDocument(text);
  if (errors.length + warnings.length > 0) return text;
  if (contents === null) return null;
  return isScalar(contents) ? contents.value : text;
}
