// Defines a custom loss in the program that uses it. It needs no separate file or package.
//
//   deno run -A examples/custom_loss.ts

import { definePipeline, runPipeline } from "@rocket-launching/rocket";
import { defineLoss, type LossStage, tf, z } from "@rocket-launching/rocket/plugin";

// A hint loss compares two outputs, here the logits of the booster and of the light net. It returns
// one number per row.
const cosineHint: LossStage = defineLoss({
  name: "cosine-hint",
  summary: "1 minus the cosine of the angle between the logits of both nets.",
  form: "hint",
  options: z.object({
    epsilon: z.number().positive().default(1e-6).describe(
      "A small number that is added to squared norms, so that they are never 0.",
    ),
  }),
  create: ({ epsilon }) => (from, to) => {
    const norm = (x: tf.Tensor) => tf.sqrt(tf.add(tf.sum(tf.square(x), -1), epsilon));
    const cosine = tf.div(tf.sum(tf.mul(from, to), -1), tf.mul(norm(from), norm(to)));
    return tf.sub(1, cosine);
  },
});

// In a pipeline, `use` accepts the name of a stage or the stage itself.
const pipeline = definePipeline({
  extends: `${import.meta.dirname}/../pipelines/digits.yaml`,
  network: { use: "mlp", light: [16], booster: [64] },
  losses: [
    { use: "cross-entropy", on: "light" },
    { use: "cross-entropy", on: "booster" },
    { use: cosineHint, from: "booster.logits", to: "light.logits", weight: 0.5 },
  ],
  train: { epochs: 2, baseline: "none" },
});

const out = `${await Deno.makeTempDir()}/run`;
const { test, gradients } = await runPipeline(pipeline, { out, engine: "wasm", quiet: true });
console.log("accuracy of the light net:", test.light?.accuracy);

// The norms of each loss's gradients for each part of the network, on the first batch. The hint has
// no gradient for the booster.
for (const { loss, norms } of gradients) console.log(loss, norms);
