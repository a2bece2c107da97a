import * as tf from "@tensorflow/tfjs";
import type { NamedSynchronization } from "../cluster/synchronization.ts";
import type { BatchNormParameters } from "./batch_norm.ts";
import { offTape } from "./off_tape.ts";

/** The processes, and their shares of the batch. */
type Processes = Pick<NamedSynchronization, "collectives" | "share" | "name">;

/** The statistics of a batch. */
interface Statistics {
  /** The number of values per channel, in all processes. */
  readonly count: tf.Tensor;
  /** The mean `[channels]`. */
  readonly mean: tf.Tensor1D;
  /** The sum of squared deviations from the mean `[channels]`. */
  readonly deviations: tf.Tensor1D;
}

/**
 * Normalizes a batch in training by the statistics of the rows of all processes of a cluster.
 *
 * @param x The rows of this process `[batch, height, width, channels]`.
 * @param parameters The scale, offset, and running statistics.
 * @param epsilon The number that is added to the variance.
 * @param momentum The weight of the batch's statistics in the new running statistics.
 * @param synchronization The processes.
 * @returns The normalized values, and the new running statistics.
 */
export function synchronizedBatchNorm(
  x: tf.Tensor4D,
  parameters: BatchNormParameters,
  epsilon: number,
  momentum: number,
  { collectives, share, name }: Processes,
): { y: tf.Tensor; mean: tf.Tensor1D; variance: tf.Tensor1D } {
  const { count, mean, deviations } = offTape(() =>
    statisticsOfAll(x, { collectives, share, name }) as Statistics & tf.TensorContainerObject
  );
  const variance = offTape(() => tf.div<tf.Tensor1D>(deviations, count));
  const y = tf.customGrad((...inputs) => {
    const save = inputs.pop() as tf.GradSaveFunc;
    const [x, scale, offset] = inputs as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
    save([x, scale, mean, variance, count]);
    return {
      value: tf.batchNorm(x, mean, variance, offset, scale, epsilon),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        tf.tidy(() => {
          const [x, scale, mean, variance, count] = saved as [
            ...[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor],
          ];
          const inverse = tf.rsqrt(tf.add(variance, epsilon));
          const normal = tf.mul(tf.sub(x, mean), inverse);
          const own = [tf.sum(tf.mul(dy, normal), [0, 1, 2]), tf.sum(dy, [0, 1, 2])];
          const [dScale, dOffset] = collectives.sums(own, `${name} gradient`);
          // The part of the gradient that flows through the batch's statistics is subtracted.
          const direct = tf.sub(
            dy,
            tf.add(tf.div(dOffset!, count), tf.mul(normal, tf.div(dScale!, count))),
          );
          // The gradients of all processes are summed later.
          return [tf.mul(direct, tf.mul(scale, inverse)), ...own];
        }),
    };
  })(x, parameters.scale, parameters.offset);
  return offTape(() => {
    const mix = (running: tf.Tensor, batch: tf.Tensor) =>
      tf.add(tf.mul(running, 1 - momentum), tf.mul(batch, momentum)) as tf.Tensor1D;
    const unbiased = tf.div(deviations, tf.maximum(1, tf.sub(count, 1)));
    return { y, mean: mix(parameters.mean, mean), variance: mix(parameters.variance, unbiased) };
  });
}

/**
 * Combines the statistics of all processes, which is more accurate than sums of squares (Chan et
 * al., "Algorithms for computing the sample variance", 1983).
 */
function statisticsOfAll(
  x: tf.Tensor4D,
  { collectives, share, name }: Processes,
): Statistics {
  const channels = x.shape[3], { mean, variance } = tf.moments(x, [0, 1, 2]);
  // A process without rows computes with a row that does not count.
  const count = tf.mul(tf.cast(tf.greater(share, 0), "float32"), x.size / channels);
  const own = tf.concat([
    tf.reshape(count, [1]),
    mean.flatten(),
    tf.mul(variance.flatten(), count),
  ]);
  const all = collectives.gather(tf.reshape(own, [1, 1 + 2 * channels]), name);
  const [counts, means, deviations] = tf.split(all, [1, channels, channels], 1) as [
    ...[tf.Tensor2D, tf.Tensor2D, tf.Tensor2D],
  ];
  const total = tf.sum(counts), whole = tf.div(tf.sum(tf.mul(means, counts), 0), total);
  const between = tf.mul(counts, tf.square(tf.sub(means, whole)));
  return {
    count: total,
    mean: whole as tf.Tensor1D,
    deviations: tf.sum(tf.add(deviations, between), 0) as tf.Tensor1D,
  };
}
