import * as tf from "@tensorflow/tfjs";
import { isNative, nativeOp } from "./native_op.ts";
import { offTape } from "./off_tape.ts";

/** What a batch normalization learns and keeps, each `[channels]`, float32. */
export interface BatchNormParameters {
  /** What normalized values are multiplied by. */
  readonly scale: tf.Tensor1D;
  /** What is added after that. */
  readonly offset: tf.Tensor1D;
  /** The running mean. */
  readonly mean: tf.Tensor1D;
  /** The running variance. */
  readonly variance: tf.Tensor1D;
}

/** How to normalize. */
export interface BatchNormOptions {
  /** Whether to use the batch's own statistics, and to move the running ones towards them. */
  readonly training: boolean;
  /** What is added to a variance before its root is taken, above 0; 1e-5 by default. */
  readonly epsilon?: number;
  /** How much of the batch's statistics goes into the running ones, 0 to 1; 0.1 by default. */
  readonly momentum?: number;
}

/**
 * What a batch normalization gives.
 *
 * @typeParam T The type of what was normalized.
 */
export interface BatchNormResult<T extends tf.Tensor> {
  /** The normalized values, of the input's shape. */
  readonly y: T;
  /** The running mean from now on `[channels]`: the one given, if this is not training. */
  readonly mean: tf.Tensor1D;
  /** The running variance from now on `[channels]`: the one given, if this is not training. */
  readonly variance: tf.Tensor1D;
}

/**
 * Batch normalization over all but the last axis (Ioffe and Szegedy, arXiv:1502.03167), with the
 * conventions of PyTorch: values are normalized by the batch's biased variance, and the running
 * variance takes in the unbiased one; running = (1 − momentum) · running + momentum · batch.
 *
 * Gradients reach `x`, `scale` and `offset`, in training and in evaluation, and pass through the
 * batch's statistics; the running statistics are constants. A batch with a single value a channel
 * is normalized to `offset`, and its variance counts as 0.
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
 * @param x `[batch, channels]`, `[batch, height, width, channels]` or any other shape that ends in
 *   channels, float32.
 * @param parameters Scale, offset and running statistics, `[channels]` each.
 * @param options Whether this is training, epsilon and momentum.
 * @returns The normalized values and the running statistics from now on.
 * @throws {RangeError} If a shape or an option does not fit.
 */
export function batchNorm<T extends tf.Tensor>(
  x: T,
  parameters: BatchNormParameters,
  options: BatchNormOptions,
): BatchNormResult<T> {
  const { training, epsilon = 1e-5, momentum = 0.1 } = options;
  check(x, parameters, epsilon, momentum);
  const { mean, variance } = parameters;
  const normalize = isNative() ? fused : composed;
  const result = tf.tidy(() => {
    // TensorFlow's kernels want four axes.
    const maps = x.rank === 4 ? x as tf.Tensor : tf.reshape(x, [-1, 1, 1, mean.size]);
    const result = normalize(maps as tf.Tensor4D, parameters, training, epsilon, momentum);
    return { ...result, y: x.rank === 4 ? result.y : tf.reshape(result.y, x.shape) };
  });
  return { mean, variance, ...result as { y: T } };
}

/** The normalized values, and the running statistics if they have moved. */
type Normalized = { y: tf.Tensor; mean?: tf.Tensor1D; variance?: tf.Tensor1D };

/** By TensorFlow's kernels: one op forward, which moves the running statistics too, one back. */
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
  // With a factor of 1 the kernel wants no running statistics to mix with.
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
  // The op has run already, as its other outputs must outlive this function.
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

/** By tfjs's own operations, with the gradient written out. */
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
          // What moving the batch's statistics takes back.
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

/** Refuses what does not fit. */
function check(
  x: tf.Tensor,
  parameters: BatchNormParameters,
  epsilon: number,
  momentum: number,
): void {
  const channels = x.shape.at(-1);
  if (x.rank < 2) {
    throw new RangeError(
      `batchNorm: x must have a batch axis and a channel axis, and its shape is [${x.shape}]`,
    );
  }
  for (const name of ["scale", "offset", "mean", "variance"] as const) {
    const { shape } = parameters[name];
    if (shape.length === 1 && shape[0] === channels) continue;
    throw new RangeError(
      `batchNorm: ${name} must have the shape [${channels}], as the last axis of x [${x.shape}], ` +
        `and has [${shape}]`,
    );
  }
  if (!(epsilon > 0)) {
    throw new RangeError(`batchNorm: epsilon must be above 0, and is ${epsilon}`);
  }
  if (!(momentum >= 0 && momentum <= 1)) {
    throw new RangeError(`batchNorm: momentum must be from 0 to 1, and is ${momentum}`);
  }
}
