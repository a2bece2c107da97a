import * as tf from "@tensorflow/tfjs";
import type { NamedSynchronization } from "../cluster/synchronization.ts";
import { offTape } from "./off_tape.ts";

/**
 * Sums values over the rows of all processes of a cluster. Gradients flow through the sums: each
 * process gets the gradients of the losses of all processes.
 *
 * @param own The sums over the rows of this process, float32.
 * @param synchronization The processes; undefined if this process computes whole batches.
 * @returns The sums, in the order of `own`.
 */
export function sumOverRows(
  own: readonly tf.Tensor[],
  synchronization: NamedSynchronization | undefined,
): tf.Tensor[] {
  if (!synchronization) return [...own];
  const { collectives, share, name } = synchronization;
  // A process without rows computes with a row that does not count.
  const counts = offTape(() => tf.cast(tf.greater(share, 0), "float32"));
  const flat = tf.concat(own.map((tensor) => tf.reshape(tf.mul(tensor, counts), [-1])));
  const sums = tf.customGrad((x) => ({
    value: collectives.sums([x as tf.Tensor], name)[0]!,
    gradFunc: (dy: tf.Tensor) => collectives.sums([dy], `${name} gradient`)[0]!,
  }))(flat);
  const parts = own.length === 1 ? [sums] : tf.split(sums, own.map(({ size }) => size));
  return own.map(({ shape }, index) => tf.reshape(parts[index]!, shape));
}
