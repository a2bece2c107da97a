import * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "../../src/engine/capture/capture.ts";
import type { Collectives } from "../../src/engine/cluster/collectives.ts";
import type { Measured } from "../worker.ts";

/** The sizes of the sums that the bench times, in bytes. */
export const SIZES = [1e3, 1e4, 1e5, 1e6, 4e6, 16e6, 64e6] as const;

/**
 * Creates a function that adds the tensors of all processes, by the operation and in a captured graph
 * as a training step. Its calls use all sizes in turn, and return the time of the sum.
 *
 * @param collectives The processes.
 * @throws {Error} When it is called, if a graph cannot be captured, or a sum is wrong.
 */
export function reductions(collectives: Collectives): () => Measured {
  const together = reduction(collectives, Float32Array.BYTES_PER_ELEMENT, "start");
  const each = SIZES.map((bytes) => reduction(collectives, bytes, `sum of ${bytes} bytes`));
  let count = 0;
  return () => {
    // Otherwise, the time would contain the wait for a process that is still at the sum before.
    together();
    const start = performance.now();
    each[count++ % each.length]!();
    return { milliseconds: performance.now() - start };
  };
}

function reduction(collectives: Collectives, bytes: number, name: string): () => void {
  const { rank, size } = collectives, expected = size * (size + 1) / 2;
  const values = tf.fill([bytes / Float32Array.BYTES_PER_ELEMENT], rank + 1);
  const captured = new CapturedFunction(
    // Only one number is copied to JavaScript.
    ({ values }: { readonly values: tf.Tensor }) => {
      const [sum] = collectives.sums([values], name);
      return { last: tf.slice(sum!, [sum!.size - 1], [1]) };
    },
    {
      rows: () => [],
      report({ captured, reason }) {
        if (!captured) throw new Error(`the sum is not captured: ${reason}`);
      },
    },
  );
  return () => {
    const { last } = captured.call({ values });
    const [sum] = last.dataSync();
    last.dispose();
    if (sum !== expected) throw new Error(`the sum is ${sum}, expected ${expected}`);
  };
}
