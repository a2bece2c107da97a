/**
 * The trained nets of the rows for inference: a wide residual net for images and a net for clicks.
 * Each is trained for one epoch, exported for the peers, and kept in bench/.nets/.
 *
 * @module
 */

import {
  type Data,
  Field,
  FixedSizeList,
  Float32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ArrowFileWriter } from "../src/base/files/arrow_writer.ts";
import { createRandom, type Random } from "../src/base/random.ts";
import { openProject } from "../src/launch/project.ts";
import { exportModel } from "../src/model/export_model.ts";
import { runPipeline } from "../src/run/run_pipeline.ts";

/** The names of the nets. */
export type BenchNet = "image" | "ctr";

/** The columns of clicks: how many values each has, and whether they are texts. */
const COLUMNS: readonly (readonly [name: string, values: number, prefix?: string])[] = [
  ...[["user", 100_000, "u"], ["item", 50_000], ["category", 1000, "cat-"]] as const,
  ...[["brand", 10_000, "brand "], ["city", 500, "city"], ["hour", 24]] as const,
  ...[["device", 4, "device"], ["campaign", 2000]] as const,
];

/** The rows that are trained with, and those that are scored. */
const TRAINED = 100_000, SCORED = 1_000_000, BATCH = 65_536;

const losses = (task: string) => [{ use: task, on: "light" }, { use: task, on: "booster" }, {
  use: "mse-hint",
}];

const networks = {
  image: { use: "wide-resnet", light: { depth: 16 }, booster: { depth: 22 } },
  ctr: { use: "ctr", embedding: 16, light: { hidden: [64, 32] }, booster: { hidden: [128] } },
};

/**
 * Returns the folder of a net, which is made on first use: the run in `run`, its exports in `onnx`,
 * `ids` and `saved-model`, and `score.arrow`, the rows to score. Another process makes it, so that
 * training takes no memory and leaves no threads in the process that is measured.
 *
 * @param net The net.
 * @throws {Error} If it cannot be made.
 */
export async function folderOfNet(net: BenchNet): Promise<string> {
  const folder = fileURLToPath(new URL(`.nets/${net}`, import.meta.url));
  if (existsSync(join(folder, "done"))) return folder;
  const { flags } = await openProject(fileURLToPath(new URL("../", import.meta.url)));
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", ...flags, fileURLToPath(import.meta.url), net, folder],
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`the net ${net} cannot be made`);
  return folder;
}

async function makeNet(net: BenchNet, folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  const image = net === "image";
  writeRows(join(folder, "train.arrow"), net, image ? 64 : TRAINED, 1);
  if (!image) writeRows(join(folder, "score.arrow"), net, SCORED, 2);
  const names = image ? [] : COLUMNS.map(([name]) => name);
  const pipeline = {
    name: net,
    data: {
      train: { use: "arrow", path: "train.arrow" },
      test: { use: "arrow", path: "train.arrow" },
      features: image
        ? { image: { shape: [32, 32, 3] } }
        : Object.fromEntries(names.map((name) => [name, { ids: "train" }])),
      label: { column: "label", kind: image ? "class" : "binary" },
    },
    network: networks[net],
    losses: losses(image ? "cross-entropy" : "binary-cross-entropy"),
    optimizer: { use: "sgd", learningRate: 0.01 },
    train: { epochs: 1, batch: image ? 32 : 1024 },
    outputs: ["checkpoint"],
  };
  const file = join(folder, "pipeline.json"), run = join(folder, "run");
  await Deno.writeTextFile(file, JSON.stringify(pipeline));
  await runPipeline(file, { out: run, engine: "native", quiet: true });
  await exportModel(run, join(folder, "onnx"), { format: "onnx" });
  await exportModel(run, join(folder, "ids"), { format: "onnx", inputs: "ids" });
  await exportModel(run, join(folder, "saved-model"), { format: "saved-model", inputs: "ids" });
  await Deno.writeTextFile(join(folder, "done"), "");
}

function writeRows(path: string, net: BenchNet, rows: number, seed: number): void {
  const random = createRandom(seed);
  let writer: ArrowFileWriter | undefined;
  for (let start = 0; start < rows; start += BATCH) {
    const length = Math.min(BATCH, rows - start);
    const columns = net === "image" ? imageColumns(random, length) : clickColumns(random, length);
    const schema = new Schema(columns.map(({ name, data }) => new Field(name, data.type, false)));
    writer ??= new ArrowFileWriter(path, schema);
    const type = new Struct(schema.fields), children = columns.map(({ data }) => data);
    writer.write(new RecordBatch(schema, makeData({ type, length, nullCount: 0, children })));
  }
  writer?.finish();
}

interface NamedData {
  readonly name: string;
  readonly data: Data;
}

function imageColumns(random: Random, length: number): NamedData[] {
  const size = 32 * 32 * 3;
  const data = Float32Array.from({ length: length * size }, () => random.uniform() - 0.5);
  const type = new FixedSizeList(size, new Field("item", new Float32(), false));
  const child = makeData({ type: new Float32(), length: data.length, nullCount: 0, data });
  return [
    { name: "image", data: makeData({ type, length, nullCount: 0, child }) },
    { name: "label", data: labels(random, length, 10) },
  ];
}

function clickColumns(random: Random, length: number): NamedData[] {
  const columns = COLUMNS.map(([name, values, prefix]) => {
    // A few values are frequent, and most are rare.
    const drawn = Array.from({ length }, () => Math.floor(values * random.uniform() ** 4));
    const data = prefix === undefined
      ? wholeNumbers(drawn)
      : vectorFromArray(drawn.map((value) => prefix + value), new Utf8()).data[0]!;
    return { name, data };
  });
  return [...columns, { name: "label", data: labels(random, length, 2) }];
}

const labels = (random: Random, length: number, classes: number) =>
  wholeNumbers(
    Array.from({ length }, (_, row) => row < classes ? row : random.integer(0, classes - 1)),
  );

const wholeNumbers = (values: readonly number[]): Data =>
  makeData({
    type: new Int64(),
    length: values.length,
    nullCount: 0,
    data: BigInt64Array.from(values, BigInt),
  });

if (import.meta.main) {
  const [net, folder] = Deno.args as [BenchNet, string];
  await makeNet(net, folder);
}
