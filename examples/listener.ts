// Receives the events of a run with a listener, stops the run, and resumes it.
//
//   deno run -A examples/listener.ts

import { Interruption, resumeRun, runPipeline } from "@rocket-launching/rocket";

const file = `${import.meta.dirname}/../pipelines/digits.yaml`;
const out = `${await Deno.makeTempDir()}/run`;
const stop = new AbortController();

try {
  await runPipeline(file, {
    out,
    engine: "wasm",
    quiet: true,
    // Changes options of the file, like `--set` on the command line.
    set: [
      "network={ use: mlp, light: [16], booster: [64] }",
      "train.epochs=3",
      "train.baseline=none",
    ],
    signal: stop.signal,
    listener: {
      runStart: ({ epochs, stepsPerEpoch }) =>
        console.log(`${epochs} epochs of ${stepsPerEpoch} steps`),
      epoch: ({ epoch, metrics }) => {
        console.log(`epoch ${epoch}:`, metrics.validation?.["light/accuracy"]);
        // Stops the run early, to resume it below.
        if (epoch === 2) stop.abort();
      },
    },
  });
} catch (error) {
  if (!(error instanceof Interruption)) throw error;
  console.log("stopped, with a checkpoint");
}

// The run continues where it stopped. The results are the same as without the interruption.
const result = await resumeRun(out, { quiet: true });
console.log(`done after ${result.epochs} epochs:`, result.test.light?.accuracy);
