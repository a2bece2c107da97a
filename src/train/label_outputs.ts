/**
 * The logits and the rows of each label, if there are several.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { LabelSpec, Values } from "../stages/batch.ts";
import { type LabelPart, labelParts, unitsOf } from "../stages/labels.ts";
import type { EvaluatedBatch, OutputValues } from "../stages/metric.ts";
import type { BuiltNets, Net, NetName, Outputs } from "../stages/network.ts";
import { mapValues } from "../stages/parts.ts";
import { pickRows, type RowPlace } from "./pick_rows.ts";

/**
 * Adds the logits of each label to the outputs of nets, as `LABEL.logits`.
 *
 * @param pair The nets, whose `logits` are those of all labels side by side.
 * @param label The label. With a single label, the nets are unchanged.
 */
export function withLabelOutputs(pair: BuiltNets, label: LabelSpec): BuiltNets {
  const parts = labelParts(label), units = unitsOf(label);
  if (parts.length === 0) return pair;
  const named = (net: Net): Net => (features, scope) => {
    const outputs = net(features, scope), { logits } = outputs;
    // Another shape is an error of the network, which is reported later.
    if (logits.rank !== 2 || logits.shape[1] !== units) return outputs;
    const own = parts.map(({ name, firstUnit, units }): [string, tf.Tensor] => [
      `${name}.logits`,
      tf.slice2d(logits as tf.Tensor2D, [0, firstUnit], [-1, units]),
    ]);
    return { ...outputs, ...Object.fromEntries(own) } as Outputs;
  };
  return mapValues(pair, named);
}

/**
 * Returns the rows of a batch in which one of several labels is not null, with the values and the
 * logits of this label.
 *
 * @param batch The rows, with the values and logits of all labels.
 * @param part The label.
 */
export function batchOfLabel(batch: EvaluatedBatch, part: LabelPart): EvaluatedBatch {
  const { size: all, nets, label } = batch;
  const width = label.length / Math.max(all, 1);
  const places: RowPlace[] = [];
  for (let row = 0; row < all; row++) {
    if (!Number.isNaN(label[row * width + part.at]!)) places.push([0, row]);
  }
  const size = places.length;
  const losses = () => batch.losses;
  const picked = size === 0 || size === all ? batch : pickRows([batch], places, losses);
  const { weight, columns } = picked;
  const outputs = mapValues(picked.nets, (output) => outputOfLabel(output, size, part));
  const net = (Object.keys(nets) as NetName[]).find((name) => nets[name] === batch.outputs);
  // A phase that trains only the booster does not compute the light net, whose outputs these are.
  const other: OutputValues | undefined = picked.outputs;
  return {
    size,
    outputs: net === undefined ? other && outputOfLabel(other, size, part) : outputs[net]!,
    nets: outputs,
    label: cut(picked.label, { rows: size, width, from: part.at, length: part.size }),
    weight: weight?.subarray(0, size),
    columns: mapValues(columns, (values) => values.subarray(0, size)),
    get losses() {
      return losses();
    },
    lossWeights: batch.lossWeights,
  };
}

function outputOfLabel(
  { logits: { values, shape } }: OutputValues,
  rows: number,
  { firstUnit, units }: LabelPart,
): OutputValues {
  const own = cut(values, { rows, width: shape[0]!, from: firstUnit, length: units });
  return { logits: { values: own, shape: [units] } };
}

/** Copies consecutive values of each row. */
function cut(
  values: Values,
  { rows, width, from, length }: {
    readonly rows: number;
    readonly width: number;
    readonly from: number;
    readonly length: number;
  },
): Values {
  const array = values.constructor as new (length: number) => Values;
  const own = new array(rows * length);
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < length; at++) own[row * length + at] = values[row * width + from + at]!;
  }
  return own;
}
