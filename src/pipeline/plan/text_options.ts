import { childOf, type MapEntry, merge, type Node } from "../document/nodes.ts";

/** The keys of `data` that may have a source. */
const SOURCES = ["all", "train", "validation", "test"] as const;

/**
 * Adds the options that `data` has for all text files (`types` and `nullValues`) to each source
 * `csv`. The options of a source take precedence. The added options keep their places in the file,
 * for messages, and their `${env:NAME}`, for files of the run.
 *
 * @param root The pipeline, which fits the schema.
 */
export function withTextOptions(root: Node): Node {
  const data = childOf(root, "data");
  if (root.kind !== "map" || data?.kind !== "map") return root;
  const types = data.entries.get("types"), nullValues = data.entries.get("nullValues");
  if (!types && !nullValues) return root;
  const entries = new Map(data.entries);
  for (const name of SOURCES) {
    const source = entries.get(name);
    if (source && useOf(source.value) === "csv") {
      entries.set(name, { ...source, value: withOptions(source.value, types, nullValues) });
    }
  }
  const complete: MapEntry = { ...root.entries.get("data")!, value: { ...data, entries } };
  return { ...root, entries: new Map(root.entries).set("data", complete) };
}

const useOf = (node: Node) => {
  const use = childOf(node, "use");
  return use?.kind === "scalar" ? use.value : undefined;
};

function withOptions(
  source: Node,
  types: MapEntry | undefined,
  nullValues: MapEntry | undefined,
): Node {
  if (source.kind !== "map") return source;
  const entries = new Map(source.entries);
  if (nullValues && !entries.has("nullValues")) entries.set("nullValues", nullValues);
  // Without a header, `columns` lists all columns in order.
  const header = childOf(source, "header");
  if (types && !(header?.kind === "scalar" && header.value === false)) {
    const own = entries.get("columns");
    entries.set("columns", own ? { ...own, value: merge(types.value, own.value) } : types);
  }
  return { ...source, entries };
}
