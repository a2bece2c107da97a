// A run from code: a small net ("light") learns to read digits, with the help of a larger one
// ("booster").
//
//   deno run -A examples/run.ts

import { checkPipeline, definePipeline, runPipeline } from "@rocket-launching/rocket";

// Editors complete and check this object down to the options of each stage.
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

// Everything but the training: mistakes show here, with a hint.
const { problems, run } = await checkPipeline(pipeline, { engine: "wasm" });
for (const { message, hint } of problems) console.log(message, hint ?? "");
console.log("numbers to train:", run?.parameters);

// The run folder gets the results and checkpoints. "wasm" works everywhere; "auto" uses TensorFlow
// where it can be had.
const out = `${await Deno.makeTempDir()}/run`;
const result = await runPipeline(pipeline, { out, engine: "wasm", quiet: true });
console.log("accuracy of the light net:", result.test.light?.accuracy);
console.log("run folder:", out);
