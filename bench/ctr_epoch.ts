/**
 * The program that times Rocket in the rows for a whole epoch of clicks: a step trains a pipeline on
 * Parquet files by the command line. Its time is that of the epoch's steps, from the first batch to
 * the last, with input and with capturing the graph.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { folderOfClicks, IDS, NUMBERS, VALUES } from "./clicks.ts";
import { type Measured, serve } from "./worker.ts";

/** The part of `result.json` that the bench reads. */
interface Result {
  readonly input: { readonly rowsPerSecond: number; readonly waitingShare: number };
  readonly memory: { readonly peakBytes: number };
  readonly parameters: Readonly<Record<string, number>>;
  readonly test: { readonly light: { readonly auc: number } };
}

const { booster, ...options } = parseArgs(Deno.args, {
  string: ["rows", "memory"],
  boolean: ["booster"],
  default: { rows: "1000000" },
});
const EMBEDDING = 10;
const rows = Number(options.rows), folder = await folderOfClicks(rows);
const root = fileURLToPath(new URL("../", import.meta.url));
const columns = (letter: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${letter}${index}`);
const pipeline = {
  name: "clicks",
  data: {
    train: { use: "parquet", path: join(folder, "train.parquet") },
    test: { use: "parquet", path: join(folder, "test.parquet") },
    ...(options.memory && { memory: options.memory }),
    label: { column: "y", kind: "binary" },
    features: Object.fromEntries([
      ...columns("I", NUMBERS).map((name) => [name, {}]),
      ...columns("C", IDS).map((name) => [name, { ids: { count: VALUES } }]),
    ]),
  },
  network: {
    use: "ctr",
    embedding: EMBEDDING,
    light: { hidden: [400, 400, 400] },
    booster: { hidden: [1024, 512, 256] },
  },
  losses: [
    { use: "binary-cross-entropy", on: "light" },
    ...(booster
      ? [{ use: "binary-cross-entropy", on: "booster" }, { use: "mse-hint", weight: 0.03 }]
      : []),
  ],
  metrics: ["auc"],
  optimizer: { use: "adam", learningRate: 0.001 },
  train: { epochs: 1, batch: 4096 },
  outputs: [],
};
const temporary = await Deno.makeTempDir({ prefix: "rocket-epoch-" });
const file = join(temporary, "pipeline.json");
let seed = 0, result: Result | undefined;

try {
  // The first epoch is not timed. Its facts are those of the other ones.
  await epoch();
  const { light, booster: both = 0 } = result!.parameters;
  // The nets share their embeddings.
  const parameters = light! + (both && both - IDS * (VALUES + 1) * EMBEDDING);
  await serve(epoch, { detail: `Deno ${Deno.version.deno}`, parameters }, { warmUp: 0 });
} finally {
  await Deno.remove(temporary, { recursive: true });
}

async function epoch(): Promise<Measured> {
  const out = join(temporary, `run-${++seed}`);
  await Deno.writeTextFile(file, JSON.stringify({ ...pipeline, seed }));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["task", "--quiet", "--config", join(root, "deno.json"), "pipeline", "run", file],
      ...["--out", out, "--engine", "native", "--quiet"],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
  result = JSON.parse(await Deno.readTextFile(join(out, "result.json"))) as Result;
  await Deno.remove(out, { recursive: true });
  const { input, memory, test } = result;
  return {
    milliseconds: 1000 * rows / input.rowsPerSecond,
    peakMemory: memory.peakBytes,
    auc: test.light.auc,
    waitingShare: input.waitingShare,
  };
}
