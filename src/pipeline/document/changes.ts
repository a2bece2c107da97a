import { type Place, UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { nearest } from "../../base/nearest.ts";
import { formatPath, type MapNode, merge, type Node, type Path } from "./nodes.ts";
import { parseYaml } from "./parse_yaml.ts";

/**
 * Applies a change from `--set PATH=VALUE` to a pipeline. The value is read as YAML. Maps are
 * merged with existing maps; other values replace the existing value.
 *
 * @param root The pipeline.
 * @param change The text after `--set`, such as `losses.2.weight=0.1`.
 * @returns The changed pipeline.
 * @throws {UserError} If the path does not fit the pipeline, such as an index outside of a list, or
 *   if the value cannot be read; exit code 2.
 */
export function applyChange(root: Node, change: string): Node {
  const file = `--set ${change.replaceAll(/\s+/g, " ")}`;
  const equals = endOfPath(change);
  const path = equals > 0 ? parsePath(change.slice(0, equals)) : undefined;
  if (!path) {
    throw new UserError(`--set expects PATH=VALUE, got ${JSON.stringify(change)}`, {
      hint: hint("set/example", "write, for example, --set losses.2.weight=0.1", {
        args: {
          replace: {
            [change]: "losses.2.weight=0.1",
            [`--set=${change}`]: "--set=losses.2.weight=0.1",
          },
        },
      }),
      exitCode: 2,
    });
  }
  refuseInherited(path, file);
  return changeAt(root, path, parseValue(change.slice(equals + 1), file), { file });
}

/**
 * Changes one value of a pipeline. A map is merged with an existing map; other values replace the
 * existing value.
 *
 * @param root The pipeline.
 * @param path The path to the value.
 * @param value The new value.
 * @param place The place of the change.
 * @returns The changed pipeline.
 * @throws {UserError} If the path does not fit the pipeline, such as an index outside of a list;
 *   exit code 2.
 */
export function changeAt(root: Node, path: Path, value: Node, place: Place): Node {
  return replaced(root, path, [], value, place);
}

/**
 * Keys that every object inherits or that have a special meaning in JavaScript. No pipeline has
 * them.
 */
const inherited: readonly unknown[] = ["__proto__", "constructor", "prototype"];

function refuseInherited(path: Path, change: string): void {
  const key = path.find((key) => inherited.includes(key));
  if (key === undefined) return;
  throw new UserError(`${JSON.stringify(key)} cannot be a key of a pipeline`, {
    place: { file: change },
    hint: hint("set/inherited", `remove ${change}`, {
      args: { remove: ["--set", change.replace(/^--set /, "")] },
    }),
    exitCode: 2,
  });
}

/**
 * Parses the value of `--set` as YAML. Removes the positions within it, which messages would show
 * as lines of a file.
 */
function parseValue(text: string, file: string): Node {
  try {
    return withoutPositions(parseYaml(text, { file, folder: Deno.cwd() }));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const problems = error.problems.map((problem) => ({ ...problem, place: { file } }));
    throw new UserError(problems, { exitCode: 2, cause: error });
  }
}

function withoutPositions(node: Node): Node {
  const plain = { ...node, position: undefined };
  if (plain.kind === "list") return { ...plain, items: plain.items.map(withoutPositions) };
  if (plain.kind === "scalar") return plain;
  const entries = new Map(
    Array.from(
      plain.entries,
      ([key, { value }]) => [key, { key: undefined, value: withoutPositions(value) }],
    ),
  );
  return { ...plain, entries };
}

/** A name in brackets and quotes, as JSON, at a position of a path. */
const QUOTED = /\[("(?:[^"\\]|\\.)*")\]/y;

/** The parts of a path: an index in brackets, a name in brackets, and a name after a dot. */
const INDEX = /\[(\d+)\]/y, DOT = /\./y;

/** Matches a pattern at a position of a text. */
function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Returns the index of the first equals sign that is not part of a name in quotes; or −1. */
function endOfPath(change: string): number {
  for (let at = 0; at < change.length; at++) {
    if (change[at] === "=") return at;
    at += Math.max(0, (matchAt(QUOTED, change, at)?.[0].length ?? 0) - 1);
  }
  return -1;
}

/**
 * Parses a path such as `losses.2.weight` or `losses[2].weight`. A name with a dot is in brackets
 * and quotes, as messages show it: `data.features["a.b"].column`.
 *
 * @param text The text.
 * @returns The path; undefined if the text is not a path.
 */
export function parsePath(text: string): string[] | undefined {
  const keys: string[] = [];
  let name = "", isName = true;
  // Ends the name before a dot, a bracket, or the end, unless brackets were there.
  const ended = () => {
    if (isName && name === "") return false;
    if (isName) keys.push(name);
    name = "";
    return true;
  };
  for (let at = 0; at < text.length;) {
    const quoted = matchAt(QUOTED, text, at), index = matchAt(INDEX, text, at);
    const part = quoted ?? index ?? matchAt(DOT, text, at);
    if (!part) {
      if (!isName) return undefined;
      name += text[at++];
      continue;
    }
    // A path can start with a name in quotes.
    if (!(at === 0 && quoted) && !ended()) return undefined;
    const key = quoted ? textOf(quoted[1]!) : index?.[1];
    if (key === "" || quoted && key === undefined) return undefined;
    if (key !== undefined) keys.push(key);
    isName = key === undefined;
    at += part[0].length;
  }
  return ended() ? keys : undefined;
}

/** Reads a JSON text; undefined if it is none. */
function textOf(json: string): string | undefined {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function replaced(node: Node, [key, ...rest]: Path, parent: Path, value: Node, place: Place): Node {
  if (key === undefined) return merge(node, value);
  const path = [...parent, key];
  if (node.kind === "list") return replacedItem(node, key, rest, parent, value, place);
  const map = node.kind === "map" ? node : mapOfName(node, parent);
  if (!map) {
    throw new UserError(
      `${describePath(parent)} is not a map or a list, so ${formatPath(path)} does not exist`,
      { place, exitCode: 2 },
    );
  }
  const old = map.entries.get(String(key));
  const next = replaced(old?.value ?? emptyMap(value), rest, path, value, place);
  // The position of the key is only valid if the new value is from the same file.
  const kept = next.origin === old?.value.origin ? old.key : undefined;
  const entries = new Map(map.entries).set(String(key), { key: kept, value: next });
  return { ...map, entries };
}

function replacedItem(
  node: Node & { kind: "list" },
  key: string | number,
  rest: Path,
  parent: Path,
  value: Node,
  place: Place,
): Node {
  const { items } = node;
  const index = /^\d+$/.test(String(key)) ? Number(key) : NaN;
  if (!(index <= items.length)) {
    const uses = items.map((item) => useOf(item)).filter((use) => use !== undefined);
    const near = nearest(String(key), uses);
    throw new UserError(
      `${describePath(parent)} is a list of length ${items.length}; expected an index from 0 to ` +
        `${items.length}, got ${JSON.stringify(key)}`,
      {
        place,
        hint: near &&
          hint(
            "set/index",
            `did you mean ${formatPath([...parent, uses.indexOf(near)])} (${near})?`,
            {
              args: {
                replace: {
                  [formatKeys([...parent, key, ...rest])]: formatKeys([
                    ...parent,
                    uses.indexOf(near),
                    ...rest,
                  ]),
                },
              },
            },
          ),
        exitCode: 2,
      },
    );
  }
  const changed = [...items];
  changed[index] = replaced(
    items[index] ?? emptyMap(value),
    rest,
    [...parent, index],
    value,
    place,
  );
  return { ...node, items: changed };
}

function useOf(node: Node): string | undefined {
  const use = node.kind === "map" ? node.entries.get("use")?.value : node;
  return use?.kind === "scalar" && typeof use.value === "string" ? use.value : undefined;
}

/** Expands the short form of a map: the name of a stage, or of the label's column. */
function mapOfName(node: Node, path: Path): MapNode | undefined {
  if (node.kind !== "scalar" || typeof node.value !== "string") return undefined;
  const { origin, position } = node;
  return {
    kind: "map",
    origin,
    position,
    entries: new Map([[formatPath(path) === "data.label" ? "column" : "use", {
      key: position,
      value: node,
    }]]),
  };
}

function emptyMap({ origin }: Node): MapNode {
  return { kind: "map", origin, position: undefined, entries: new Map() };
}

const formatKeys = (path: Path) => path.join(".");

const describePath = (path: Path) => path.length === 0 ? "the pipeline" : formatPath(path);
