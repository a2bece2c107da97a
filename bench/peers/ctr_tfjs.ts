/**
 * The program that times stock tfjs on the same CTR nets. It follows tfjs's documentation: it runs
 * tfjs's own ops one by one, with tfjs's own optimizer. It uses nothing from Rocket except the
 * native addon that Rocket has set up.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import * as tf from "@tensorflow/tfjs";
import { loadNative, NATIVE_BACKEND } from "../../src/engine/load_native.ts";
import { setUpNative } from "../../src/engine/native/set_up.ts";
import { serve } from "../worker.ts";

const FEATURES = 8, SIZE = 16, BATCH = 1024, RATE = 0.01, HINT = 0.03;
/**
 * The number of batches that steps use in turn, so that the table rows are not all in the
 * processor's cache.
 */
const BATCHES = 16;

const options = parseArgs(Deno.args, { string: ["rows"], default: { rows: "100000" } });
const rows = Number(options.rows);
Deno.env.set("TF_CPP_MIN_LOG_LEVEL", "3");
const built = await setUpNative({ report: () => {} });
await loadNative(built);
await tf.setBackend(NATIVE_BACKEND);

const trained: tf.Variable[] = [];
const table = variable(tf.randomNormal([rows, SIZE], 0, 0.01));
const light = mlp(FEATURES * SIZE, 64, 32, 1), booster = mlp(FEATURES * SIZE, 512, 256, 128, 1);
const batches = Array.from({ length: BATCHES }, () => ({
  ids: tf.randomUniform([BATCH, FEATURES], 0, rows, "int32"),
  labels: tf.randomUniform([BATCH], 0, 2, "int32").toFloat(),
}));
const optimizer = tf.train.sgd(RATE);
const block = tf.customGrad((x) => ({
  value: (x as tf.Tensor).clone(),
  gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
}));
let count = 0;
await serve(step, {
  detail: `tfjs ${tf.version_core}, TensorFlow ${built.tensorflow}`,
  parameters: trained.reduce((sum, { size }) => sum + size, 0),
});

function variable(value: tf.Tensor): tf.Tensor {
  const made = tf.variable(value);
  trained.push(made);
  return made;
}

function mlp(...sizes: number[]): (x: tf.Tensor) => tf.Tensor {
  const layers = sizes.slice(1).map((size, index) => ({
    kernel: variable(tf.randomNormal([sizes[index]!, size], 0, Math.sqrt(2 / sizes[index]!))),
    bias: variable(tf.zeros([size])),
  }));
  return (x) => {
    layers.forEach(({ kernel, bias }, index) => {
      x = tf.add(tf.matMul(x, kernel), bias);
      if (index < layers.length - 1) x = tf.relu(x);
    });
    return tf.reshape(x, [BATCH]);
  };
}

function step(): number {
  const { ids, labels } = batches[count++ % BATCHES]!;
  return tf.tidy(() => {
    const total = optimizer.minimize(
      () => {
        const x = tf.reshape(tf.gather(table, ids), [BATCH, FEATURES * SIZE]);
        const teacher = booster(x), logits = light(x);
        return tf.addN([
          tf.losses.sigmoidCrossEntropy(labels, logits),
          tf.losses.sigmoidCrossEntropy(labels, teacher),
          tf.mul(tf.mean(tf.squaredDifference(block(teacher), logits)), HINT),
        ]) as tf.Scalar;
      },
      true,
      trained,
    )!;
    return total.dataSync()[0]!;
  });
}
