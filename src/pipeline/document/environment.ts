import { commandName } from "../../base/command_name.ts";
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

/** Limits and a callback for the environment variables that a pipeline reads. */
export interface EnvironmentOptions {
  /** Called with the name of each environment variable that is read. */
  readonly onVariable?: ((name: string) => void) | undefined;
  /**
   * The environment variables that may be part of an address and are thus sent to a server; all by
   * default.
   */
  readonly allowEnv?: readonly string[] | undefined;
}

/**
 * Replaces `${env:NAME}` with the value of the environment variable. If a text consists of one
 * variable, its value is parsed as YAML, so a number becomes a number. Within a longer text, the
 * value stays text. `$${` is the escape for `${`. Only the variables in `allowEnv` may be part of
 * an address, such as a URL, because Rocket or Deno would send them to a server.
 *
 * @param node The pipeline.
 * @param problems The list to which problems are added.
 * @param options The variables allowed in addresses, and a callback for each variable.
 * @returns The pipeline with the values of the variables.
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
      }) ?? hint("environment/set", `set it: ${name}=VALUE ${commandName()} …`, {
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
      hint: hint("environment/dollar", "to write the text ${ itself, write $${", {
        set: { ".": text.replaceAll(/\$?\$\{/g, "$$$${") },
      }),
    });
    return "";
  });
  refuseInAddress(value, names, options, { node, path, problems });
  return { ...node, value, ...(names.length > 0 && { written: text }) };
}

/** Rejects unpaired surrogates, which no name of a file, host, or column can contain. */
function refuseIllFormed(text: string, place: Place, problems: Problem[]): void {
  if (text.isWellFormed()) return;
  const written = text.replaceAll(/\p{Cs}/gu, "");
  problems.push({
    message: `${JSON.stringify(text)} is not valid Unicode: it contains an unpaired surrogate`,
    place,
    hint: hint("document/unicode", `remove the surrogate: ${JSON.stringify(written)}`, {
      set: { ".": written },
    }),
  });
}

/** Checks whether a text is an address, which Rocket or Deno would request from a server. */
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
      message:
        `the environment variable ${name} is part of an address, so a server would receive its value`,
      place: placeOf(node, path),
      hint: hint(
        "environment/address",
        `if the server may receive the value of ${name}, add --allow-env ${name}`,
        {
          args: { add: ["--allow-env", name] },
        },
      ),
    });
  }
}

/**
 * Puts `${env:NAME}` back into a checked value of a pipeline, wherever the pipeline file has it.
 * Files that are stored or shared then contain no values of environment variables.
 *
 * @param value The checked value, with defaults and absolute paths.
 * @param root The pipeline with the values of the variables.
 * @param path The path of the value in the pipeline.
 * @returns The value for files; {@linkcode readEnvironment} turns it into the checked value again.
 */
export function asWritten(value: unknown, root: Node, path: Path = []): unknown {
  const { node, rest } = follow(root, path);
  if (rest.length > 0 || !hasVariables(node)) return plain(value);
  if (node.kind === "scalar") return inPlaceOf(value, node);
  return mapped(value, (item, key) => {
    const inner = childOf(node, key);
    // Without variables in the file, no value can be derived from one.
    if (!inner || !hasVariables(inner)) return plain(item);
    return isOption(value, item) && !isSame(item, inner)
      ? inFile(inner, item)
      : asWritten(item, node, [key]);
  });
}

/**
 * The key that identifies an object as the checked options of a stage. The stage's schema may have
 * transformed these options, so they can differ from those in the file.
 */
export const STAGE: unique symbol = Symbol("stage");

/** Checks whether an item of a value is an option of a stage but not a stage itself. */
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
 * Checks whether a value is the same as in the file, apart from values of variables and absolute
 * paths.
 */
function isSame(value: unknown, node: Node): boolean {
  if (node.kind === "scalar") {
    // inPlaceOf() handles texts that a schema has transformed.
    return node.written !== undefined || value === node.value || value === absolute(node);
  }
  if (typeof value !== "object" || value === null) return false;
  const children = childrenOf(node);
  return Array.isArray(value) === (node.kind === "list") &&
    Object.keys(value).length === children.length &&
    children.every(([key, child]) => isSame((value as Record<string, unknown>)[key], child));
}

/** Returns the value in the file, with absolute paths where the checked value has them. */
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

/** Resolves a text of the file as a path relative to the file's folder. */
const absolute = ({ value, origin }: ScalarNode) =>
  typeof value === "string" ? resolve(origin.folder, value) : undefined;

const plain = (item: unknown): unknown => mapped(item, plain);

/**
 * Maps the items of a list or a plain object and escapes a text without variables. Other values are
 * returned unchanged.
 */
function mapped(value: unknown, map: (item: unknown, key: string | number) => unknown): unknown {
  if (typeof value === "string") return value.replaceAll("${", () => "$${");
  if (Array.isArray(value)) return value.map(map);
  if (typeof value !== "object" || value === null) return value;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, map(item, key)]));
}

/** Returns the text to write to a file for a value that comes from a text with variables. */
function inPlaceOf(value: unknown, node: ScalarNode): unknown {
  if (typeof value !== "object" || value === null) return textOf(value, node) ?? node.written;
  if (!(STAGE in value)) return textWithin(value, node) ?? node.written;
  // The short form of a stage, its name, was expanded to a map with defaults.
  return mapped(value, (item) => textOf(item, node) ?? plain(item));
}

/**
 * Returns the text with variables that a schema has turned into a list or a map. This text alone
 * restores the whole list or map, even if several of its items depend on the variable. A relative
 * path in it is resolved, because the written file may be in another folder.
 */
function textWithin(value: object, node: ScalarNode): string | undefined {
  const found = Object.values(value).map((item) =>
    typeof item === "object" && item !== null ? textWithin(item, node) : textOf(item, node)
  );
  return found.find((text) => text !== undefined && text !== node.written) ??
    found.find((text) => text !== undefined);
}

/** Returns the text that a value comes from; undefined if the value is not from this text. */
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
 * Replaces each `${env:NAME}` in a value with the value of the environment variable. This reverts
 * {@linkcode asWritten}.
 *
 * @param value The value.
 * @param file The file that contains the value, for messages.
 * @throws {UserError} If a variable is not set.
 */
export function withVariables(value: unknown, file: string): unknown {
  const problems: Problem[] = [];
  const node = readEnvironment(nodeOf(value, { file, folder: Deno.cwd() }), problems);
  if (problems.length > 0) throw new UserError(problems);
  return valueOf(node);
}

/**
 * Returns the names of the environment variables for which a value contains `${env:NAME}`.
 *
 * @param value The value.
 */
export function variablesIn(value: unknown): string[] {
  const text = JSON.stringify(value) ?? "";
  return [...new Set(Array.from(text.matchAll(/(?<!\$)\$\{env:(\w+)\}/g), ([, name]) => name!))];
}

/**
 * Returns a short hash of an environment variable's name and value. A resumed run compares it with
 * the stored hash to detect a changed value. The hash is too short to reveal a long value, but a
 * short value, such as a PIN, can be guessed and checked against the hash.
 *
 * @param name The name of the variable.
 */
export function variableMark(name: string): string {
  const value = Deno.env.get(name) ?? "";
  return createHash("sha256").update(`${name}=${value}`).digest("hex").slice(0, 8);
}

/** Parses a scalar. A list or a map stays text, because variables only provide scalars. */
function plainValue(text: string): unknown {
  const { contents, errors, warnings } = parseDocument(text);
  if (errors.length + warnings.length > 0) return text;
  if (contents === null) return null;
  return isScalar(contents) ? contents.value : text;
}
