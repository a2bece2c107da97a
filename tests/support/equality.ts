/**
 * Trained runs, and the ways to score rows with them. Each way must give the logits of the run's own
 * evaluation. A new way to score is one more entry of {@linkcode ways}.
 *
 * @module
 */

import {
  Field,
  Float64,
  Int64,
  List,
  type Table,
  Table as ArrowTable,
  tableFromIPC,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { assertEquals } from "@std/assert";
import { loadModel } from "../../model.ts";
import { resumeRun } from "../../mod.ts";
import { predict } from "../../src/commands/predict.ts";
import { createRandom } from "../../src/base/random.ts";
import { parseArguments } from "../../src/launch/command_line/arguments.ts";
import { readOptions } from "../../src/launch/command_line/options.ts";
import { evaluateRun } from "../../src/model/evaluation/evaluate_run.ts";
import { exportModel } from "../../src/model/export_model.ts";
import { openModel } from "../../src/model/load_model.ts";
import { ServeHandler } from "../../src/serve/handler.ts";
import { inputColumns } from "../../src/serve/input_columns.ts";
import type { NetName } from "../../src/stages/network.ts";
import { dataFolder, pluginApi, runFile } from "./pipelines.ts";
import { servedLogits } from "./serve_requests.ts";

/** A network with the data that it is trained on. */
export interface Subject {
  readonly name: string;
  /** Whether it is only trained by WebAssembly: graphs of TensorFlow take long to make. */
  readonly isQuick?: true;
  /** Writes `train.arrow` and `test.arrow` into a folder. */
  readonly write: (folder: string) => Promise<void>;
  /** The pipeline's parts: `data` without its sources, `network`, and losses of a net. */
  readonly data: Record<string, unknown>;
  readonly network: Record<string, unknown>;
  readonly loss: string;
}

/** A run, and what it said itself of its test rows. */
export interface TrainedRun {
  readonly name: string;
  readonly out: string;
  /** The code of the pipeline: a metric that keeps logits. */
  readonly allowPlugins: readonly string[];
  /** The test rows, as a file and as a table. */
  readonly input: string;
  readonly table: Table;
  /** The logits of the run's last evaluation, by net. */
  readonly logits: Readonly<Partial<Record<NetName, Float32Array>>>;
}

/** A way to get the logits of the test rows. */
export interface Way {
  readonly name: string;
  /** The nets for which it is tried: the way does not depend on the net. */
  readonly nets: readonly NetName[];
  readonly score: (run: TrainedRun, net: NetName) => Promise<Float32Array>;
}

async function writeDigits(folder: string): Promise<void> {
  for (const [name, rows] of [["train", 64], ["test", 40]] as const) {
    const all = tableFromIPC(await Deno.readFile(join(dataFolder, `digits-${name}.arrow`)));
    await Deno.writeFile(join(folder, `${name}.arrow`), tableToIPC(all.slice(0, rows), "file"));
  }
}

/** Rows with every sort of column that `ctr` reads; the test rows have values that training lacks. */
function clickRows(seed: number, count: number): Table {
  const random = createRandom(seed);
  const pick = <T>(values: readonly T[]) => values[random.integer(0, values.length - 1)]!;
  const column = <T>(make: () => T) => Array.from({ length: count }, make);
  const items = ["apple", "berry", "cherry", "date", `only ${seed}`];
  const list = new List(new Field("item", new Utf8(), true));
  return new ArrowTable({
    city: vectorFromArray(column(() => pick(["Rome", "Oslo", "Bönn", `of ${seed}`])), new Utf8()),
    item: vectorFromArray(column(() => pick(items)), new Utf8()),
    seen: vectorFromArray(
      column(() => Array.from({ length: random.integer(0, 6) }, () => pick(items))),
      list,
    ),
    shelf: vectorFromArray(column(() => pick([7n, -1n, 9007199254740993n, 12n])), new Int64()),
    page: vectorFromArray(column(() => pick(["/", "/a", "/ä"])), new Utf8()),
    day: vectorFromArray(column(() => BigInt(random.integer(0, 7))), new Int64()),
    price: vectorFromArray(
      column(() => random.uniform() < 0.2 ? null : random.uniform() * 100),
      new Float64(),
    ),
    time: vectorFromArray(column(() => BigInt(1.7e9 + random.integer(0, 86_400))), new Int64()),
    y: vectorFromArray(column(() => BigInt(random.integer(0, 1))), new Int64()),
  });
}

async function writeClicks(folder: string): Promise<void> {
  for (const [name, seed, rows] of [["train", 1, 64], ["test", 2, 40]] as const) {
    const bytes = tableToIPC(clickRows(seed, rows), "file");
    await Deno.writeFile(join(folder, `${name}.arrow`), bytes);
  }
}

const digits = {
  write: writeDigits,
  data: {
    features: { image: { shape: [8, 8, 1] } },
    label: "digit",
    transforms: [{ use: "scale", by: 0.0625 }],
  },
  loss: "cross-entropy",
} as const;

const clicks = {
  write: writeClicks,
  data: {
    features: {
      city: { ids: "train" },
      item: { ids: { train: true, minCount: 2 } },
      seen: { length: 4, ids: { of: "item" } },
      viewed: { column: "seen", length: 3, ids: { hash: 7 } },
      shelf: { ids: "train" },
      page: { ids: { hash: 5 } },
      day: { ids: { count: 8 } },
      price: { nulls: "mean" },
      time: {},
    },
    label: { column: "y", kind: "binary" },
    transforms: [{ use: "normalize", feature: ["price", "time"] }],
  },
  loss: "binary-cross-entropy",
} as const;

/** The networks, with every option. */
export const subjects: readonly Subject[] = [
  {
    name: "wide-resnet",
    ...digits,
    network: { use: "wide-resnet", light: { depth: 10 }, booster: { depth: 16, dropout: 0.1 } },
  },
  {
    name: "mlp",
    ...digits,
    network: { use: "mlp", shared: [16], light: [8], booster: [16, 8] },
  },
  {
    name: "ctr with shared layers",
    ...clicks,
    network: {
      use: "ctr",
      embedding: 4,
      features: {
        seen: { attention: { to: "item", hidden: [3], activation: "dice" } },
        viewed: { pooling: "sum", size: 2 },
      },
      shared: [6],
      light: { hidden: [3] },
      booster: { hidden: [6] },
      activation: "prelu",
      batchNorm: true,
      dropout: 0.1,
    },
  },
  {
    name: "ctr with separate layers",
    isQuick: true,
    ...clicks,
    network: {
      use: "ctr",
      sharing: "separate",
      embedding: 3,
      features: {
        seen: { attention: { to: "item", hidden: [2] } },
        viewed: { pooling: "mean" },
      },
      light: { hidden: [3] },
      booster: { hidden: [6] },
      activation: "dice",
    },
  },
  {
    name: "deepfm",
    isQuick: true,
    ...clicks,
    network: {
      use: "deepfm",
      embedding: 3,
      features: {
        seen: { attention: { to: "item", hidden: [2] } },
        viewed: { pooling: "sum" },
      },
      light: { hidden: [3] },
      booster: { hidden: [6, 3] },
      activation: "prelu",
      batchNorm: true,
    },
  },
  {
    name: "dcn-v2",
    isQuick: true,
    ...clicks,
    network: {
      use: "dcn-v2",
      embedding: 3,
      structure: "parallel",
      features: { viewed: { size: 2 } },
      light: { cross: 1, rank: 2, hidden: [3] },
      booster: { cross: 2, hidden: [6] },
      dropout: 0.1,
    },
  },
  {
    name: "pair",
    isQuick: true,
    ...clicks,
    network: {
      light: { use: "ctr", embedding: 3, light: { hidden: [3] }, dropout: 0.1 },
      booster: { use: "deepfm", embedding: 3, booster: { hidden: [6] }, batchNorm: true },
      share: ["embedding/item", "embedding/city"],
      features: { light: ["city", "item", "seen", "price"] },
    },
  },
];

const keeper = `
import { defineMetric, z } from "${pluginApi}";
export default defineMetric({
  name: "keep",
  summary: "Keeps the logits of the last evaluation.",
  per: "run",
  options: z.object({}),
  create: () => ({
    start() {
      const kept = {};
      return {
        add({ nets }) {
          for (const [net, { logits }] of Object.entries(nets)) {
            (kept[net] ??= []).push(...logits.values);
          }
        },
        value() {
          globalThis.keptLogits = kept;
          return 0;
        },
      };
    },
  }),
});
`;

/** The logits that the metric has kept. */
function kept(): Partial<Record<NetName, Float32Array>> {
  const { keptLogits } = globalThis as { keptLogits?: Partial<Record<NetName, number[]>> };
  return Object.fromEntries(
    Object.entries(keptLogits!).map(([net, logits]) => [net, Float32Array.from(logits)]),
  );
}

/**
 * Trains a network: in bfloat16 where the processor has it, resumed; and from the weights of that
 * run, in phases.
 *
 * @param folder A folder to work in.
 * @param subject The network.
 * @param engine The engine, which is open.
 */
export async function* trainedRuns(
  folder: string,
  { name, write, data, network, loss }: Subject,
  engine: "native" | "wasm",
): AsyncGenerator<TrainedRun> {
  await write(folder);
  const plugin = join(folder, "keep.ts"), input = join(folder, "test.arrow");
  await Deno.writeTextFile(plugin, keeper);
  const source = (path: string) => ({ use: "arrow", path });
  const pipeline = {
    name: "equality",
    data: { train: source("train.arrow"), test: source("test.arrow"), ...data },
    network,
    losses: [{ use: loss, on: "light" }, { use: loss, on: "booster" }, { use: "mse-hint" }],
    optimizer: { use: "adam", learningRate: 0.01 },
    train: { epochs: 1, batch: 32 },
    metrics: [{ use: "./keep.ts" }],
    outputs: ["checkpoint"],
  };
  const train = async (run: string, parts: object, precision: "float32" | "bfloat16") => {
    const file = join(folder, `${run}.json`), out = join(folder, run);
    await Deno.writeTextFile(file, JSON.stringify({ ...pipeline, ...parts }));
    await runFile(file, out, engine, {}, { precision });
    return out;
  };
  const run = async (what: string, out: string): Promise<TrainedRun> => ({
    name: `${name}, ${what}`,
    out,
    allowPlugins: [plugin],
    input,
    table: tableFromIPC(await Deno.readFile(input)),
    logits: kept(),
  });
  const precision = engine === "native" ? "bfloat16" : "float32";
  const first = await train("first", {}, precision);
  await resumeRun(first, { quiet: true, set: ["train.epochs=2"], allowPlugins: [plugin] });
  yield await run(`trained in ${precision} and resumed`, first);
  const second = await train("second", {
    network: { ...network, initial: { run: "first" } },
    losses: undefined,
    train: { batch: 32 },
    phases: [
      { name: "teacher", epochs: 1, losses: [{ use: loss, on: "booster" }] },
      {
        name: "student",
        epochs: 1,
        losses: [{ use: loss, on: "light" }, { use: loss, on: "booster" }],
      },
    ],
  }, "float32");
  yield await run("trained from initial weights, with phases", second);
}

/** Loads a run or an export, and asks for all rows at once. */
async function loaded(
  folder: string,
  { table }: TrainedRun,
  options: Parameters<typeof loadModel>[1],
): Promise<Float32Array> {
  await using model = await loadModel(folder, options);
  return (await model.predict(table)).logits;
}

const last = { checkpoint: "last" } as const;

const both: readonly NetName[] = ["light", "booster"];

const exported = (inputs: "columns" | "ids"): Way => ({
  name: `the ONNX file of export, with ${inputs} as inputs`,
  nets: ["light"],
  async score(run, net) {
    const to = join(run.out, `${inputs}-${net}`);
    await exportModel(run.out, to, { net, inputs, engine: "wasm", ...last });
    return await loaded(to, run, {});
  },
});

/** The ways to score rows. */
export const ways: readonly Way[] = [
  {
    name: "loadModel()",
    nets: both,
    score: (run, net) => loaded(run.out, run, { net, ...last }),
  },
  ...(["native", "wasm"] as const).map((engine): Way => ({
    name: `loadModel() with the engine ${engine}`,
    nets: both,
    score: (run, net) => loaded(run.out, run, { net, engine, ...last }),
  })),
  {
    name: "loadModel() with rows as objects",
    nets: ["light"],
    async score({ out, table }, net) {
      await using model = await loadModel(out, { net, ...last });
      const rows = table.toArray().map((row) => {
        const values = row!.toJSON();
        return Object.fromEntries(
          Object.entries(values).map(([name, value]) => [
            name,
            // Lists of rows are arrays.
            typeof value === "object" && value !== null ? [...value as Iterable<unknown>] : value,
          ]),
        );
      });
      return (await model.predict(rows)).logits;
    },
  },
  {
    name: "predict",
    nets: ["booster"],
    async score({ out, input }, net) {
      const scores = join(out, "scores.arrow");
      const parsed = parseArguments([
        ...["predict", out, input, "--out", scores, "--logits"],
        ...["--net", net, "--checkpoint", "last", "--quiet"],
      ]);
      await predict(parsed.words.slice(1), readOptions(parsed));
      const table = tableFromIPC(await Deno.readFile(scores));
      const columns = table.schema.fields.filter(({ name }) => /^logit/.test(name))
        .map(({ name }) => table.getChild(name)!);
      return Float32Array.from(
        { length: table.numRows * columns.length },
        (_, at) => columns[at % columns.length]!.get(Math.floor(at / columns.length)),
      );
    },
  },
  {
    name: "evaluate",
    nets: both,
    async score({ out, allowPlugins }, net) {
      await evaluateRun(out, { ...last, allowPlugins }, () => {});
      return kept()[net]!;
    },
  },
  {
    name: "serve",
    nets: both,
    async score({ out, table }, net) {
      const { loaded, model } = await openModel(out, { net, ...last, threads: 1 });
      await using _ = loaded;
      const fault = (error: unknown) => {
        throw error;
      };
      const handler = new ServeHandler({ name: "net", loaded, model }, fault);
      const [rows] = table.batches, columns = inputColumns(model);
      const answers = await servedLogits(handler, "net", rows!, columns);
      const [json, binary, arrow] = [answers.json, answers.binary, answers.arrow].map((logits) =>
        Float32Array.from(logits, Number)
      );
      assertEquals(binary, json, "binary data");
      assertEquals(arrow, json, "Arrow");
      return json!;
    },
  },
  exported("columns"),
  exported("ids"),
];
