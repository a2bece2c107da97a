import { basename, join } from "node:path";
import { createRandom, deriveSeed } from "../../src/base/random.ts";
import { faultsOf } from "../corpus/expectation.ts";
import { Runner } from "../corpus/outcome.ts";
import { root } from "../support/command_line.ts";
import { mutate, mutateText } from "./mutate.ts";
import { changedPipeline, type Pipelines, readPipelines } from "./pipelines.ts";

/** What is fuzzed: trees, tokens and bytes of pipelines in YAML and JSON, or bytes of data. */
export type Subject = "pipelines" | "data";

/** What is fuzzed, how long, and from where on. */
export interface FuzzOptions {
  readonly of: Subject;
  /** The first seed; case N has the seed after that by N. */
  readonly seed: number;
  /** How many cases at most. */
  readonly cases: number;
  /** How long at most. */
  readonly seconds: number;
}

/** A case that did not end as it should. */
export interface Failure {
  readonly seed: number;
  readonly why: string;
  /** The file, kept for a look at it. */
  readonly kept: string;
}

/** A good file, what reads it, columns for a feature and a label, and options of the source. */
type DataFile = readonly [
  file: string,
  use: string,
  feature: string,
  label: string,
  options?: string,
];

/** Good files. */
const dataFiles: readonly DataFile[] = [
  ["formats/types.arrow", "arrow", "int32", "bool"],
  ["formats/lz4.arrow", "arrow", "int32", "bool"],
  ["formats/zstd.arrow", "arrow", "int32", "bool"],
  ["formats/feather.feather", "arrow", "int32", "string"],
  ["formats/dictionary_delta.arrows", "arrow", "city", "city"],
  ["formats/types.parquet", "parquet", "int32", "bool"],
  ["formats/gzip.parquet", "parquet", "int32", "string"],
  ["formats/duckdb.csv", "csv", "id", "even"],
  ["formats/duckdb.tsv", "csv", "id", "even"],
  ["interop/pyarrow_dictionaries.arrow", "arrow", "of_price", "by_int64"],
  ["interop/pyarrow_dictionaries_lz4.arrows", "arrow", "of_int64", "by_int8"],
  ["interop/pyarrow_delta.arrows", "arrow", "city", "city"],
  ["interop/pyarrow_replaced.arrows", "arrow", "city", "city"],
  ["interop/pyarrow_rows.arrow", "arrow", "decimal256", "by_int64"],
  ["interop/pyarrow.arrow", "arrow", "uuid", "bool8"],
  ["interop/pyarrow_zstd.arrows", "arrow", "small", "small"],
  ["interop/polars_lz4.arrow", "arrow", "price", "flag"],
  ["interop/polars_stored.arrow", "arrow", "x", "y"],
  ["interop/polars.arrows", "arrow", "total", "level"],
  ["interop/pandas.feather", "arrow", "price", "colour"],
  ["interop/polars.parquet", "parquet", "price", "flag"],
  ["interop/pyarrow_more.parquet", "parquet", "decimal32", "bool8"],
  ["interop/pyarrow_lossy.parquet", "parquet", "id", "id"],
  ["interop/duckdb_v2.parquet", "parquet", "total", "colour"],
  ["interop/pandas.csv", "csv", "id", "flag"],
  ["interop/polars.csv", "csv", "double", "flag", "columns: { double: float32, us: timestamp }"],
  ["interop/pandas_semicolons.csv", "csv", "price", "flag", 'delimiter: ";", nullValues: [NA]'],
  ["interop/pandas_packed.csv.gz", "csv", "short", "flag", 'nullValues: ["NULL"]'],
  ["interop/polars_tabs.tsv", "csv", "us", "flag", "nullValues: [NA]"],
  ["interop/polars_quoted.csv", "csv", "small", "flag"],
  ["interop/duckdb_quoted.csv", "csv", "day", "code", 'delimiter: "|", nullValues: ["-"]'],
  ["interop/duckdb_bare.csv", "csv", "column2", "column6", 'header: false, quote: "\'"'],
  ["interop/pyarrow.csv", "csv", "short", "text"],
];

const fixtures = join(root, "tests", "fixtures");

/**
 * Runs `check` on good files that were changed at random. Each is to be fine or refused as a
 * mistake of a person: no crash, no hang, no bug in Rocket, within 5 s of a core and 1 GB.
 *
 * @param options What, and how long.
 * @returns How many cases ran, and those that failed.
 */
export async function fuzz(options: FuzzOptions): Promise<{ cases: number; failures: Failure[] }> {
  const runner = new Runner();
  const folder = await Deno.makeTempDir({ prefix: "rocket-fuzz-" });
  const pipelines = options.of === "pipelines" ? readPipelines(folder) : undefined;
  const failures: Failure[] = [];
  const end = performance.now() + options.seconds * 1000;
  let cases = 0;
  try {
    for (; cases < options.cases && performance.now() < end; cases++) {
      const seed = options.seed + cases;
      const { file, changed } = await makeCase(pipelines, seed, folder);
      const why = await judge(runner, file, folder);
      if (why === undefined) continue;
      const kept = join(
        await Deno.makeTempDir({ prefix: "rocket-fuzz-kept-" }),
        `${seed}-${basename(changed)}`,
      );
      await Deno.copyFile(changed, kept);
      failures.push({ seed, why, kept });
    }
  } finally {
    await runner.close();
    await Deno.remove(folder, { recursive: true });
  }
  return { cases, failures };
}

async function makeCase(pipelines: Pipelines | undefined, seed: number, folder: string) {
  const random = createRandom(deriveSeed(seed, "fuzz", pipelines ? "pipelines" : "data"));
  if (pipelines) {
    const { name, bytes } = changedPipeline(pipelines, random);
    const file = join(folder, name);
    await Deno.writeFile(file, bytes);
    return { file, changed: file };
  }
  const [name, use, feature, label, options] = dataFiles[random.integer(0, dataFiles.length - 1)]!;
  const changed = join(folder, `bad${/\.[.a-z]+$/.exec(name)![0]}`);
  const bytes = await Deno.readFile(join(fixtures, name));
  const isText = /\.[ct]sv$/.test(name) && random.integer(0, 2) > 0;
  await Deno.writeFile(changed, isText ? mutateText(bytes, random) : mutate(bytes, random));
  const file = join(folder, "p.yaml");
  const source = `{ use: ${use}, path: ${basename(changed)}${options ? `, ${options}` : ""} }`;
  await Deno.writeTextFile(
    file,
    `name: fuzz
data:
  train: ${source}
  test: ${source}
  features: { f: { column: ${feature}, nulls: drop } }
  label: { column: ${label}, nulls: drop }
network: { use: mlp, light: [4], booster: [8] }
losses: [{ use: cross-entropy, on: light }]
optimizer: { use: sgd, learningRate: 1e-6 }
train: { epochs: 1, batch: 2 }
`,
  );
  return { file, changed };
}

async function judge(runner: Runner, file: string, folder: string): Promise<string | undefined> {
  const args = ["check", "--engine", "wasm", "--quiet", basename(file)];
  try {
    const outcome = await runner.run({ args, folder });
    const faults = outcome.code === 0 ? [] : faultsOf(outcome);
    return faults.length > 0 ? `${faults.join("; ")}\n${outcome.stderr}` : undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
