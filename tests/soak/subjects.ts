import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { convert } from "../../data/convert.ts";
import { loadDuckdb } from "../../plugins/sources/duckdb.ts";

/** A pipeline that the soak test trains repeatedly. */
export interface Subject {
  /** The name in the report. */
  readonly name: string;
  /** The engine to train with. */
  readonly engine: "native" | "wasm";
  /** The precision of training steps. */
  readonly precision: "float32" | "bfloat16";
  /** The content of the pipeline file. */
  readonly pipeline: Readonly<Record<string, unknown>>;
}

/** The number of steps between checkpoints. */
export const EVERY_STEPS = 7;

/** The names of all subjects. */
export const subjectNames: readonly string[] = [
  "mlp",
  "phases",
  "resnet",
  "ctr",
  "by-rows",
  "images",
  "images-by-rows",
  "windows-arrow",
  "windows-parquet",
].flatMap((name) => [`${name}-native`, `${name}-wasm`]).concat("resnet-bfloat16-native");

/**
 * Creates the pipelines of a soak test and their data.
 *
 * @param names Some of {@linkcode subjectNames}.
 * @param folder The folder for generated data.
 */
export async function makeSubjects(names: readonly string[], folder: string): Promise<Subject[]> {
  if (names.some((name) => /^(ctr|windows)/.test(name))) {
    await makeRows(join(folder, "clicks"), clickRows);
  }
  if (names.some((name) => name.startsWith("images"))) {
    await makeRows(join(folder, "images"), imageRows);
  }
  return names.map((name) => {
    const [, kind, bfloat16, engine] = /^(.*?)(-bfloat16)?-(native|wasm)$/.exec(name)!;
    return {
      name,
      engine: engine as Subject["engine"],
      precision: bfloat16 ? "bfloat16" : "float32",
      pipeline: pipelines[kind!]!(folder),
    };
  });
}

const outputs = [{ use: "checkpoint", everySteps: EVERY_STEPS }];

const digits = {
  train: { use: "arrow", path: dataFile("digits-train.arrow") },
  test: { use: "arrow", path: dataFile("digits-test.arrow") },
  features: { image: { shape: [8, 8, 1] } },
  label: "digit",
};

const classLosses = [
  { use: "cross-entropy", on: "light" },
  { use: "cross-entropy", on: "booster" },
  { use: "mse-hint", from: "booster.logits", to: "light.logits", weight: 0.03 },
];

const mlp = { use: "mlp", shared: [32], light: [16], booster: [64] };

const pipelines: Readonly<Record<string, (folder: string) => Subject["pipeline"]>> = {
  /** Rows in memory with random augmentation, and a second job with the light net alone. */
  mlp: () => ({
    name: "soak-mlp",
    seed: 3,
    data: {
      ...digits,
      split: { validation: 0.1 },
      transforms: [
        { use: "scale", by: 0.0625 },
        { use: "random-crop", pad: 1 },
        { use: "horizontal-flip" },
      ],
    },
    network: mlp,
    losses: classLosses,
    optimizer: { use: "adam", learningRate: 0.003 },
    train: { epochs: 5, batch: 64, baseline: "light-alone", select: "light/accuracy" },
    metrics: ["accuracy", "loss"],
    outputs,
  }),
  /** A booster in the first phase, and then a light net that learns from the best epoch. */
  phases: () => ({
    name: "soak-phases",
    seed: 8,
    data: {
      ...digits,
      split: { validation: 0.1 },
      transforms: [{ use: "scale", by: 0.0625 }],
    },
    network: { ...mlp, shared: [] },
    optimizer: { use: "sgd", learningRate: 0.05, momentum: 0.9, schedule: "cosine" },
    phases: [
      { name: "booster", epochs: 3, losses: [{ use: "cross-entropy", on: "booster" }] },
      {
        name: "light",
        freeze: ["booster"],
        from: "best",
        losses: [{ use: "knowledge-distillation", temperature: 4, alpha: 0.9 }],
      },
    ],
    train: { epochs: 3, batch: 64 },
    metrics: ["accuracy", "loss"],
    outputs,
  }),
  /** Running statistics of batch norm, and a changing learning rate. */
  resnet: () => ({
    name: "soak-resnet",
    seed: 4,
    data: { ...digits, transforms: [{ use: "scale", by: 0.0625 }] },
    network: {
      use: "wide-resnet",
      light: { depth: 10, width: 1 },
      booster: { depth: 16, width: 1 },
    },
    losses: classLosses,
    optimizer: {
      use: "sgd",
      learningRate: 0.05,
      momentum: 0.9,
      schedule: { use: "steps", at: [1], by: 0.2 },
    },
    train: { epochs: 2, batch: 64 },
    metrics: ["accuracy"],
    outputs,
  }),
  /** Embedding tables with Adam's slots, so checkpoints have 12 MB. */
  ctr: (folder) => clicks(folder, "clicks.arrow", "arrow", {}, 60_000),
  /** Data that does not fit in memory and is read row by row. */
  "by-rows": () => ({
    name: "soak-by-rows",
    seed: 5,
    data: {
      ...digits,
      memory: "10kB",
      split: { validation: 0.1 },
      transforms: [{ use: "normalize" }, { use: "random-crop", pad: 1 }],
    },
    network: mlp,
    losses: classLosses,
    optimizer: { use: "sgd", learningRate: 0.05, momentum: 0.9 },
    train: { epochs: 4, batch: 64 },
    metrics: ["accuracy"],
    outputs,
  }),
  /** Batches that take so long to make that an input thread starts after a while. */
  images: (folder) => images(folder, {}),
  "images-by-rows": (folder) => images(folder, { memory: "1MB" }),
  /** Data with lists of any length, which is read in windows. */
  "windows-arrow": (folder) => clicks(folder, "clicks.arrow", "arrow", { memory: "40kB" }, 500),
  "windows-parquet": (folder) =>
    clicks(folder, "clicks.parquet", "parquet", { memory: "40kB" }, 500),
};

function images(folder: string, data: Readonly<Record<string, unknown>>): Subject["pipeline"] {
  const source = { use: "arrow", path: join(folder, "images.arrow") };
  return {
    name: "soak-images",
    seed: 7,
    data: {
      ...{ train: source, test: source },
      features: { image: { shape: [64, 64, 3] } },
      label: { column: "class", classes: 4 },
      transforms: [
        { use: "normalize" },
        { use: "random-crop", pad: 4 },
        { use: "horizontal-flip" },
        { use: "crop", to: [16, 16] },
      ],
      ...data,
    },
    network: mlp,
    losses: classLosses,
    optimizer: { use: "sgd", learningRate: 0.01, momentum: 0.9 },
    train: { epochs: 6, batch: 64 },
    metrics: ["accuracy"],
    outputs,
  };
}

function clicks(
  folder: string,
  file: string,
  use: string,
  data: Readonly<Record<string, unknown>>,
  size: number,
): Subject["pipeline"] {
  const source = { use, path: join(folder, file) };
  return {
    name: "soak-clicks",
    seed: 6,
    data: {
      train: source,
      test: source,
      features: {
        user: { ids: { hash: size } },
        item: { ids: { hash: 100 } },
        tags: { ids: { hash: 50 }, length: 3 },
        price: {},
      },
      label: { column: "clicked", kind: "binary" },
      transforms: [{ use: "normalize" }],
      ...data,
    },
    network: {
      use: "ctr",
      embedding: 16,
      booster: { hidden: [64, 32] },
      light: { hidden: [16] },
      batchNorm: true,
      dropout: 0.2,
    },
    losses: [
      { use: "binary-cross-entropy", on: "light" },
      { use: "binary-cross-entropy", on: "booster" },
      { use: "mse-hint", from: "booster.logits", to: "light.logits", gradient: "block" },
    ],
    optimizer: { use: "adam", learningRate: 0.002 },
    train: { epochs: 3, batch: 128 },
    metrics: ["auc", "log-loss"],
    outputs,
  };
}

/** A query for users, items, lists of tags, and prices. */
const clickRows = `SELECT (i * 7919 % 1999)::INTEGER AS "user", (i * 104729 % 97)::INTEGER AS item,
    list_slice([i % 41, i % 13, i % 7], 1, i % 4)::INTEGER[] AS tags,
    ((i * 31 % 1000) / 1000)::FLOAT AS price,
    ((i * 7919 % 1999 + i * 104729 % 97) % 3 = 0)::TINYINT AS clicked
  FROM range(3000) AS rows(i)`;

/** A query for images of 64 × 64 × 3 values whose brightness increases with the class. */
const imageRows = `SELECT
    list_transform(range(12288), lambda p: (i % 4) * 40 + (i * 31 + p * 17) % 50)
      ::UTINYINT[12288] AS image,
    (i % 4)::UTINYINT AS class
  FROM range(640) AS rows(i)`;

/** Writes the result of a query as a Parquet file and an Arrow file. */
async function makeRows(path: string, query: string): Promise<void> {
  const parquet = `${path}.parquet`;
  const { DuckDBInstance } = (await loadDuckdb()).api;
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const to = parquet.replaceAll("'", "''");
  await connection.run(`COPY (${query}) TO '${to}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
  connection.closeSync();
  instance.closeSync();
  await convert({ from: parquet, to: `${path}.arrow`, batchRows: 256 });
}

function dataFile(name: string): string {
  return fileURLToPath(new URL(`../../data/${name}`, import.meta.url));
}
