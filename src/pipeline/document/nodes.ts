/**
 * Values with their places in a file.
 *
 * @module
 */

import { type Place, UserError } from "../../base/errors.ts";
import { PAIR } from "../pair.ts";

/** The path of a value within a file: `["losses", 2, "weight"]`. */
export type Path = readonly (string | number)[];

/** The file or command-line option that a value of a pipeline comes from. */
export interface Origin {
  /** The file as the user named it, or the option of the command line. */
  readonly file: string;
  /** The folder that relative paths in it start from. */
  readonly folder: string;
}

/**
 * A line and a column in a file. Nodes from a program or from a TypeScript file have no position.
 */
export interface Position {
  /** The line, from 1. */
  readonly line: number;
  /** The column, from 1. */
  readonly column: number;
}

interface NodeBase {
  readonly origin: Origin;
  readonly position: Position | undefined;
}

/**
 * A value that contains no other nodes: text, a number, true, false, null, or a stage in a
 * TypeScript pipeline.
 */
export interface ScalarNode extends NodeBase {
  readonly kind: "scalar";
  readonly value: unknown;
  /** The text with `${env:NAME}` that the value was read from, if any. */
  readonly written?: string | undefined;
}

/** A list. */
export interface ListNode extends NodeBase {
  readonly kind: "list";
  readonly items: readonly Node[];
}

/** A value in a map, and the position of its key in the file. */
export interface MapEntry {
  /** The position of the key. */
  readonly key: Position | undefined;
  readonly value: Node;
}

/** A map. */
export interface MapNode extends NodeBase {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, MapEntry>;
}

/** A value of a pipeline file with its position in the file. */
export type Node = ScalarNode | ListNode | MapNode;

/**
 * Returns the value of a node, without positions.
 *
 * @param node The node.
 */
export function valueOf(node: Node): unknown {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(valueOf);
  return Object.fromEntries(
    Array.from(node.entries, ([key, { value }]) => [key, valueOf(value)]),
  );
}

/**
 * Makes the nodes of a value that does not come from the text of a file, such as a pipeline in
 * TypeScript. These nodes have no positions.
 *
 * @param value The value. Values other than lists and plain objects are kept unchanged.
 * @param origin The origin of the value.
 * @throws {UserError} If the value contains itself; exit code 2.
 */
export function nodeOf(value: unknown, origin: Origin): Node {
  return nodeWithin(value, origin, [], []);
}

function nodeWithin(
  value: unknown,
  origin: Origin,
  path: Path,
  within: readonly unknown[],
): Node {
  const base = { origin, position: undefined };
  if (within.includes(value)) {
    const place = { file: origin.file, path: formatPath(path) };
    throw new UserError("the value contains itself", { place, exitCode: 2 });
  }
  const part = (key: string | number, inner: unknown) =>
    nodeWithin(inner, origin, [...path, key], [...within, value]);
  if (Array.isArray(value)) {
    return { ...base, kind: "list", items: value.map((item, index) => part(index, item)) };
  }
  if (!isPlain(value)) return { ...base, kind: "scalar", value };
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([key, inner]) => [key, { key: undefined, value: part(key, inner) }] as const);
  return { ...base, kind: "map", entries: new Map(entries) };
}

/** Distinguishes plain objects from stages, which are objects with functions and a schema. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) &&
    !("create" in value && typeof value.create === "function");
}

/**
 * Returns the node at a path within another node.
 *
 * @param node The node.
 * @param path The path.
 * @returns The part, or its deepest existing parent with the rest of the path.
 */
export function follow(node: Node, path: Path): { node: Node; rest: Path } {
  const [key, ...rest] = path;
  if (key === undefined) return { node, rest: [] };
  const next = childOf(node, key);
  return next ? follow(next, rest) : { node, rest: path };
}

/**
 * Returns an item of a list or the value of a key in a map; undefined if it does not exist.
 *
 * @param node The node.
 * @param key The index or the name.
 */
export function childOf(node: Node, key: string | number): Node | undefined {
  if (node.kind === "map") return node.entries.get(String(key))?.value;
  return node.kind === "list" ? node.items[Number(key)] : undefined;
}

/**
 * Returns the place of a node in its file, for messages.
 *
 * @param node The node.
 * @param path The path that led to it.
 * @param position The position to use instead of the node's own, in the same file.
 */
export function placeOf(node: Node, path: Path, position = node.position): Place {
  const { file } = node.origin;
  return position
    ? { file, ...position, path: formatPath(path) }
    : { file, path: formatPath(path) };
}

/**
 * Formats a path: `losses[2].weight`.
 *
 * @param path The path.
 */
export function formatPath(path: Path): string {
  return path.map((key, index) => {
    if (typeof key === "number") return `[${key}]`;
    if (/[^\w${}:-]/.test(key)) return `[${JSON.stringify(key)}]`;
    return index === 0 ? key : `.${key}`;
  }).join("");
}

/**
 * Merges two nodes. If both are maps, their entries are merged key by key; otherwise `above`
 * replaces `below`. A map that names a different stage in `use` also replaces the whole map,
 * because the options of one stage do not apply to another stage.
 *
 * @param below The base, such as a value from an extended file.
 * @param above The node that takes precedence.
 */
export function merge(below: Node, above: Node): Node {
  if (below.kind !== "map" || above.kind !== "map" || isOtherStage(below, above)) return above;
  const entries = new Map(below.entries);
  for (const [key, entry] of above.entries) {
    const under = entries.get(key);
    entries.set(key, under ? { ...entry, value: merge(under.value, entry.value) } : entry);
  }
  return { ...above, entries };
}

/** The stage that an entry names; that of two networks if its light net and booster name stages. */
function useOf({ entries }: MapNode): unknown {
  const use = entries.get("use");
  if (use) return valueOf(use.value);
  const named = (net: string) => {
    const part = entries.get(net)?.value;
    return part?.kind === "map"
      ? useOf(part) !== undefined
      : part?.kind === "scalar" && typeof part.value === "string";
  };
  return named("light") && named("booster") ? PAIR : undefined;
}

function isOtherStage(below: MapNode, above: MapNode): boolean {
  const use = useOf(above);
  return use !== undefined && use !== useOf(below);
}
