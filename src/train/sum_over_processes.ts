import * as tf from "@tensorflow/tfjs";
import type { Collectives } from "../engine/cluster/collectives.ts";
import type { RowUses } from "./lookups.ts";
import { mostRows, padded } from "../engine/sharded_tables.ts";
import { synchronizing } from "../engine/cluster/synchronization.ts";
import type { PartGradients, ProcessInput, SummedGradients, SumOverProcesses } from "./step.ts";

/**
 * Makes the function by which a training step takes the rows of all processes of a cluster into
 * account. Gradients, losses, and running statistics travel in the same messages. Gradients of table
 * rows are gathered, so that each process updates all rows that any of them has read.
 *
 * @param collectives The operations in which all processes take part.
 */
export function sumOverProcesses(collectives: Collectives): SumOverProcesses {
  const sum = (
    { gradients, uses, losses, updates }: PartGradients,
    { process, rows }: { readonly process: ProcessInput; readonly rows: number },
  ): SummedGradients => {
    const names = Object.keys(gradients), kept = Object.keys(updates);
    // Each process has normalized its rows by their own statistics. Their running means are averaged.
    const averaged = kept.map((name) => tf.mul(updates[name]!, process.rows));
    const [sumOfLosses, stops, ...rest] = collectives.sums([
      losses,
      process.stops,
      ...averaged,
      ...names.map((name) => gradients[name]!),
    ], "step");
    const named = (names: readonly string[], tensors: readonly tf.Tensor[]) =>
      Object.fromEntries(names.map((name, index) => [name, tensors[index]!]));
    return {
      losses: sumOfLosses as tf.Tensor1D,
      stops: stops as tf.Scalar,
      updates: named(kept, rest),
      gradients: named(names, rest.slice(kept.length)),
      uses: Object.fromEntries(
        Object.entries(uses).map(([name, own]) => {
          const part = { rows, missing: process.missing.size };
          const most = mostRows(collectives, own.ids.size, part, name);
          return [name, usesOfAll(collectives, own, most, name)];
        }),
      ),
    };
  };
  return Object.assign(sum, {
    synchronized: <T>(process: ProcessInput, rows: number, run: () => T) => {
      const part = { rows, missing: process.missing.size };
      return synchronizing({ collectives, share: process.rows, layout: process.layout, part }, run);
    },
    inParts: <T>(run: () => T) => synchronizing("parts", run),
  });
}

/** Gathers the rows of the tables of a store that all processes have read, and their gradients. */
function usesOfAll(
  collectives: Collectives,
  { ids, gradients }: RowUses,
  most: number,
  name: string,
): RowUses {
  const padding = most - ids.size;
  // The first row that was read, with a gradient of 0, stands in for missing ones. The optimizer
  // changes this row anyway.
  const all = padding === 0
    ? gradients
    : tf.concat2d([gradients, tf.zeros([padding, gradients.shape[1]])], 0);
  return {
    ids: collectives.gather(padded(ids, most), `ids of ${name}`),
    gradients: collectives.gather(all, `rows of ${name}`),
  };
}
