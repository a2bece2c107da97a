// Runs a sweep over several seeds to find out whether the booster's hint helps the light net.
//
//   deno run -A examples/sweep.ts

import { defineSweep, runSweep } from "@rocket-launching/rocket";

const sweep = defineSweep({
  name: "does-it-help",
  base: `${import.meta.dirname}/../pipelines/digits.yaml`,
  seeds: [1, 2, 3],
  settings: {
    // The light net alone, the reference for the other settings.
    alone: { losses: [{ use: "cross-entropy", on: "light" }] },
    // The base pipeline with several weights of the hint, which is losses[2] of the file.
    rocket: { grid: { "losses.2.weight": [0.01, 0.1] } },
  },
  reference: "alone",
  latency: "none",
});

// Runs that are complete in the folder are not repeated.
const { table, failures, files } = await runSweep(sweep, {
  out: `${await Deno.makeTempDir()}/sweep`,
  engine: "wasm",
  set: ["network={ use: mlp, light: [16], booster: [64] }", "train.epochs=2"],
});

for (const { setting, metrics } of table.rows) {
  const accuracy = metrics.last["light/accuracy"];
  console.log(setting, accuracy?.spread?.mean, "difference:", accuracy?.difference?.mean ?? "–");
}
for (const { run, error } of failures) console.log(run, "failed:", error.message);
console.log("tables:", files.join(", "));
