/**
 * Measures whether bfloat16 reduces accuracy. It trains a small pair of nets on Fashion-MNIST with
 * a few seeds in float32 and in bfloat16, and compares the difference in test accuracy with the
 * spread between seeds. The result of each run is written to bench/results/precision.json
 * immediately, so an interrupted measurement continues where it stopped. The table is
 * bench/results/precision.md.
 *
 * usage: deno task bench:precision [--seeds N] [--epochs N] [--pipeline FILE]
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { fileURLToPath } from "node:url";
import { runPipeline } from "../src/run/run_pipeline.ts";
import { writeFileWhole } from "../src/base/files/write.ts";
import { type AccuracyRun, precisions, precisionTable } from "./precision_table.ts";

const options = parseArgs(Deno.args, {
  string: ["seeds", "epochs", "pipeline"],
  default: {
    seeds: "3",
    epochs: "2",
    pipeline: "pipelines/fashion-mnist.yaml",
  },
});
const epochs = Number(options.epochs);
const folder = new URL("./results/", import.meta.url);
const kept = fileURLToPath(new URL("precision.json", folder));

const runs: AccuracyRun[] = await keptRuns();
for (let seed = 1; seed <= Number(options.seeds); seed++) {
  for (const precision of precisions) {
    if (runs.some((run) => isSame(run, { ...options, precision, seed, epochs }))) continue;
    runs.push(await train(precision, seed));
    await Deno.mkdir(folder, { recursive: true });
    await writeFileWhole(kept, new TextEncoder().encode(JSON.stringify(runs, undefined, 2) + "\n"));
  }
}
const table = precisionTable(
  runs.filter((run) => run.pipeline === options.pipeline && run.epochs === epochs),
);
console.log(table);
await writeFileWhole(
  fileURLToPath(new URL("precision.md", folder)),
  new TextEncoder().encode(table + "\n"),
);

type Key = Pick<AccuracyRun, "pipeline" | "precision" | "seed" | "epochs">;

function isSame(a: Key, b: Key): boolean {
  return a.pipeline === b.pipeline && a.precision === b.precision && a.seed === b.seed &&
    a.epochs === b.epochs;
}

async function keptRuns(): Promise<AccuracyRun[]> {
  try {
    return JSON.parse(await Deno.readTextFile(kept));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function train(precision: AccuracyRun["precision"], seed: number): Promise<AccuracyRun> {
  console.error(`${precision}, seed ${seed}, ${epochs} epochs`);
  const out = await Deno.makeTempDir({ prefix: "rocket-precision-" });
  try {
    const result = await runPipeline(options.pipeline, {
      out,
      precision,
      engine: "native",
      quiet: true,
      report: (line) => console.error(`  ${line}`),
      listener: {
        evaluation: ({ epoch, split, metrics }) =>
          console.error(`  epoch ${epoch}, ${split}: ${JSON.stringify(metrics)}`),
      },
      set: [
        `seed=${seed}`,
        `train.epochs=${epochs}`,
        "train.baseline=none",
        "optimizer.schedule={ use: cosine }",
        "outputs=[]",
      ],
    });
    // On a machine without bfloat16 units, float32 would be compared with itself.
    if (result.precision !== precision) {
      throw new Error(`this machine does not support ${precision}`);
    }
    const accuracy = (net: "light" | "booster") => Number(result.test[net]!.accuracy);
    return {
      pipeline: options.pipeline,
      precision,
      seed,
      epochs,
      light: accuracy("light"),
      booster: accuracy("booster"),
      seconds: result.seconds,
    };
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}
