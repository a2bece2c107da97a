/**
 * Activations of networks for click prediction, with their trainable parameters.
 *
 * @module
 */

import { synchronization } from "../engine/cluster/synchronization.ts";
import { sumOverRows } from "../engine/ops/sum_over_rows.ts";
import * as ops from "../engine/ops.ts";
import type { Scope, VariableOwner, VariableRegistry } from "../stages/network.ts";
import { tf } from "../stages/tf.ts";

/** The names of activations in a pipeline. */
export const activationNames: readonly ["relu", "prelu", "dice"] = ["relu", "prelu", "dice"];

/** The name of an activation in a pipeline: `relu`, `prelu`, or `dice`. */
export type ActivationName = typeof activationNames[number];

/**
 * A function that applies an activation.
 *
 * @param x `[..., units]`.
 * @param scope The variables of this step.
 * @param mask `[..., 1]`, 1 for positions whose values count in statistics, 0 for padding. By
 *   default, all positions count.
 */
export type Activation = (x: tf.Tensor, scope: Scope, mask?: tf.Tensor) => tf.Tensor;

/**
 * Declares the variables of an activation.
 *
 * - `relu`: max(x, 0).
 * - `prelu`: x where it is above 0 and α · x elsewhere, with one trainable α per unit (He et al.,
 *   2015, arXiv:1502.01852). α starts at 0.25.
 * - `dice`: p · x + (1 − p) · α · x with p = sigmoid((x − mean) / √(variance + 1e-8)) (Zhou et al.,
 *   2018, arXiv:1706.06978, equation 3). Mean and variance are those of the batch during training,
 *   and running statistics afterwards. α starts at 0.
 *
 * @param variables Declares α `[units]`, and the mean and variance of `dice`.
 * @param name The layer's name.
 * @param kind Which activation.
 * @param units The size of the last axis.
 * @param owner The owner of the variables.
 * @param options Whether the processes of a cluster compute `dice` with their common statistics;
 *   false by default.
 * @returns The activation, which preserves the shape.
 */
export function activation(
  variables: VariableRegistry,
  name: string,
  kind: ActivationName,
  units: number,
  owner: VariableOwner,
  { synchronized = false }: { readonly synchronized?: boolean } = {},
): Activation {
  if (kind === "relu") return (x) => ops.relu(x);
  const variable = (part: string, value: number, trainable = true) =>
    variables.add({
      name: `${name}/${part}`,
      shape: [units],
      initializer: { kind: "constant", value },
      owner,
      trainable,
      axes: ["units"],
    });
  if (kind === "prelu") {
    const alpha = variable("alpha", 0.25);
    return (x, scope) => {
      const positive = ops.relu(x);
      return tf.add(positive, tf.mul(scope.read(alpha), tf.sub(x, positive)));
    };
  }
  const alpha = variable("alpha", 0);
  const mean = variable("mean", 0, false), variance = variable("variance", 1, false);
  return (x, scope, mask) => {
    const running = {
      mean: scope.read(mean) as tf.Tensor1D,
      variance: scope.read(variance) as tf.Tensor1D,
    };
    const { y, ...next } = normalized(x, running, {
      ...{ training: scope.training, synchronized, mask },
    });
    if (scope.training) {
      scope.update(mean, next.mean);
      scope.update(variance, next.variance);
    }
    const p = tf.sigmoid(y);
    return tf.add(tf.mul(p, x), tf.mul(tf.mul(tf.sub(1, p), scope.read(alpha)), x));
  };
}

const epsilon = 1e-8;

/** The weight of a batch's statistics in the running statistics, as in `ops.batchNorm`. */
const momentum = 0.1;

interface Statistics {
  readonly mean: tf.Tensor1D;
  readonly variance: tf.Tensor1D;
}

/** Normalizes values to mean 0 and variance 1 over the positions that are not masked. */
function normalized(
  x: tf.Tensor,
  running: Statistics,
  { training, synchronized, mask }: {
    readonly training: boolean;
    readonly synchronized: boolean;
    readonly mask: tf.Tensor | undefined;
  },
): Statistics & { readonly y: tf.Tensor } {
  if (!mask || !training) {
    const units = x.shape.at(-1)!;
    const parameters = { scale: tf.ones([units]), offset: tf.zeros([units]), ...running };
    return ops.batchNorm(x, parameters as Parameters<typeof ops.batchNorm>[1], {
      ...{ training, synchronized, epsilon, momentum },
    });
  }
  const axes = x.shape.slice(1).map((_, axis) => axis);
  const processes = synchronized ? synchronization("dice") : undefined;
  const [sum, places] = sumOverRows([tf.sum(tf.mul(x, mask), axes), tf.sum(mask)], processes);
  const count = tf.maximum(places!, 1);
  const mean = tf.div(sum!, count) as tf.Tensor1D;
  const centered = tf.sub(x, mean);
  const [squares] = sumOverRows(
    [tf.sum(tf.mul(tf.square(centered), mask), axes)],
    processes && { ...processes, name: `${processes.name} squares` },
  );
  const variance = tf.div(squares!, count) as tf.Tensor1D;
  // Running variances are unbiased; a single value has no unbiased variance.
  const unbiased = tf.div(squares!, tf.maximum(tf.sub(count, 1), 1));
  const moved = (old: tf.Tensor, now: tf.Tensor) =>
    tf.add(tf.mul(old, 1 - momentum), tf.mul(now, momentum)) as tf.Tensor1D;
  return {
    y: tf.div(centered, tf.sqrt(tf.add(variance, epsilon))),
    mean: moved(running.mean, mean),
    variance: moved(running.variance, unbiased),
  };
}
