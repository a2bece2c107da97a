import * as tf from "@tensorflow/tfjs";
import { assertAlmostEquals, assertThrows } from "@std/assert";
import type { Collectives } from "../../../src/engine/cluster/collectives.ts";
import { synchronizing } from "../../../src/engine/cluster/synchronization.ts";
import { batchNorm } from "../../../src/engine/ops/batch_norm.ts";
import { testOnEachEngine } from "../each_engine.ts";

/** Two processes that have the same rows. */
const twice = {
  size: 2,
  gather: (tensor: tf.Tensor) => tf.concat([tensor, tensor]),
  sums: (tensors: readonly tf.Tensor[]) => tensors.map((tensor) => tf.mul(tensor, 2)),
} as unknown as Collectives;

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  for (let at = 0; at < expected.length; at++) {
    assertAlmostEquals(actual[at]!, expected[at]!, 1e-5);
  }
}

/** The values, running statistics, and gradients of a batch normalization. */
function computed(x: tf.Tensor2D, synchronized: boolean): tf.Tensor[] {
  const ofChannels = (first: number) => tf.tensor1d([first, first + 1, first + 2]);
  const [mean, variance] = [ofChannels(0.5), ofChannels(1)];
  const normalized = (x: tf.Tensor2D, scale: tf.Tensor1D, offset: tf.Tensor1D) =>
    batchNorm(x, { scale, offset, mean, variance }, { training: true, synchronized });
  const given = [x, ofChannels(0.7), ofChannels(-1)] as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
  const result = normalized(...given);
  const weights = tf.range(0, x.size).reshape(x.shape).mod(7);
  const gradients = tf.grads((...[x, scale, offset]) =>
    tf.sum(
      tf.mul(weights, normalized(x as tf.Tensor2D, scale as tf.Tensor1D, offset as tf.Tensor1D).y),
    )
  )(given);
  return [result.y, result.mean, ...gradients, result.variance];
}

testOnEachEngine("batchNorm() of processes with the same rows is that of one process", () => {
  tf.tidy(() => {
    const x = tf.tensor2d(Array.from({ length: 30 }, (_, at) => Math.sin(at * at)), [10, 3]);
    const alone = computed(x, true);
    const together = synchronizing(
      {
        ...{ collectives: twice, share: tf.scalar(0.5), layout: tf.zeros([0, 0]) },
      },
      () => computed(x, true),
    );
    // Only the unbiased variance depends on the number of rows: n / (n − 1).
    const [variance, other] = [alone.pop()!, together.pop()!];
    const unbiased = (running: tf.Tensor, rows: number) =>
      tf.mul(tf.sub(running, tf.mul(tf.tensor1d([1, 2, 3]), 0.9)), (rows - 1) / rows);
    assertClose(unbiased(other, 20).dataSync(), unbiased(variance, 10).dataSync());
    alone.forEach((tensor, at) => assertClose(together[at]!.dataSync(), tensor.dataSync()));
  });
});

testOnEachEngine("batchNorm() cannot be synchronized if a step computes parts", () => {
  tf.tidy(() => {
    const x = tf.ones([2, 3]) as tf.Tensor2D;
    synchronizing("parts", () => computed(x, false));
    assertThrows(
      () => synchronizing("parts", () => computed(x, true)),
      Error,
      "batch norm cannot be synchronized with `train.accumulate`",
    );
  });
});
