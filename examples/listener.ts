// A listener hears what happens in a run, and can end it.
//
//   deno run -A examples/listener.ts

import { Interruption, resumeRun, runPipeline } from "@rocket-launching/rocket";

const file = `${import.meta.dirname}/../pipelines/quickstart.yaml`;
const out = `${await Deno.makeTempDir()}/run`;
const stop = new AbortController();

try {
  await runPipeline(file, {
    out,
    engine: "wasm",
    quiet: true,
    // Changes of the file, as `--set` makes them on the command line.
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
        // Enough for now.
        if (epoch === 2) stop.abort();
      },
    },
  });
} catch (error) {
  if (!(error instanceof Interruption)) throw error;
  console.log("stopped, with a checkpoint");
}

// The run continues where it stopped, with the numbers that it would have had.
const result = await resumeRun(out, { quiet: true });
console.log(`done after ${result.epochs} epochs:`, result.test.light?.accuracy);
