import { type MapNode, merge, type Node } from "./nodes.ts";

/** Keys of `data` that belong together. */
interface Group {
  /** The key that each pipeline with this group has. */
  readonly first: string;
  /** The keys that make no sense without the first one. */
  readonly others: readonly string[];
}

/** The groups that exclude each other: a pipeline has one of two. */
const pairs: readonly (readonly [Group, Group])[] = [
  [{ first: "all", others: ["split"] }, { first: "train", others: ["validation", "test"] }],
  [{ first: "label", others: [] }, { first: "labels", others: [] }],
];

/**
 * Merges two pipelines, or parts of pipelines. Keys of `data` that exclude each other replace each
 * other: if one pipeline names a source for all splits, the other one's sources for single splits
 * are left out, and so on.
 *
 * @param below The base, such as the pipeline of an extended file.
 * @param above The pipeline that takes precedence.
 */
export function mergePipelines(below: Node, above: Node): Node {
  return merge(withoutReplaced(below, above), above);
}

/** Leaves out the keys of the base that the other pipeline replaces by keys of another group. */
function withoutReplaced(below: Node, above: Node): Node {
  if (below.kind !== "map" || above.kind !== "map") return below;
  const own = below.entries.get("data"), other = above.entries.get("data")?.value;
  if (own?.value.kind !== "map" || other?.kind !== "map") return below;
  const data = new Map(own.value.entries);
  for (const pair of pairs) {
    for (const [given, replaced] of [pair, pair.toReversed() as [Group, Group]]) {
      // A pipeline that has both itself is refused later, with their places.
      if (!isWhole(other, given.first) || other.entries.has(replaced.first)) continue;
      if (!data.has(replaced.first)) continue;
      for (const key of [replaced.first, ...replaced.others]) data.delete(key);
    }
  }
  const entries = new Map(below.entries);
  entries.set("data", { ...own, value: { ...own.value, entries: data } });
  return { ...below, entries };
}

/** Whether a value is complete in itself, and not only a change of one with the same key below. */
function isWhole({ entries }: MapNode, key: string): boolean {
  const node = entries.get(key)?.value;
  if (node?.kind !== "map") return node?.kind === "scalar" && typeof node.value === "string";
  const start = key === "label" ? "column" : "use";
  return key === "labels" ? node.entries.size > 0 : node.entries.has(start);
}
