/**
 * The program that times Rocket in the rows for click-through rates: a light net and a booster of
 * fully connected layers, which share an embedding table.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import * as tf from "@tensorflow/tfjs";
import { type DeviceChoice, openEngine } from "../src/engine/engine.ts";
import { layers, ops } from "../plugin.ts";
import binaryCrossEntropy from "../plugins/losses/binary_cross_entropy.ts";
import mseHint from "../plugins/losses/mse_hint.ts";
import sgd from "../plugins/optimizers/sgd.ts";
import type { LabelSpec } from "../src/stages/batch.ts";
import type { Net, NetName, NetworkPair } from "../src/stages/network.ts";
import type { Model } from "../src/train/step.ts";
import { DeclaredVariables, initialValues } from "../src/train/variables.ts";
import { hintTerm, type Mode, taskTerm, trainedNumbers, training } from "./training.ts";
import { serve } from "./worker.ts";

const { dense } = layers;
const FEATURES = 8, SIZE = 16, BATCH = 1024, RATE = 0.01;
/**
 * The number of batches that steps use in turn, so that the table rows are not all in the
 * processor's cache.
 */
const BATCHES = 16;
const HIDDEN: Readonly<Record<NetName, readonly number[]>> = {
  light: [64, 32],
  booster: [512, 256, 128],
};

const options = parseArgs(Deno.args, {
  string: ["rows", "mode", "graph", "device"],
  boolean: ["no-tf32"],
  default: { rows: "100000", mode: "captured", device: "cpu" },
});
const rows = Number(options.rows);
if (options["no-tf32"]) Deno.env.set("NVIDIA_TF32_OVERRIDE", "0");
const device = options.device as DeviceChoice;
const { detail } = await openEngine("native", () => {}, { device });

const variables = new DeclaredVariables();
const pair = nets();
const label: LabelSpec = { kind: "binary", classes: 2, shape: [], dtype: "float32" };
const model: Model = {
  pair,
  variables: variables.all,
  terms: [
    taskTerm(binaryCrossEntropy, "light", label, 1),
    taskTerm(binaryCrossEntropy, "booster", label, 1),
    hintTerm(mseHint, label, 1),
  ],
  optimizer: sgd.create(sgd.options.parse({}), {}),
  optimizerStage: { kind: "optimizer", name: "sgd" },
};
const batches = Array.from({ length: BATCHES }, (_, index) => ({
  features: { ids: tf.randomUniform([BATCH, FEATURES], 0, rows, "int32", index + 1) },
  label: tf.randomUniform([BATCH], 0, 2, "int32", BATCHES + index + 1).toFloat(),
}));
await serve(
  training(
    model,
    initialValues(variables.all, 1),
    batches,
    RATE,
    options.mode as Mode,
    options.graph,
  ),
  { detail, parameters: trainedNumbers(model) },
);

function nets(): NetworkPair {
  const table = variables.add({
    name: "table",
    shape: [rows, SIZE],
    initializer: { kind: "normal", deviation: 0.01 },
    owner: "shared",
    table: true,
  });
  const net = (name: NetName): Net => {
    const sizes = [FEATURES * SIZE, ...HIDDEN[name], 1];
    const layers = sizes.slice(1).map((size, index) =>
      dense(variables, `${name}/dense${index + 1}`, sizes[index]!, size, name)
    );
    return ({ ids }, scope) => {
      let x = scope.shared("embedding", (scope) => {
        return tf.reshape(scope.lookup(table, ids!), [-1, FEATURES * SIZE]);
      });
      layers.forEach((layer, index) => {
        x = layer(x, scope);
        if (index < layers.length - 1) x = ops.relu(x);
      });
      return { logits: x };
    };
  };
  return { light: net("light"), booster: net("booster") };
}
