import * as tf from "@tensorflow/tfjs";
import { partRange } from "../../base/part_range.ts";
import type { NamedSynchronization } from "../cluster/synchronization.ts";
import { offTape } from "./off_tape.ts";

/**
 * Joins the rows of all processes of a cluster to those of the whole batch, in their order. Gradients
 * flow through it: each process gets the gradients of the losses of all processes with respect to
 * its own rows.
 *
 * @typeParam T The tensor's type.
 * @param x The rows of this process, float32 or int32.
 * @param synchronization The processes.
 * @returns The rows of the whole batch.
 */
export function rowsOfAll<T extends tf.Tensor>(
  x: T,
  { collectives, layout, name }: NamedSynchronization,
): T {
  const { size, rank } = collectives, [remainder, idle] = layout.shape;
  /** Whether a process has one of the rows that cannot be divided evenly: 0 or 1. */
  const extra = (index: number) => {
    const [from, to] = partRange(remainder, { index, count: size });
    return to - from;
  };
  const rows = x.shape[0]!, least = rows - extra(rank) - idle;
  const counts = Array.from({ length: size }, (_, process) => least + extra(process));
  // A process without rows has a row that does not count.
  const most = Math.max(1, ...counts);
  const join = () => {
    const padding = Array<tf.Tensor>(most - rows).fill(tf.slice(x, 0, 1));
    const padded = padding.length === 0 ? x : tf.concat([x, ...padding]);
    const all = collectives.gather(padded, name);
    return tf.concat(
      counts.flatMap((count, process) => count === 0 ? [] : [tf.slice(all, process * most, count)]),
    );
  };
  if (x.dtype !== "float32") return offTape(join) as T;
  const start = counts.slice(0, rank).reduce((sum, count) => sum + count, 0), own = counts[rank]!;
  return tf.customGrad(() => ({
    value: join(),
    gradFunc: (dy: tf.Tensor) => {
      const [sum] = collectives.sums([dy], `${name} gradient`);
      return own === 0 ? tf.zeros(x.shape) : tf.slice(sum!, start, own);
    },
  }))(x) as T;
}
