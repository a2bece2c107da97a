import * as tf from "@tensorflow/tfjs";
import type { Collectives } from "../engine/cluster/collectives.ts";
import { commonLength, type ListLength, ownLength } from "../engine/cluster/row_lists.ts";
import { synchronizing } from "../engine/cluster/synchronization.ts";
import {
  asFloat32,
  asInt32,
  type Distinct,
  distinct,
  lengthened,
  sumByPlace,
} from "../engine/ops/distinct.ts";
import type { RowUses } from "./lookups.ts";
import type { PartGradients, ProcessInput, SummedGradients, SumOverProcesses } from "./step.ts";

/**
 * Makes the function by which a training step takes the rows of all processes of a cluster into
 * account. Gradients, losses, running statistics, and the numbers of table rows travel in the same
 * messages. Gradients of table rows are then gathered, so that each process updates all rows that any
 * of them has read. Each process adds up the gradients of a row before it sends them.
 *
 * @param collectives The operations in which all processes take part.
 */
export function sumOverProcesses(collectives: Collectives): SumOverProcesses {
  const sum = (
    { gradients, uses, losses, updates }: PartGradients,
    process: ProcessInput,
  ): SummedGradients => {
    const names = Object.keys(gradients), kept = Object.keys(updates), stores = Object.keys(uses);
    // Each process has normalized its rows by their own statistics. Their running means are averaged.
    const averaged = kept.map((name) => tf.mul(updates[name]!, process.rows));
    const lists = stores.map((name) => distinct(uses[name]!.ids));
    const [sumOfLosses, stops, ...rest] = collectives.sums([
      losses,
      process.stops,
      ...lists.map(({ count }) => ownLength(count, collectives)),
      ...averaged,
      ...names.map((name) => gradients[name]!),
    ], "step");
    const lengths = rest.splice(0, stores.length);
    const named = (names: readonly string[], tensors: readonly tf.Tensor[]) =>
      Object.fromEntries(names.map((name, index) => [name, tensors[index]!]));
    return {
      losses: sumOfLosses as tf.Tensor1D,
      stops: stops as tf.Scalar,
      updates: named(kept, rest),
      gradients: named(names, rest.slice(kept.length)),
      uses: Object.fromEntries(stores.map((name, index) => {
        const length = commonLength(lengths[index] as tf.Tensor1D);
        return [name, usesOfAll(collectives, uses[name]!, lists[index]!, length, name)];
      })),
    };
  };
  return Object.assign(sum, {
    synchronized: <T>({ rows, layout }: ProcessInput, run: () => T) =>
      synchronizing({ collectives, share: rows, layout }, run),
    inParts: <T>(run: () => T) => synchronizing("parts", run),
  });
}

/** Gathers the rows of the tables of a store that all processes have read, and their gradients. */
function usesOfAll(
  collectives: Collectives,
  { gradients }: RowUses,
  own: Distinct,
  length: ListLength,
  name: string,
): RowUses {
  // The first row that was read, with a gradient of 0, fills the list. The optimizer changes this
  // row anyway.
  const sums = sumByPlace(gradients, own.places, length.rows), [, size] = gradients.shape;
  // The numbers of the rows are a column of the same message, because a message of its own would
  // make all processes wait for each other once more.
  const ids = tf.reshape(asFloat32(lengthened(own, length.rows)), [-1, 1]);
  const all = collectives.gatherLists(tf.concat([sums, ids], 1), length, `rows of ${name}`);
  const [allSums, allIds] = tf.split(all, [size, 1], 1);
  return { ids: asInt32(tf.reshape(allIds!, [-1])), gradients: allSums as tf.Tensor2D };
}
