import * as tf from "@tensorflow/tfjs";
import { isNative, nativeOp } from "./native_op.ts";
import { offTape } from "./off_tape.ts";
import { synchronization } from "../cluster/synchronization.ts";
import { synchronizedBatchNorm } from "./synchronized_batch_norm.ts";

/** The parameters and running statistics of a batch normalization, each `[channels]`, float32. */
export interface BatchNormParameters {
  /** The factor that multiplies normalized values. */
  readonly scale: tf.Tensor1D;
  /** The number that is added after scaling. */
  readonly offset: tf.Tensor1D;
  /** The running mean. */
  readonly mean: tf.Tensor1D;
  /** The running variance. */
  readonly variance: tf.Tensor1D;
}

/** Options for a batch normalization. */
export interface BatchNormOptions {
  /** Whether to normalize with the batch's own statistics and update the running ones. */
  readonly training: boolean;
  /** The number that is added to the variance before the square root, above 0; 1e-5 by default. */
  readonly epsilon?: number;
  /**
   * The weight of the batch's statistics in the new running statistics, from 0 to 1; 0.1 by
   * default.
   */
  readonly momentum?: number;
  /**
   * In a run on several processes, whether to normalize with the statistics of the rows of all
   * processes instead of those of each process; false by default. It takes an exchange in each
   * forward and backward pass, and cannot be used with `train.accumulate`.
   */
  readonly synchronized?: boolean;
}

/**
 * The normalized values of a batch, and the running statistics after the batch.
 *
 * @typeParam T The type of the normalized tensor.
 */
export interface BatchNormResult<T extends tf.Tensor> {
  /** The normalized values, of the input's shape. */
  readonly y: T;
  /** The new running mean `[channels]`; the given one outside of training. */
  readonly mean: tf.Tensor1D;
  /** The new running variance `[channels]`; the given one outside of training. */
  readonly variance: tf.Tensor1D;
}

/**
 * Normalizes a batch over all axes but the last (Ioffe and Szegedy, arXiv:1502.03167). As in
 * PyTorch, values are normalized with the batch's biased variance, while the running variance is
 * updated with the unbiased one: running = (1 − momentum) · running + momentum · batch.
 *
 * Gradients flow to `x`, `scale` and `offset`, in training and in evaluation, and through the
 * batch's statistics. The running statistics are constants. A batch with a single value per channel
 * is normalized to `offset` and has the variance 0.
 *
 * @example
 * ```ts
 * import { ops } from "@rocket-launching/rocket/plugin";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await tf.setBackend("cpu");
 * const { y, mean, variance } = ops.batchNorm(tf.tensor2d([[1], [3]]), {
 *   scale: tf.tensor1d([1]),
 *   offset: tf.tensor1d([10]),
 *   mean: tf.tensor1d([0]),
 *   variance: tf.tensor1d([1]),
 * }, { training: true });
 * assertAlmostEquals(y.dataSync()[1]!, 11, 1e-4);
 * assertAlmostEquals(mean.dataSync()[0]!, 0.2, 1e-6); // 0.9 · 0 + 0.1 · 2
 * assertAlmostEquals(variance.dataSync()[0]!, 1.1, 1e-6); // 0.9 · 1 + 0.1 · 2
 * ```
 *
 * @typeParam T The tensor's type.
 * @param x A float32 tensor of shape `[batch, channels]`, `[batch, height, width, channels]`, or
 *   any other shape that ends in channels.
 * @param parameters The scale, offset, and running statistics, each `[channels]`.
 * @param options Whether this is training, and the values of epsilon and momentum.
 * @returns The normalized values and the new running statistics.
 * @throws {RangeError} If a shape or an option is invalid.
 */
export function batchNorm<T extends tf.Tensor>(
  x: T,
  parameters: BatchNormParameters,
  options: BatchNormOptions,
): BatchNormResult<T> {
  const { training, epsilon = 1e-5, momentum = 0.1, synchronized = false } = options;
  check(x, parameters, epsilon, momentum);
  const { mean, variance } = parameters;
  const processes = training && synchronized ? synchronization("batch norm") : undefined;
  const normalize = processes
    ? (...[x, parameters, , epsilon, momentum]: Parameters<typeof fused>) =>
      synchronizedBatchNorm(x, parameters, epsilon, momentum, processes)
    : isNative()
    ? fused
    : composed;
  const result = tf.tidy(() => {
    // TensorFlow's kernels require four axes.
    const maps = x.rank === 4 ? x as tf.Tensor : tf.reshape(x, [-1, 1, 1, mean.size]);
    const result = normalize(maps as tf.Tensor4D, parameters, training, epsilon, momentum);
    return { ...result, y: x.rank === 4 ? result.y : tf.reshape(result.y, x.shape) };
  });
  return { mean, variance, ...result as { y: T } };
}

/** The normalized values, and the new running statistics if they changed. */
type Normalized = { y: tf.Tensor; mean?: tf.Tensor1D; variance?: tf.Tensor1D };

/**
 * Uses TensorFlow's kernels: one op for the forward pass, which also updates the running
 * statistics, and one for the backward pass.
 */
function fused(
  x: tf.Tensor4D,
  { scale, offset, mean, variance }: BatchNormParameters,
  training: boolean,
  epsilon: number,
  momentum: number,
): Normalized {
  const attributes = {
    T: { type: "float32" },
    U: { type: "float32" },
    epsilon: { float: epsilon },
    data_format: { string: "NHWC" },
    is_training: { bool: training },
  } as const;
  // With a momentum of 1, the kernel accepts no running statistics.
  const running = training && momentum === 1
    ? [tf.tensor1d([]), tf.tensor1d([])]
    : [mean, variance];
  const [y, newMean, newVariance, ...statistics] = nativeOp(
    "FusedBatchNormV3",
    { ...attributes, exponential_avg_factor: { float: training ? momentum : 1 } },
    [x, scale, offset, ...running],
    6,
  );
  const [first, second, third] = statistics;
  // The op has already run, because its other outputs are needed after this function.
  const result = tf.customGrad((...inputs) => {
    const save = inputs.pop() as tf.GradSaveFunc;
    save([x, scale, training ? first! : mean, training ? second! : variance, third!]);
    return {
      value: y!,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [dx, dScale, dOffset, ...unused] = nativeOp(
          "FusedBatchNormGradV3",
          attributes,
          [dy, ...saved],
          5,
        );
        tf.dispose(unused);
        return [dx!, dScale!, dOffset!];
      },
    };
  })(x, scale, offset);
  if (!training) return { y: result };
  return { y: result, mean: newMean as tf.Tensor1D, variance: newVariance as tf.Tensor1D };
}

/** Uses tfjs's own operations and an explicit gradient. */
function composed(
  x: tf.Tensor4D,
  parameters: BatchNormParameters,
  training: boolean,
  epsilon: number,
  momentum: number,
): Normalized {
  const count = x.size / parameters.mean.size;
  const { mean, variance } = training
    ? offTape(() => tf.moments(x, [0, 1, 2])) as { mean: tf.Tensor1D; variance: tf.Tensor1D }
    : parameters;
  const y = tf.customGrad((...inputs) => {
    const save = inputs.pop() as tf.GradSaveFunc;
    const [x, scale, offset] = inputs as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
    save([x, scale, mean, variance]);
    return {
      value: tf.batchNorm(x, mean, variance, offset, scale, epsilon),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        tf.tidy(() => {
          const [x, scale, mean, variance] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
          const inverse = tf.rsqrt(tf.add(variance, epsilon));
          const normal = tf.mul(tf.sub(x, mean), inverse);
          const dOffset = tf.sum(dy, [0, 1, 2]);
          const dScale = tf.sum(tf.mul(dy, normal), [0, 1, 2]);
          // The part of the gradient that flows through the batch's statistics is subtracted.
          const direct = training
            ? tf.sub(
              dy,
              tf.add(tf.div(dOffset, count), tf.mul(normal, tf.div(dScale, count))),
            )
            : dy;
          return [tf.mul(direct, tf.mul(scale, inverse)), dScale, dOffset];
        }),
    };
  })(x, parameters.scale, parameters.offset);
  if (!training) return { y };
  return offTape(() => {
    const mix = (running: tf.Tensor, batch: tf.Tensor, weight: number) =>
      tf.add(tf.mul(running, 1 - momentum), tf.mul(batch, momentum * weight)) as tf.Tensor1D;
    return {
      y,
      mean: mix(parameters.mean, mean, 1),
      variance: mix(parameters.variance, variance, count / Math.max(count - 1, 1)),
    };
  });
}

/** Throws an error if a shape or an option is invalid. */
function check(
  x: tf.Tensor,
  parameters: BatchNormParameters,
  epsilon: number,
  momentum: number,
): void {
  const channels = x.shape.at(-1);
  if (x.rank < 2) {
    throw new RangeError(
      `batchNorm: x must have at least a batch axis and a channel axis; got the shape [${x.shape}]`,
    );
  }
  for (const name of ["scale", "offset", "mean", "variance"] as const) {
    const { shape } = parameters[name];
    if (shape.length === 1 && shape[0] === channels) continue;
    throw new RangeError(
      `batchNorm: ${name} must have the shape [${channels}] because the last axis of x [${x.shape}] is the channels; ` +
        `got [${shape}]`,
    );
  }
  if (!(epsilon > 0)) {
    throw new RangeError(`batchNorm: epsilon must be above 0; got ${epsilon}`);
  }
  if (!(momentum >= 0 && momentum <= 1)) {
    throw new RangeError(`batchNorm: momentum must be from 0 to 1; got ${momentum}`);
  }
}
