import {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node as YamlNode,
  type Pair,
  type ParsedNode,
  parseDocument,
  type YAMLError,
} from "yaml";
import { type Problem, UserError } from "../../base/errors.ts";
import { hint, type HintText } from "../../base/hints.ts";
import type { MapEntry, Node, Origin, Position } from "./nodes.ts";

/**
 * The maximum number of reported mistakes. Later mistakes of a text mostly follow from the first
 * ones.
 */
const maxProblems = 10;

/**
 * The maximum number of values. Aliases of aliases can turn a small file into millions of values.
 */
const maxNodes = 100_000;

/**
 * Parses YAML, of which JSON is a subset.
 *
 * @param text The text.
 * @param origin The origin of the text.
 * @returns The values with their positions.
 * @throws {UserError} If the text is not valid, with all syntax errors; exit code 2.
 */
export function parseYaml(text: string, origin: Origin): Node {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    merge: true,
    // The library compares each key with all others, which is slow for large texts. #entries()
    // rejects duplicate keys in texts of any size.
    uniqueKeys: text.length < 2 ** 16,
  });
  // `yaml` only warns about some mistakes, such as unknown tags. A pipeline may not contain them.
  const errors = [...document.errors, ...document.warnings];
  // If a file is nested too deeply, all its other errors follow from that.
  const deep = errors.find(({ code }) => code === "RESOURCE_EXHAUSTION");
  const problems = (deep ? [deep] : errors).slice(0, maxProblems).map((error): Problem => ({
    message: sentenceOf(error),
    place: { file: origin.file, ...positionAt(lineCounter, error.pos[0]) },
  }));
  if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
  return new Reader(origin, lineCounter, document).read(document.contents);
}

/**
 * Shortens a message of the package `yaml`: removes the position, which is printed elsewhere, and
 * advice for programmers.
 */
function sentenceOf({ code, message }: YAMLError): string {
  if (code === "RESOURCE_EXHAUSTION") return "the file is nested too deeply";
  if (code === "MULTIPLE_DOCS") {
    return "a pipeline file must contain a single YAML document, but another one starts here";
  }
  return message.split("\n", 1)[0]!.replace(/:$/, "");
}

function positionAt(lineCounter: LineCounter, offset: number): Position {
  const { line, col } = lineCounter.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/**
 * Finds the nodes that aliases refer to, in one pass. The library would search the document again
 * for each alias.
 */
function targetsOf(contents: YamlNode | null): Map<YamlNode, YamlNode> {
  const anchors = new Map<string, YamlNode>(), targets = new Map<YamlNode, YamlNode>();
  const walk = (node: unknown): void => {
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target) targets.set(node, target);
    } else if (isPair(node)) {
      walk(node.key);
      walk(node.value);
    } else if (isScalar(node) || isCollection(node)) {
      if (node.anchor) anchors.set(node.anchor, node);
      if (isCollection(node)) node.items.forEach(walk);
    }
  };
  walk(contents);
  return targets;
}

class Reader {
  readonly #origin: Origin;
  readonly #lineCounter: LineCounter;
  readonly #open = new Set<YamlNode>();
  readonly #targets: ReadonlyMap<YamlNode, YamlNode>;
  #nodes = 0;

  constructor(
    origin: Origin,
    lineCounter: LineCounter,
    document: ReturnType<typeof parseDocument>,
  ) {
    this.#origin = origin;
    this.#lineCounter = lineCounter;
    this.#targets = targetsOf(document.contents);
  }

  read(node: ParsedNode | YamlNode | null): Node {
    if (++this.#nodes > maxNodes) {
      const advice = hint(
        "yaml/parts",
        "look for YAML aliases of aliases, which multiply the values",
        {
          edit: "the file",
        },
      );
      throw this.#error(
        `the file has more than ${maxNodes} values after its aliases are expanded`,
        node,
        advice,
      );
    }
    const base = { origin: this.#origin, position: this.#position(node) };
    if (isAlias(node)) {
      const target = this.#targets.get(node);
      if (!target) throw this.#error(`there is no anchor &${node.source}`, node);
      if (this.#open.has(target)) {
        throw this.#error(`the alias *${node.source} contains itself`, node);
      }
      return this.read(target);
    }
    if (!isCollection(node)) {
      return { ...base, kind: "scalar", value: isScalar(node) ? node.value : null };
    }
    this.#open.add(node);
    const read: Node = isMap(node)
      ? { ...base, kind: "map", entries: this.#entries(node.items as Pair<YamlNode, YamlNode>[]) }
      : { ...base, kind: "list", items: node.items.map((item) => this.read(item as YamlNode)) };
    this.#open.delete(node);
    return read;
  }

  #entries(pairs: readonly Pair<YamlNode, YamlNode | null>[]): Map<string, MapEntry> {
    const entries = new Map<string, MapEntry>();
    const merged = new Map<string, MapEntry>();
    for (const { key, value } of pairs) {
      if (!isScalar(key)) throw this.#error("the key of a map must be text", key);
      const read = this.read(value);
      if (key.value === "<<" || typeof key.value === "symbol") {
        for (const map of read.kind === "list" ? read.items : [read]) {
          if (map.kind !== "map") throw this.#error("only a map can be merged with <<", key);
          for (const [name, entry] of map.entries) if (!merged.has(name)) merged.set(name, entry);
        }
        continue;
      }
      const name = String(key.value);
      // `yaml` accepts 1 and "1" as different keys, but both become the same name.
      if (entries.has(name)) throw this.#error("Map keys must be unique", key);
      if (name.startsWith("//")) {
        throw this.#error("a key cannot start with //; a comment starts with #", key);
      }
      if (name === "__proto__") throw this.#error("__proto__ cannot be used as a key", key);
      // Some empty values have no position; the position of the key replaces it.
      const placed = read.position ? read : { ...read, position: this.#position(key) };
      entries.set(name, { key: this.#position(key), value: placed });
    }
    for (const [name, entry] of merged) if (!entries.has(name)) entries.set(name, entry);
    return entries;
  }

  #position(node: YamlNode | null): Position | undefined {
    const offset = node?.range?.[0];
    return offset === undefined ? undefined : positionAt(this.#lineCounter, offset);
  }

  #error(message: string, node: YamlNode | null, hint?: HintText): UserError {
    const place = { file: this.#origin.file, ...this.#position(node) };
    return new UserError(message, { place, hint, exitCode: 2 });
  }
}
