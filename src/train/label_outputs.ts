/**
 * The logits and the rows of each label, if there are several.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { Column, LabelSpec, Values } from "../stages/batch.ts";
import { type LabelPart, labelParts, unitsOf } from "../stages/labels.ts";
import type { EvaluatedBatch, OutputValues } from "../stages/metric.ts";
import type { BuiltNets, Net, NetName, Outputs } from "../stages/network.ts";
import { mapValues } from "../stages/parts.ts";

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
  const { size: all, nets, label, weight, columns } = batch;
  const width = label.length / Math.max(all, 1);
  const rows: number[] = [];
  for (let row = 0; row < all; row++) {
    if (!Number.isNaN(label[row * width + part.at]!)) rows.push(row);
  }
  const size = rows.length;
  const taken = (values: Values) => size === all ? values : take(values, rows, 1, 0, 1);
  const outputs: Partial<Record<NetName, OutputValues>> = mapValues(
    nets,
    (output) => outputOfLabel(output, rows, part),
  );
  const net = (Object.keys(nets) as NetName[]).find((name) => nets[name] === batch.outputs);
  return {
    size,
    outputs: net === undefined ? outputOfLabel(batch.outputs, rows, part) : outputs[net]!,
    nets: outputs,
    label: take(label, rows, width, part.at, part.size),
    weight: weight && taken(weight),
    columns: mapValues(columns, taken),
    get losses() {
      return batch.losses;
    },
    lossWeights: batch.lossWeights,
  };
}

function outputOfLabel(
  { logits: { values, shape } }: OutputValues,
  rows: readonly number[],
  { firstUnit, units }: LabelPart,
): OutputValues {
  const logits: Column = {
    values: take(values, rows, shape[0]!, firstUnit, units),
    shape: [units],
  };
  return { logits };
}

/** Copies some of the values of some rows. */
function take(
  values: Values,
  rows: readonly number[],
  width: number,
  from: number,
  length: number,
): Values {
  const array = values.constructor as new (length: number) => Values;
  const taken = new array(rows.length * length);
  rows.forEach((row, index) => {
    for (let at = 0; at < length; at++) {
      taken[index * length + at] = values[row * width + from + at]!;
    }
  });
  return taken;
}
