import { DType, type Graph, type OpAttribute, type Reference } from "./graph.ts";

/** The op that writes rows of its first input in place. */
export const IN_PLACE = "InplaceUpdate";

/**
 * TensorFlow writes in one thread, and mostly waits for memory; more parts than this gain nothing.
 */
const MAX_PARTS = 4;

/**
 * Adds the nodes that write rows of a table in place: a part of the rows each, so that they run
 * side by side. The row numbers are each there once, or it would be left to chance which value
 * stays.
 *
 * @param graph The graph.
 * @param inputs The table, the row numbers `[touched]`, and their values `[touched, size]`.
 * @param attributes The op's attributes.
 * @param after Nodes that have to have run before.
 * @returns The nodes' names.
 */
export function writeInParts(
  graph: Graph,
  [table, ids, values]: readonly Reference[],
  attributes: readonly OpAttribute[],
  after: ReadonlySet<string>,
): string[] {
  const count = Math.min(navigator.hardwareConcurrency, MAX_PARTS);
  const parts = (value: Reference, type: number) => graph.split(value, type, count);
  const partsOfValues = parts(values!, DType.float);
  return parts(ids!, DType.int32).map((ids, part) =>
    graph.op(IN_PLACE, [table!, ids, partsOfValues[part]!], attributes, after)
  );
}
