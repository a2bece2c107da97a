import type { Scope, VariableOwner, VariableRegistry } from "../stages/network.ts";
import * as ops from "../engine/ops.ts";
import type { tf } from "../stages/tf.ts";
import { activation, type ActivationName } from "./activations.ts";
import type { Units } from "./embed_features.ts";
import { batchNormalization, dense, type Layer } from "./layers.ts";

/** The hidden layers of a {@linkcode tower}. */
export interface TowerOptions {
  /** The widths (numbers of units) of the layers, starting at the input. */
  readonly hidden: readonly number[];
  /** The activation after each layer. */
  readonly activation: ActivationName;
  /** Whether to apply batch norm before the activation; not by default. */
  readonly batchNorm?: boolean;
  /**
   * Whether batch norm and `dice` use the statistics of the rows of all processes of a cluster; not
   * by default.
   */
  readonly synchronizedBatchNorm?: boolean;
  /** The fraction of each layer's units to drop during training; 0 by default. */
  readonly dropout?: number;
}

/** Hidden layers, one on top of the other. */
export interface Tower extends Units {
  /**
   * Computes the outputs of all layers, from the lowest to the highest.
   *
   * @param x The input, `[batch, width of the input]`.
   * @param scope The variables of this step.
   */
  readonly compute: (x: tf.Tensor, scope: Scope) => readonly tf.Tensor[];
}

/**
 * Creates hidden layers, one on top of the other. Each is fully connected, with optional batch norm,
 * an activation, and optional dropout. Layers with batch norm have no bias.
 *
 * @param variables Declares the variables of the layers.
 * @param name The prefix of the layers' names: the first layer is `NAME/dense1`.
 * @param from The input.
 * @param options The widths and activation of the layers.
 * @param owner The owner of the variables.
 * @returns The layers. Without layers, the units are those of the input.
 */
export function tower(
  variables: VariableRegistry,
  name: string,
  from: Units,
  {
    hidden,
    activation: kind,
    batchNorm = false,
    synchronizedBatchNorm: synchronized = false,
    dropout = 0,
  }: TowerOptions,
  owner: VariableOwner,
): Tower {
  const layers = hidden.map((size, index): Layer => {
    const path = `${name}/dense${index + 1}`;
    const [width, axis] = index === 0 ? [from.width, from.axis] : [hidden[index - 1]!, "units"];
    const options = { from: axis as Units["axis"], bias: !batchNorm };
    const layer = dense(variables, path, width, size, owner, options);
    const normalize = batchNorm
      ? batchNormalization(variables, `${path}/norm`, size, owner, { synchronized })
      : (x: tf.Tensor) => x;
    const activate = activation(variables, path, kind, size, owner, { synchronized });
    return (x, scope) => {
      const activated = activate(normalize(layer(x, scope), scope), scope);
      if (dropout === 0 || !scope.training) return activated;
      return ops.dropout(activated, dropout, scope.seed(path));
    };
  });
  return {
    width: hidden.at(-1) ?? from.width,
    axis: hidden.length > 0 ? "units" : from.axis,
    compute: (x, scope) => layers.map((layer) => x = layer(x, scope)),
  };
}
