/**
 * Layers of networks for images and for vectors. Each function declares the variables once and
 * returns a function that computes the layer.
 *
 * @module
 */

import type { Scope, VariableAxis, VariableOwner, VariableRegistry } from "../stages/network.ts";
import * as ops from "../engine/ops.ts";
import { tf } from "../stages/tf.ts";

/** A function that computes the output of a layer. */
export type Layer = (x: tf.Tensor, scope: Scope) => tf.Tensor;

/**
 * A function that computes the output of a layer that only reads its variables. A loss or a gradient
 * policy can use it as well as a net.
 */
export type ReadingLayer = (x: tf.Tensor, scope: Pick<Scope, "read">) => tf.Tensor;

/**
 * What each position of a layer's input and output represents, such as a class; by default, a
 * hidden unit.
 */
export interface LayerAxes {
  /** What the inputs represent. */
  readonly from?: VariableAxis | undefined;
  /** What the outputs represent. */
  readonly to?: VariableAxis | undefined;
}

/** The options of a {@linkcode dense} layer. */
export interface DenseOptions extends LayerAxes {
  /**
   * Whether the layer has a bias; it has one by default. A bias before batch norm has no effect, and
   * its gradient is only rounding, which an optimizer such as Adam scales up.
   */
  readonly bias?: boolean | undefined;
}

/**
 * Creates a convolution without bias. Its initial kernel follows He et al. (2015): a normal
 * distribution with deviation √(2 / fan-in).
 *
 * @param variables Declares the kernel, `[size, size, from, to]`.
 * @param name The layer's name; the kernel is `NAME/kernel`.
 * @param shape Kernel size, input and output channels, stride, and zeros padded on each side.
 * @param owner The owner of the kernel.
 * @param axes What the input and output channels represent.
 * @returns The layer, `[batch, height, width, from]` to `[batch, height', width', to]`.
 */
export function convolution(
  variables: VariableRegistry,
  name: string,
  { size, from, to, stride, padding }: {
    size: number;
    from: number;
    to: number;
    stride: number;
    padding: number;
  },
  owner: VariableOwner,
  axes: LayerAxes = {},
): ReadingLayer {
  const kernel = variables.add({
    name: `${name}/kernel`,
    shape: [size, size, from, to],
    initializer: { kind: "normal", deviation: Math.sqrt(2 / (size * size * from)) },
    owner,
    axes: ["units", "units", axes.from ?? "units", axes.to ?? "units"],
  });
  return (x, scope) =>
    ops.conv2d(x as tf.Tensor4D, scope.read(kernel) as tf.Tensor4D, { stride, padding });
}

/**
 * Creates a batch normalization over all axes except the last, with running statistics for
 * evaluation. The initial scale is uniform in [0, 1), as in the code of the Rocket Launching paper.
 *
 * @param variables Declares scale, offset, mean and variance, each `[channels]`.
 * @param name The layer's name.
 * @param channels The size of the last axis.
 * @param owner The owner of the variables. Nets never share batch norms.
 * @param options Whether the processes of a cluster normalize with their common statistics; false by
 *   default.
 * @returns The layer, which preserves the shape.
 */
export function batchNormalization(
  variables: VariableRegistry,
  name: string,
  channels: number,
  owner: VariableOwner,
  { synchronized = false }: { readonly synchronized?: boolean } = {},
): Layer {
  const variable = (part: string, value: number, trainable: boolean) =>
    variables.add({
      name: `${name}/${part}`,
      shape: [channels],
      initializer: { kind: "constant", value },
      owner,
      trainable,
      axes: ["units"],
    });
  const scale = variables.add({
    name: `${name}/scale`,
    shape: [channels],
    initializer: { kind: "uniform", low: 0, high: 1 },
    owner,
    axes: ["units"],
  });
  const offset = variable("offset", 0, true);
  const mean = variable("mean", 0, false);
  const variance = variable("variance", 1, false);
  return (x, scope) => {
    const result = ops.batchNorm(x, {
      scale: scope.read(scale) as tf.Tensor1D,
      offset: scope.read(offset) as tf.Tensor1D,
      mean: scope.read(mean) as tf.Tensor1D,
      variance: scope.read(variance) as tf.Tensor1D,
    }, { training: scope.training, synchronized });
    if (scope.training) {
      scope.update(mean, result.mean);
      scope.update(variance, result.variance);
    }
    return result.y;
  };
}

/**
 * Creates a fully connected layer. The initial kernel has the same distribution as that of a
 * {@linkcode convolution}; the initial bias is 0. If the outputs are `classes`, the layer is
 * the head of a net, and the initial bias can be the base rate of the training rows
 * (`network.outputBias`).
 *
 * @param variables Declares the kernel, `[from, to]`, and the bias, `[to]`.
 * @param name The layer's name.
 * @param from The number of input units.
 * @param to The number of output units.
 * @param owner The owner of the variables.
 * @param options What the inputs and outputs represent, and whether there is a bias.
 * @returns The layer, `[batch, from]` to `[batch, to]`.
 */
export function dense(
  variables: VariableRegistry,
  name: string,
  from: number,
  to: number,
  owner: VariableOwner,
  options: DenseOptions = {},
): ReadingLayer {
  const toAxis = options.to ?? "units";
  const kernel = variables.add({
    name: `${name}/kernel`,
    shape: [from, to],
    initializer: { kind: "normal", deviation: Math.sqrt(2 / from) },
    owner,
    axes: [options.from ?? "units", toAxis],
  });
  if (options.bias === false) return (x, scope) => tf.matMul(x, scope.read(kernel));
  const bias = variables.add({
    name: `${name}/bias`,
    shape: [to],
    initializer: toAxis === "classes" ? { kind: "output bias" } : { kind: "constant", value: 0 },
    owner,
    axes: [toAxis],
  });
  return (x, scope) =>
    ops.biasAdd(tf.matMul(x, scope.read(kernel)), scope.read(bias) as tf.Tensor1D);
}
