import { WRITE_ROWS } from "../stores.ts";
import { DType, type Graph, type OpAttribute, type Reference } from "./graph.ts";

/**
 * The maximum number of parts. TensorFlow writes in one thread and mostly waits for memory, so more
 * parts are not faster.
 */
const MAX_PARTS = 4;

/**
 * Adds nodes that write rows of a table in place. Each node writes some of the rows, so that the
 * nodes run in parallel. Each row number must occur only once; otherwise the result would depend on
 * timing.
 *
 * @param graph The graph.
 * @param inputs The table, the row numbers `[touched]`, and their values `[touched, size]`.
 * @param attributes The op's attributes.
 * @param after Names of nodes that must run before.
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
    graph.op(WRITE_ROWS, [table!, ids, partsOfValues[part]!], attributes, after)
  );
}
