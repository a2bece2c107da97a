import { basename, extname, join } from "node:path";
import { createRandom, deriveSeed } from "../../pipeline/random.ts";
import { faultsOf } from "../corpus/expectation.ts";
import { Runner } from "../corpus/outcome.ts";
import { root } from "../support/command_line.ts";
import { mutate } from "./mutate.ts";
import { changedPipeline, type Pipelines, readPipelines } from "./pipelines.ts";

/** What is fuzzed: trees and bytes of pipelines, or bytes of data. */
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

const formats = join(root, "tests", "fixtures", "formats");

/** Good files, and what reads them. */
const dataFiles: Readonly<Record<string, string>> = {
  "types.arrow": "arrow",
  "lz4.arrow": "arrow",
  "zstd.arrow": "arrow",
  "feather.feather": "arrow",
  "dictionary_delta.arrows": "arrow",
  "types.parquet": "parquet",
  "gzip.parquet": "parquet",
  "duckdb.csv": "csv",
  "duckdb.tsv": "csv",
};

/**
 * Runs `check` on good files that were changed at random. Each is to be fine or refused as a mistake of
 * a person: no crash, no hang, no fault of Rocket's own, within 5 s of a core and 1 GB.
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
    const file = join(folder, "p.yaml");
    await Deno.writeFile(file, changedPipeline(pipelines, random));
    return { file, changed: file };
  }
  const names = Object.keys(dataFiles);
  const name = names[random.integer(0, names.length - 1)]!;
  const changed = join(folder, `bad${extname(name)}`);
  await Deno.writeFile(changed, mutate(await Deno.readFile(join(formats, name)), random));
  const file = join(folder, "p.yaml");
  const source = `{ use: ${dataFiles[name]}, path: ${basename(changed)} }`;
  await Deno.writeTextFile(
    file,
    `name: fuzz
data:
  train: ${source}
  test: ${source}
  features: { int32: { nulls: { fill: 0 } } }
  label: { column: bool, nulls: drop }
network: { use: mlp, light: [4], booster: [8] }
losses: [{ use: cross-entropy, on: light }]
optimizer: { use: sgd, rate: 1e-6 }
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
