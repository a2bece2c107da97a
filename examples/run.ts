// Starts a run from code: a small net ("light") learns to recognize digits with the help of a larger
// net ("booster").
//
//   deno run -A examples/run.ts

import { checkPipeline, definePipeline, runPipeline } from "@rocket-launching/rocket";

// Editors autocomplete and check this object, including the options of each stage.
const data = `${import.meta.dirname}/../data`;
const pipeline = definePipeline({
  name: "digits",
  seed: 1,
  data: {
    train: { use: "arrow", path: `${data}/digits-train.arrow` },
    test: { use: "arrow", path: `${data}/digits-test.arrow` },
    features: { image: { shape: [8, 8, 1] } },
    label: "digit",
    transforms: [{ use: "scale", by: 1 / 16 }],
  },
  network: { use: "mlp", light: [16], booster: [64, 64] },
  losses: [
    { use: "cross-entropy", on: "light" },
    { use: "cross-entropy", on: "booster" },
    // The hint: the light net's logits follow the booster's.
    { use: "mse-hint", weight: 0.03 },
  ],
  optimizer: { use: "adam", learningRate: 0.01 },
  train: { epochs: 3, batch: 64 },
  metrics: ["accuracy"],
});

// Checks everything except the training and reports mistakes with hints.
const { problems, run } = await checkPipeline(pipeline, { engine: "wasm" });
for (const { message, hint } of problems) console.log(message, hint ?? "");
console.log("trainable parameters:", run?.parameters);

// The run folder contains the results and checkpoints. "wasm" works everywhere; "auto" uses
// TensorFlow if it is set up.
const out = `${await Deno.makeTempDir()}/run`;
const result = await runPipeline(pipeline, { out, engine: "wasm", quiet: true });
console.log("accuracy of the light net:", result.test.light?.accuracy);
console.log("run folder:", out);
