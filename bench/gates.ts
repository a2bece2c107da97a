/**
 * Trains small pipelines with fixed seeds, and fails if a metric leaves its committed band
 * (bench/gates/bands.json). `--write` trains each pipeline with several seeds and writes the bands.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeFileWhole } from "../src/base/files/write.ts";
import { runPipeline } from "../src/run/run_pipeline.ts";
import { type Band, bandsOf, type Metrics, outside } from "./gates/bands.ts";
import { writeClicks } from "./gates/clicks.ts";
import { fail, refuseUnknown } from "./usage.ts";

/**
 * A pipeline that is trained, and the metrics of the test split that have bands. The `gain` is the
 * difference in accuracy between the light net and the light net that was trained alone.
 */
interface Gate {
  readonly file: string;
  readonly set: readonly string[];
  readonly metrics: readonly string[];
}

const ofImages = (...metrics: readonly string[]) =>
  metrics.flatMap((metric) => ["light", "booster"].map((net) => `${net}/${metric}`));
const always = ["metrics=[accuracy, log-loss]", "outputs=[]"];
const fewRows = [...always, "data.rows=400", "train.batch=32", "train.baseline=none"];

const gates: Readonly<Record<string, Gate>> = {
  "few-digits": {
    file: "pipelines/quickstart.yaml",
    set: [...always, "train.epochs=12", "train.evaluateEvery=12"],
    metrics: [...ofImages("accuracy", "log-loss"), "gain"],
  },
  digits: {
    file: "pipelines/digits.yaml",
    set: [...fewRows, "train.epochs=6", "optimizer.schedule={ use: cosine }"],
    metrics: ofImages("accuracy", "log-loss"),
  },
  distillation: {
    file: "pipelines/distillation.yaml",
    set: [...fewRows, "train.epochs=4"],
    metrics: ofImages("accuracy", "log-loss"),
  },
  clicks: {
    file: "bench/gates/clicks.yaml",
    set: [],
    metrics: ["light", "booster"].flatMap((net) =>
      ["gauc", "auc", "log-loss"].map((metric) => `${net}/${metric}`)
    ),
  },
};

/** The seeds of a gate, and those of which its bands are made. */
const GATE_SEEDS = [1, 2, 3], BAND_SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

type Bands = Readonly<Record<string, Readonly<Record<string, Band>>>>;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bandsFile = join(root, "bench/gates/bands.json");

const USAGE = `usage: deno task gates [--only NAME] [--write] [--list]

  --only NAME  train only this gate: ${Object.keys(gates).join(", ")}
  --write      train with ten seeds, and write the bands
  --list       print the gates without training`;

const options = parseArgs(Deno.args, {
  string: ["only"],
  boolean: ["write", "list", "help"],
  unknown: refuseUnknown(USAGE),
});
const names = Object.keys(gates).filter((name) => name === (options.only ?? name));
if (names.length === 0) {
  fail(`there is no gate ${options.only}; the gates are ${Object.keys(gates).join(", ")}`);
}
if (options.help) console.log(USAGE);
else if (options.list) { for (const name of names) console.log(`${name}: ${gates[name]!.file}`); }
else Deno.exitCode = options.write ? await writeBands() : await check();

/** Trains each gate with a few seeds. Returns the exit code. */
async function check(): Promise<number> {
  const bands: Bands = JSON.parse(await Deno.readTextFile(bandsFile));
  let failed = 0;
  for (const name of names) {
    const problems = outside(await trainAll(name, GATE_SEEDS), bands[name]!);
    console.log(problems.length === 0 ? `${name}: ok` : `${name}: FAILED`);
    for (const problem of problems) console.log(`  ${problem}`);
    failed += Math.min(problems.length, 1);
  }
  if (failed > 0) console.log(`${failed} of ${names.length} gates failed`);
  return failed > 0 ? 1 : 0;
}

/** Trains each gate with all seeds and writes the bands. Returns the exit code. */
async function writeBands(): Promise<number> {
  for (const name of names) {
    const runs = await trainAll(name, BAND_SEEDS);
    const bands: Bands = { ...await keptBands(), [name]: bandsOf(runs, GATE_SEEDS.length) };
    const text = JSON.stringify(bands, undefined, 2) + "\n";
    await writeFileWhole(bandsFile, new TextEncoder().encode(text));
  }
  return 0;
}

async function keptBands(): Promise<Bands> {
  try {
    return JSON.parse(await Deno.readTextFile(bandsFile));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

async function trainAll(name: string, seeds: readonly number[]): Promise<Metrics[]> {
  const runs: Metrics[] = [];
  for (const seed of seeds) runs.push(await train(name, seed));
  return runs;
}

/** Trains a gate's pipeline and returns the metrics that have bands. */
async function train(name: string, seed: number): Promise<Metrics> {
  const { file, set, metrics } = gates[name]!;
  const folder = await Deno.makeTempDir({ prefix: "rocket-gate-" });
  try {
    const data = ["train", "test"].map((split) =>
      `data.${split}.path=${join(folder, `${split}.csv`)}`
    );
    if (name === "clicks") await writeClicks(folder);
    const result = await runPipeline(join(root, file), {
      out: join(folder, "run"),
      engine: "native",
      precision: "float32",
      quiet: true,
      report: () => {},
      set: [`seed=${seed}`, ...set, ...(name === "clicks" ? data : [])],
    });
    const gain = Number(result.test.light?.accuracy) -
      Number(result.baseline?.test.light?.accuracy);
    const values = Object.fromEntries(metrics.map((metric) => {
      const [net, key] = metric.split("/") as ["light" | "booster", string];
      return [metric, metric === "gain" ? gain : Number(result.test[net]?.[key])];
    }));
    const shown = Object.entries(values).map(([key, value]) => `${key} ${value.toFixed(4)}`);
    console.log(`${name}, seed ${seed}, ${result.seconds.toFixed(1)} s: ${shown.join(", ")}`);
    return values;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
