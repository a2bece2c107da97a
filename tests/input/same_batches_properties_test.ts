import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { RecordBatchFileWriter } from "apache-arrow";
import { join } from "node:path";
import { stringify } from "yaml";
import { readPlan } from "../../src/run/read_plan.ts";
import { UserError } from "../../src/base/errors.ts";
import type { Plan } from "../../src/pipeline/plan.ts";
import type { Batch, Column } from "../../src/stages/batch.ts";
import { type BatchAddress, BatchMaker, type Pass } from "../../src/input/batches.ts";
import { inputSetup, openInput } from "../../src/input/open.ts";
import { type Split, StoredSplit } from "../../src/input/split.ts";
import type { Answer, InputSetup } from "../../src/input/worker_input.ts";
import { prepareData, type PreparedData } from "../../src/input/prepare_data.ts";
import { inFolder } from "../support/command_line.ts";
import { loadDuckdb } from "../../plugins/sources/duckdb.ts";
import { pluginApi } from "../support/pipelines.ts";
import {
  type RandomPipeline,
  randomPipeline,
  type Recipe,
  recipes,
  sqlRecipes,
} from "../support/random_pipelines.ts";
import { windowed } from "../support/windowed.ts";

/** How many random pipelines are tried; more by an environment variable. */
const runs = Number(Deno.env.get("ROCKET_RANDOM_PIPELINES") ?? 30);

const arrowModule = new URL("../../plugins/sources/arrow.ts", import.meta.url).href;

/** Stages beside the pipeline: sources that can do less than Arrow files, and noise. */
const stages = {
  "windowed.ts": windowed["windowed.ts"].replace("path: z.string()", "path: z.array(z.string())"),
  "ordered.ts": `import { defineSource, z } from "${pluginApi}";
import arrow from "${arrowModule}";
export default defineSource({
  name: "ordered", summary: "Rows in order.", options: z.object({ path: z.array(z.string()) }),
  create: (options, context) => ({
    open: async (request) => {
      const { rows, recordBatch, rowCounts, ...dataset } = await arrow.create(options, context)
        .open(request);
      return dataset;
    },
  }),
});
`,
  "noise.ts": `import { defineTransform, z } from "${pluginApi}";
export default defineTransform({
  name: "noise", summary: "Noise.", options: z.object({ feature: z.string() }), on: "training",
  create: ({ feature }, { features }) => ({
    features: { ...features, [feature]: { ...features[feature], dtype: "float32" } },
    apply(batch, { random }) {
      const { values, shape } = batch.features[feature];
      const noisy = Float64Array.from(values, (value) => value + random.uniform());
      return { ...batch, features: { ...batch.features, [feature]: { values: noisy, shape } } };
    },
  }),
});
`,
};

/** A way to read the rows of a pipeline. */
interface Way {
  readonly use: string;
  /** The source of a split, as a pipeline file has it. */
  readonly source: (split: string) => Readonly<Record<string, unknown>>;
}

/** A thread that makes batches, for one pipeline after the other. */
class Thread {
  readonly #worker = new Worker(new URL("../../src/input/worker.ts", import.meta.url), {
    type: "module",
  });
  #told = Promise.resolve<Answer>({ ready: true });

  tell(message: InputSetup | BatchAddress): Promise<Answer> {
    return this.#told = this.#told.then(() => {
      const { promise, resolve } = Promise.withResolvers<Answer>();
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.postMessage(message);
      return promise;
    });
  }

  end(): void {
    this.#worker.terminate();
  }
}

/** A pipeline whose data were opened. */
interface Opened {
  readonly plan: Plan;
  readonly data: PreparedData;
  readonly maker: BatchMaker;
}

async function open(
  folder: string,
  { data, batch, columns, validation }: RandomPipeline,
  { source }: Way,
  memory?: number,
): Promise<Opened> {
  const file = join(folder, "pipeline.yaml");
  await Deno.writeTextFile(
    file,
    stringify({
      name: "random",
      seed: 5,
      data: {
        ...data,
        ...validation === "all"
          ? { all: source("train") }
          : { train: source("train"), test: source("test") },
        ...(validation === "source" && { validation: source("validation") }),
      },
      network: { use: "mlp", light: [4], booster: [4] },
      losses: [{ use: "cross-entropy", on: "light" }],
      optimizer: { use: "sgd", learningRate: 0.05 },
      train: { epochs: 2, batch },
    }),
  );
  const plan = { ...await readPlan(file), columns, memory };
  const prepared = await prepareData(plan);
  const maker = new BatchMaker(prepared.splits, prepared.transforms, plan.seed);
  return { plan, data: prepared, maker };
}

/** Writes a pipeline's rows as Arrow files. */
function arrowWays(folder: string, { splits }: RandomPipeline): Way[] {
  for (const [split, files] of Object.entries(splits)) {
    for (const [file, batches] of files.entries()) {
      const bytes = RecordBatchFileWriter.writeAll(batches).toUint8Array(true);
      Deno.writeFileSync(join(folder, `${split}-${file}.arrow`), bytes);
    }
  }
  const path = (split: string) =>
    splits.train.map((_, file) => join(folder, `${split}-${file}.arrow`));
  return ["arrow", "./windowed.ts", "./ordered.ts"].map((use) => ({
    use,
    source: (split) => ({ use, path: path(split) }),
  }));
}

/** Writes a pipeline's rows in the formats that DuckDB reads. */
async function sqlWays(folder: string, { cells, sql }: RandomPipeline): Promise<Way[]> {
  const { DuckDBInstance } = (await loadDuckdb()).api;
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const types = Object.entries(sql).map(([name, type]) => `"${name}": '${type}'`).join(", ");
  const flat = Object.values(sql).every((type) => !type!.endsWith("[]"));
  for (const [split, columns] of Object.entries(cells)) {
    const lines = columns.key!.map((_, row) =>
      JSON.stringify(
        Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[row]])),
        (_, value) => typeof value === "bigint" ? Number(value) : value,
      )
    );
    const json = join(folder, "rows.json"), path = join(folder, split);
    Deno.writeTextFileSync(json, lines.join("\n"));
    const rows = `FROM read_json('${json}', format = 'newline_delimited', columns = {${types}})`;
    await connection.run(`COPY (${rows}) TO '${path}.parquet' (FORMAT parquet)`);
    if (flat) await connection.run(`COPY (${rows}) TO '${path}.csv' (FORMAT csv, HEADER)`);
  }
  connection.closeSync();
  instance.closeSync();
  const path = (split: string) => join(folder, split), batchRows = 7;
  const csvTypes = Object.fromEntries(
    Object.entries(sql).map(([name, type]) => [name, csvType[type!]]),
  );
  return [
    {
      use: "parquet",
      source: (split) => ({ use: "parquet", path: `${path(split)}.parquet`, batchRows }),
    },
    {
      use: "sql",
      source: (split) => ({
        use: "sql",
        tables: { data: `${path(split)}.parquet` },
        query: "FROM data ORDER BY key",
        batchRows,
      }),
    },
    ...flat
      ? [{
        use: "csv",
        source: (split: string) => ({
          use: "csv",
          path: `${path(split)}.csv`,
          columns: csvTypes,
          batchRows,
        }),
      }]
      : [],
  ];
}

/** What the source `csv` calls types. */
const csvType: Readonly<Record<string, string>> = {
  FLOAT: "float32",
  DOUBLE: "float64",
  TINYINT: "int8",
  SMALLINT: "int16",
  INTEGER: "int32",
  BIGINT: "int64",
  UTINYINT: "uint8",
  USMALLINT: "uint16",
  UINTEGER: "uint32",
  BOOLEAN: "bool",
  VARCHAR: "string",
};

/**
 * All that a run of two epochs asks for, and the training rows in order as when they are measured.
 */
function passesOf({ splits }: PreparedData, { batch: size, lastBatch: last }: RandomPipeline) {
  const measured = Object.keys(splits)
    .map((split): Pass => ({ split, training: false, epoch: 0, size: size + 1, last: "keep" }));
  const trained = [1, 2]
    .map((epoch): Pass => ({ split: "train", training: true, epoch, size, last }));
  return [trained[0]!, ...measured, trained[1]!];
}

/** In what two batches differ, if they do. */
function difference(a: Batch, b: Batch): string | undefined {
  if (a.size !== b.size) return `${a.size} and ${b.size} rows`;
  const [one, other] = [a, b].map(columnsOf);
  if (one!.map(([name]) => name).join() !== other!.map(([name]) => name).join()) {
    return `the columns ${one!.map(([name]) => name)} and ${other!.map(([name]) => name)}`;
  }
  for (const [index, [name, { values, shape }]] of one!.entries()) {
    const [, column] = other![index]!;
    if (shape.join() !== column.shape.join()) return `${name}: [${shape}] and [${column.shape}]`;
    if (values.constructor !== column.values.constructor) {
      return `${name}: ${values.constructor.name} and ${column.values.constructor.name}`;
    }
    if (values.length !== column.values.length) {
      return `${name}: ${values.length} and ${column.values.length} values`;
    }
    const at = values.findIndex((value: number, at: number) =>
      !Object.is(value, column.values[at])
    );
    if (at >= 0) return `${name}: ${values[at]} and ${column.values[at]} at ${at}`;
  }
}

/** Whatever is a column in a batch, wherever it stands. */
function columnsOf(batch: Batch): (readonly [name: string, column: Column])[] {
  const found: (readonly [string, Column])[] = [];
  const look = (name: string, value: unknown) => {
    if (typeof value !== "object" || value === null) return;
    if ("values" in value) return found.push([name, value as Column]);
    for (const [key, inner] of Object.entries(value)) look(`${name}.${key}`, inner);
  };
  look("", batch);
  return found.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
}

function assertSame(actual: Batch, expected: Batch, where: string): void {
  const found = difference(actual, expected);
  assert(found === undefined, `${where}: ${found}`);
}

const keysOf = ({ columns }: Batch) => Array.from(columns!.key!.values);

/** What the training rows are in memory, taken by their keys in some order, and transformed. */
function byKeys({ data, plan }: Opened, read: Batch, { epoch, batch }: BatchAddress): Batch {
  const { train } = data.splits;
  assert(train instanceof StoredSplit, "the rows are not in memory");
  const places = new Map(keysOf(train.slice(0, train.rows)).map((key, row) => [key, row]));
  const rows = train.gather(keysOf(read).map((key) => places.get(key)!));
  return data.transforms.apply(rows, { seed: plan.seed, epoch, batch, training: true });
}

/** What was seen over all pipelines, so that none of it is left out by chance. */
interface Seen {
  pipelines: number;
  /** How training rows were shuffled, by source. */
  readonly shuffles: Set<string>;
}

/** What the pipelines of a test have in common. */
interface Common {
  readonly folder: string;
  readonly thread: Thread;
  readonly seen: Seen;
}

/**
 * Holds all ways to read a pipeline's rows to the first of them, in memory.
 *
 * @returns Whether the pipeline has rows; otherwise, each way refused it for the same reason.
 */
async function compare(
  pipeline: RandomPipeline,
  ways: readonly Way[],
  { folder, thread, seen }: Common,
): Promise<boolean> {
  seen.pipelines++;
  // A thread of its own takes a second to start.
  const own = seen.pipelines % 25 === 1;
  let inMemory: Opened;
  try {
    inMemory = await open(folder, pipeline, ways[0]!);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // What cannot be read in memory cannot be read otherwise, for the same reason.
    for (const way of ways) {
      const other = await open(folder, pipeline, way, pipeline.memory)
        .then(async ({ data }) => {
          await data.close();
          return "nothing";
        }, (error) => (error as Error).message);
      // Files have other names in other formats.
      const plain = (text: string) => text.replaceAll(/ of \/\S+/g, "");
      assertEquals(plain(other), plain(error.message));
    }
    return false;
  }
  const addressesOf = ({ data, maker }: Opened) =>
    passesOf(data, pipeline).flatMap((pass) => [...maker.addresses(pass)]);
  const expected = new Map<string, Batch>();
  for (const address of addressesOf(inMemory)) {
    expected.set(JSON.stringify(address), await inMemory.maker.make(address));
  }
  await compareThread(inMemory, addressesOf(inMemory), [...expected.values()], thread);
  for (const way of ways) {
    const streamed = await open(folder, pipeline, way, pipeline.memory);
    const { splits } = streamed.data, shuffle = shuffleOf(splits.train);
    seen.shuffles.add(`${way.use}: ${shuffle}`);
    if (way.use === "arrow" && shuffle !== "in memory") {
      assertEquals(shuffle, pipeline.byRow ? "whole" : "windows");
    }
    assertEquals(streamed.data.measured, inMemory.data.measured);
    for (const [name, split] of Object.entries(splits)) {
      // What is streamed counts all rows of a source, and not those of a part alone.
      const isPart = name === "train" && "rows" in pipeline.data;
      if (isPart && shuffle !== "in memory") continue;
      assertEquals(countsOf(split), await countedAnew(split), name);
    }
    for (const [name, split] of Object.entries(splits)) {
      assertEquals(described(split), described(inMemory.data.splits[name]!));
      assertEquals(split.rows, inMemory.data.splits[name]!.rows);
      assertEquals(split.idCounts, inMemory.data.splits[name]!.idCounts);
    }
    if (pipeline.validation === "all") await assertDivided(splits, pipeline);
    const batches: Batch[] = [], addresses = addressesOf(streamed);
    for (const address of addresses) {
      const where = `${way.use}, ${shuffle}, ${JSON.stringify(address)}`;
      const batch = await streamed.maker.make(address);
      batches.push(batch);
      const inOrder = !address.training || shuffle !== "windows";
      const same = inOrder
        ? expected.get(JSON.stringify(address))!
        : byKeys(inMemory, batch, address);
      assertSame(batch, same, where);
    }
    for (const epoch of [1, 2]) {
      const own = batches.filter((_, index) => addresses[index]!.epoch === epoch);
      const keys = own.flatMap(keysOf);
      const { rows } = splits.train, { batch, lastBatch, group } = pipeline;
      if (group !== undefined) assertTogether(own, group, batch);
      const taken = lastBatch === "drop" && group === undefined ? rows - rows % batch : rows;
      assertEquals(keys.length, taken);
      assertEquals(new Set(keys).size, taken);
    }
    await compareThread(streamed, addresses, batches, thread);
    if (own) await compareFeed(streamed, pipeline, batches);
    await streamed.data.close();
  }
  await inMemory.data.close();
  return true;
}

/** Checks that the rows of each group are in one batch, unless they are more than a batch. */
function assertTogether(batches: readonly Batch[], group: string, most: number): void {
  const counts = batches.map(({ size, columns }) => {
    assert(size <= most, `a batch has ${size} rows`);
    const counts = new Map<number, number>();
    for (const value of columns![group]!.values) counts.set(value, (counts.get(value) ?? 0) + 1);
    return counts;
  });
  for (const value of new Set(counts.flatMap((one) => [...one.keys()]))) {
    const parts = counts.map((one) => one.get(value) ?? 0).filter((count) => count > 0);
    const rows = parts.reduce((sum, count) => sum + count, 0);
    assertEquals(
      parts.length <= Math.ceil(rows / most),
      true,
      `${rows} rows in ${parts} of ${most}`,
    );
  }
}

/** Checks that no row of the one source is in two splits, and that only dropped rows are in none. */
async function assertDivided(
  splits: PreparedData["splits"],
  { cells, data }: RandomPipeline,
): Promise<void> {
  const keys: number[] = [];
  for (const split of Object.values(splits)) keys.push(...keysOf(await split.slice(0, split.rows)));
  assertEquals(new Set(keys).size, keys.length);
  if ("rows" in data || JSON.stringify(data).includes('"drop"')) return;
  assertEquals(keys.toSorted((a, b) => a - b), cells.train!.key);
}

/** What the columns of a split are, but for the files that rows are in. */
const described = ({ specs }: Split): unknown =>
  JSON.parse(JSON.stringify(specs, (key, value) => key === "row" ? undefined : value));

/** What is counted of a split, in no order. */
function countsOf(split: Split): unknown {
  const { classes, weighted } = split.counts();
  return { classes: classes?.toSorted(), weighted };
}

/** The same, by looking at each value of each row. */
async function countedAnew(split: Split): Promise<unknown> {
  const { kind, classes } = split.specs.label;
  const { label, weight } = await split.slice(0, split.rows);
  const count = (id: number) => [...label.values].filter((value) => value === id).length;
  return {
    classes: kind === "number"
      ? undefined
      : Array.from({ length: classes }, (_, id) => count(id)).toSorted(),
    weighted: weight && [...weight.values].some((value) => value > 0),
  };
}

function shuffleOf(split: Split): "in memory" | "whole" | "windows" {
  if (split instanceof StoredSplit) return "in memory";
  return split.shuffle === "whole" ? "whole" : "windows";
}

/** Holds the batches that a thread makes to those that were made here. */
async function compareThread(
  { data }: Opened,
  addresses: readonly BatchAddress[],
  batches: readonly Batch[],
  thread: Thread,
): Promise<void> {
  const setup = inputSetup(data);
  assert(typeof setup !== "string", String(setup));
  assertEquals(await thread.tell(setup), { ready: true });
  for (const [index, address] of addresses.entries()) {
    const answer = await thread.tell(address);
    assert("batch" in answer, JSON.stringify(answer));
    assertSame(answer.batch, batches[index]!, `in a thread, ${JSON.stringify(address)}`);
  }
}

/** Holds the batches of a run's own input, with its own thread, to those that were made here. */
async function compareFeed(
  { data }: Opened,
  pipeline: RandomPipeline,
  batches: readonly Batch[],
): Promise<void> {
  const reports: string[] = [];
  const report = (line: string) => reports.push(line);
  const input = openInput(data, { thread: "always", report });
  try {
    const feed = input.feed(passesOf(data, pipeline));
    for (const expected of batches) assertSame(await feed.next(), expected, "of a feed");
    assertEquals(reports, ["input: a thread makes the batches ahead of the steps"]);
  } finally {
    input.close();
  }
}

/**
 * Holds random pipelines to the property.
 *
 * @param recipes What the pipelines are made of.
 * @param runs How many there are that can be read. Refused ones are compared in addition.
 * @param waysOf Writes their rows.
 * @returns What was seen of them.
 */
async function holds(
  recipes: fc.Arbitrary<Recipe>,
  runs: number,
  waysOf: (folder: string, pipeline: RandomPipeline) => Way[] | Promise<Way[]>,
): Promise<Seen> {
  const seen: Seen = { pipelines: 0, shuffles: new Set() };
  await inFolder(async (folder) => {
    for (const [name, text] of Object.entries(stages)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    let thread = new Thread();
    const property = fc.asyncProperty(recipes, async (recipe) => {
      // What a thread has opened, it keeps.
      if (seen.pipelines % 20 === 19) {
        thread.end();
        thread = new Thread();
      }
      const pipeline = randomPipeline(recipe);
      const rows = await Deno.makeTempDir({ dir: folder });
      const ways = await waysOf(rows, pipeline);
      const isRead = await compare(pipeline, ways, { folder, thread, seen });
      await Deno.remove(rows, { recursive: true });
      // Another pipeline takes the place of a refused one.
      fc.pre(isRead);
    });
    try {
      await fc.assert(property, { numRuns: runs, maxSkipsPerRun: 5 });
    } finally {
      thread.end();
    }
  });
  return seen;
}

Deno.test(`each row of ${runs} random pipelines is the same in memory, streamed and in a thread`, async () => {
  const { shuffles } = await holds(recipes, runs, arrowWays);
  for (
    const way of [
      "arrow: whole",
      "arrow: windows",
      "./windowed.ts: windows",
      "./ordered.ts: whole",
      "./ordered.ts: windows",
    ]
  ) {
    assert(shuffles.has(way), `no rows were read from ${way}`);
  }
});

Deno.test("each row of random pipelines is the same from Parquet, SQL and CSV, in memory, streamed and in a thread", async () => {
  const { shuffles } = await holds(sqlRecipes, Math.ceil(runs / 8), sqlWays);
  for (const way of ["parquet: windows", "sql: windows"]) {
    assert(shuffles.has(way), `no rows were read from ${way}`);
  }
});
