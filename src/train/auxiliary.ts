/**
 * The auxiliary head of the light net: a second output for hints, which is not deployed.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { biasAdd, scaleGradient } from "../engine/ops.ts";
import type { LabelSpec } from "../stages/batch.ts";
import { type LabelPart, labelParts, unitsOf } from "../stages/labels.ts";
import type { BuiltNets, NetName, Outputs, Variable, VariableRegistry } from "../stages/network.ts";

/** The name of the head's output, `light.auxiliary` in pipeline files. */
export const AUXILIARY = "auxiliary";

/** The output of the light net that an auxiliary head reads, and its effect on the layers below. */
export interface HeadOptions {
  /** The name of the output, such as `hidden1`. */
  readonly from: string;
  /** The factor of the gradient that flows from the head into the light net. */
  readonly gradient: number;
}

/**
 * An auxiliary head: a dense layer from a hidden output of the light net to as many logits as the
 * net has.
 */
export interface AuxiliaryHead extends HeadOptions {
  /** The labels, if there are several, with the positions of their logits. */
  readonly labels: readonly LabelPart[];
  /** The kernel, `[channels, units]`. */
  readonly kernel: Variable;
  /** The bias, `[units]`. */
  readonly bias: Variable;
}

/** Nets, and the auxiliary head of the light net if a loss reads it. */
export interface TrainedNets extends BuiltNets {
  /** The head; undefined for none. */
  readonly head?: AuxiliaryHead | undefined;
}

/**
 * Declares the variables of an auxiliary head. Like variables of a loss, they belong to no net: they
 * are not counted and not deployed. Their initial values have the same distributions as those of a
 * dense layer.
 *
 * @param options The output to read, and the factor of its gradient.
 * @param shape The shape of the output, without the batch axis. The last axis has the channels.
 * @param label The label.
 * @param variables Takes the variables.
 */
export function declareHead(
  { from, gradient }: HeadOptions,
  shape: readonly number[],
  label: LabelSpec,
  variables: VariableRegistry,
): AuxiliaryHead {
  const channels = shape.at(-1)!, units = unitsOf(label), owner = "loss" as const;
  return {
    from,
    gradient,
    labels: labelParts(label),
    kernel: variables.add({
      name: `light.${AUXILIARY}/kernel`,
      shape: [channels, units],
      initializer: { kind: "normal", deviation: Math.sqrt(2 / channels) },
      owner,
    }),
    bias: variables.add({
      name: `light.${AUXILIARY}/bias`,
      shape: [units],
      initializer: { kind: "output bias" },
      owner,
    }),
  };
}

/**
 * Adds the output of the auxiliary head to the outputs of the light net. It is computed when it is
 * first read, because inference needs neither the output nor its variables.
 *
 * @param nets The nets.
 * @param net The net whose outputs are given; only the light net has a head.
 * @param outputs The outputs of the net.
 * @param read Returns the value of a variable.
 */
export function withHead(
  { head }: TrainedNets,
  net: NetName,
  outputs: Outputs,
  read: (variable: Variable) => tf.Tensor,
): Outputs {
  if (!head || net !== "light") return outputs;
  const all = { ...outputs };
  const add = (name: string, compute: () => tf.Tensor) => {
    let logits: tf.Tensor | undefined;
    Object.defineProperty(all, name, { enumerable: true, get: () => logits ??= compute() });
  };
  add(AUXILIARY, () => headLogits(head, outputs, read));
  for (const { name, firstUnit, units } of head.labels) {
    add(
      `${name}.${AUXILIARY}`,
      () => tf.slice2d(all[AUXILIARY] as tf.Tensor2D, [0, firstUnit], [-1, units]),
    );
  }
  return all;
}

function headLogits(
  { from, gradient, kernel, bias }: AuxiliaryHead,
  outputs: Outputs,
  read: (variable: Variable) => tf.Tensor,
): tf.Tensor {
  const trunk = scaleGradient(outputs[from]!, gradient), { rank } = trunk;
  // A feature map is averaged over its positions, as below the usual head of a net for images.
  const positions = Array.from({ length: rank - 2 }, (_, axis) => axis + 1);
  const pooled = positions.length > 0 ? tf.mean(trunk, positions) : trunk;
  return biasAdd(tf.matMul(pooled, read(kernel)), read(bias) as tf.Tensor1D);
}
