import { join } from "node:path";
import { encodeSafetensors } from "../../src/base/files/safetensors.ts";
import type { Case } from "./pipeline_cases.ts";

/** A pipeline and its data. */
interface Input {
  /** The columns of a row by name. */
  readonly row: (index: number, split: "train" | "test") => Readonly<Record<string, unknown>>;
  /** How many training rows there are; 64 by default. */
  readonly rows?: number;
  /** Parts of the pipeline file, in the place of the usual ones. */
  readonly features?: string;
  readonly label?: string;
  readonly data?: string;
  readonly network?: string;
  readonly initial?: string | undefined;
  readonly train?: string;
  readonly losses?: string;
  /** Files beside the pipeline and its data. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** The rows of a run that has come before, in the folder `earlier`. */
  readonly earlier?: Input["row"];
}

/** A pipeline that deserves a warning, and one much like it that does not. */
interface Pair {
  readonly name: string;
  readonly deserves: Input;
  /** What is said, and at which line and column. */
  readonly words: string;
  readonly at: string;
  /** What is different where nothing is said. */
  readonly similar: Partial<Input>;
  /**
   * The hint that a person follows who writes the files so, or what else that person changes, by
   * hint.
   */
  readonly mends?: string | Case["mended"];
}

/** A number in [−1, 1) that looks random. */
const noise = (index: number, salt = 0) =>
  Math.sin(index * 12.9898 + salt * 78.233) * 43758.5453 % 1;

const plain: Input["row"] = (index) => ({ x: noise(index), y: index % 2 });

const pairs: readonly Pair[] = [
  {
    name: "a feature is read from the label's column",
    deserves: { row: plain, features: "{ x: , told: { column: y } }" },
    words:
      "the feature told is read from the label's column: the nets can read the label that they should predict",
    at: "7:26",
    similar: { features: "{ x: , told: { column: x } }" },
  },
  {
    name: "a feature with another name has the label's values",
    deserves: {
      row: (index) => ({ x: noise(index), z: index % 2, y: index % 2 }),
      features: "{ x: , z: }",
    },
    words: "the feature z equals the label in every sampled row",
    at: "7:23",
    similar: {
      row: (index) => ({ x: noise(index), z: (index * index + index >> 1) % 2, y: index % 2 }),
    },
  },
  {
    name: "a feature with another name has the label's strings",
    deserves: {
      row: (index) => ({ x: noise(index), z: "abc"[index % 3], y: "abc"[index % 3] }),
      features: "{ x: , z: { ids: { train: true, minCount: 1 } } }",
      network: ctr(),
    },
    words: "the feature z equals the label",
    at: "7:23",
    similar: { row: (index) => ({ x: noise(index), z: "abc"[index % 2], y: "abc"[index % 3] }) },
  },
  {
    name: "the test split has one class",
    deserves: { row: (index, split) => ({ x: noise(index), y: split === "test" ? 1 : index % 2 }) },
    words:
      "all 16 rows of the test split have the class 1, so metrics on this split cannot compare nets",
    at: "6:9",
    mends: "warning/one-class",
    similar: {
      row: (index, split) => ({ x: noise(index), y: split === "test" ? +(index > 0) : index % 2 }),
    },
  },
  {
    name: "the training split has one class",
    deserves: {
      row: (index, split) => ({ x: noise(index), y: split === "test" ? index % 2 : 1 }),
      label: "{ column: y, classes: 2 }",
    },
    words: "all 64 rows of the train split have the class 1",
    at: "5:10",
    mends: "warning/one-class",
    similar: { row: plain },
  },
  {
    name: "a class has no training rows",
    deserves: {
      row: (index) => ({ x: noise(index), y: "ac"[index % 2] }),
      label: "{ column: y, classes: [a, b, c] }",
    },
    words: "the class b has no training rows",
    at: "8:10",
    mends: "warning/class-without-rows",
    similar: { row: (index) => ({ x: noise(index), y: "abc"[index % 3] }) },
  },
  {
    name: "a class has rows that are not trained on",
    deserves: {
      row: (index) => ({ x: noise(index), y: index === 5 ? 2 : index % 2 }),
      rows: 64,
      data: "rows: 8",
    },
    words: "the class 2 has no training rows",
    at: "8:10",
    similar: { data: "rows: 64" },
  },
  {
    name: "all training rows have the weight 0",
    deserves: {
      row: (index, split) => ({ x: noise(index), y: index % 2, w: split === "test" ? 1 : 0 }),
      data: "weight: w",
    },
    words:
      "all 64 rows of the train split have the weight 0 in the column w: the nets learn nothing",
    at: "9:11",
    similar: { row: (index) => ({ x: noise(index), y: index % 2, w: +(index === 9) }) },
  },
  {
    name: "features differ in range",
    deserves: {
      row: (index) => ({ x: 1e-4 * noise(index), income: noise(index, 1), y: index % 2 }),
      features: "{ x: , income: }",
    },
    words: "the values of the feature income have a range of 1.89, but those of x only 2.0e-4",
    at: "7:28",
    similar: {
      row: (index) => ({ x: 1e-2 * noise(index), income: noise(index, 1), y: index % 2 }),
    },
  },
  {
    name: "one of three features differs in range after transforms",
    deserves: {
      row: (index) => ({ x: noise(index), a: noise(index), b: 1e7 * noise(index), y: index % 2 }),
      features: "{ x: , a: , b: }",
      data: "transforms: [{ use: scale, by: 1.0e-7 }]",
    },
    words: "but those of x only",
    at: "7:28",
    similar: { data: "transforms: [{ use: scale, by: 1.0e-7, feature: b }]" },
  },
  {
    name: "more than half of the values of a vocabulary occur once",
    deserves: {
      row: (index, split) => ({
        x: noise(index),
        user: split === "test" || index < 20 ? "u" : `u${index}`,
        y: index % 2,
      }),
      features: "{ x: , user: { ids: { train: true, minCount: 1 } } }",
      network: ctr(),
    },
    words: "44 of the 45 values of the feature user occur only once in the training rows",
    at: "7:26",
    similar: {
      row: (index) => ({ x: noise(index), user: `u${index >> 1}`, y: index % 2 }),
    },
  },
  {
    name: "more than half of the values of a text occur once",
    deserves: {
      row: (index, split) => ({
        x: noise(index),
        word: split === "test" ? "w9" : `w${index}`,
        y: index % 2,
      }),
      features: "{ x: , word: }",
      data: "transforms: [{ use: one-hot, feature: word }]",
    },
    words: "64 of the 64 values of the feature word occur only once in the training rows",
    at: "7:26",
    similar: { row: (index) => ({ x: noise(index), word: `w${index % 16}`, y: index % 2 }) },
  },
  {
    name: "a text that differs in each row is a feature because all other columns are",
    deserves: {
      row: (index, split) => ({
        x: noise(index),
        word: split === "test" ? "w9" : `w${index}`,
        y: index % 2,
      }),
      features: "rest",
      data: "prepare: auto\n  nulls: median",
    },
    words: "64 of the 65 values of the feature word occur only once in the training rows",
    at: "7:13",
    similar: { row: (index) => ({ x: noise(index), word: `w${index % 16}`, y: index % 2 }) },
  },
  {
    name: "no training row has the id for unknown values",
    deserves: {
      row: (index, split) => ({
        x: noise(index),
        item: index === 3 ? `${split}'s own` : index >> 2 & 3,
        y: index % 2,
      }),
      features: "{ x: , item: { ids: train } }",
      network: ctr(),
    },
    words:
      "no training row has the id for unknown values of item, so the embedding of this id is not trained, but the test split has unknown values",
    at: "7:33",
    similar: { features: "{ x: , item: { ids: { train: true, minCount: 2 } } }" },
  },
  {
    name: "none of the listed values occurs",
    deserves: {
      row: (index) => ({ x: noise(index), color: ["Red", "Blue"][index >> 1 & 1], y: index % 2 }),
      features: "{ x: , color: { ids: [red, blue] } }",
      network: ctr(),
    },
    words: "none of the 2 values in `ids` of the feature color occurs in the training rows",
    at: "7:34",
    similar: { features: "{ x: , color: { ids: [red, Blue] } }" },
  },
  {
    name: "most ids of the test split are unknown",
    deserves: {
      row: (index, split) => ({ x: noise(index), item: `${split}${index >> 1 & 3}`, y: index % 2 }),
      features: "{ x: , item: { ids: { train: true, minCount: 1 } } }",
      network: ctr(),
    },
    words:
      "16 of 16 values of the feature item in the test split do not occur in the training rows",
    at: "7:26",
    similar: {
      row: (index, split) => ({
        x: noise(index),
        item: `${index < 8 ? "train" : split}${index >> 1 & 3}`,
        y: index % 2,
      }),
    },
  },
  {
    name: "the last batch is small for batch norm",
    deserves: {
      row: plain,
      rows: 67,
      network: ctr(", batchNorm: true"),
      train: "{ epochs: 1, batch: 32, lastBatch: keep }",
    },
    words: "the network ctr uses batch norm, but the last batch of an epoch has only 3 rows",
    at: "13:43",
    similar: { rows: 72 },
  },
  {
    name: "batches are small for batch norm",
    deserves: {
      row: plain,
      network: ctr(", batchNorm: true"),
      train: "{ epochs: 1, batch: 4 }",
    },
    words: "the network ctr uses batch norm, but a batch has only 4 rows",
    at: "13:28",
    similar: { network: ctr() },
  },
  {
    name: "there are few rows for batch norm",
    deserves: { row: plain, rows: 6, network: ctr(", batchNorm: true") },
    words: "but a batch has only 6 rows",
    at: "13:28",
    mends: "warning/few-rows",
    similar: { rows: 16 },
  },
  {
    name: "batch norm sees a small batch of groups",
    deserves: {
      row: (index) => ({ x: noise(index), user: index < 28 ? 1 : 2, y: index % 2 }),
      rows: 32,
      data: "group: user",
      network: ctr(", batchNorm: true"),
      train: "{ epochs: 1, batch: 28 }",
    },
    words: "a batch has only 4 rows, because data.group keeps groups together",
    at: "13:28",
    similar: { train: "{ epochs: 1, batch: 32 }" },
  },
  {
    name: "a loss compares the rows of users whose rows are in several batches",
    deserves: {
      row: (index) => ({ x: noise(index), user: index % 8, y: index % 2 }),
      losses: "[{ use: ranknet, on: light, by: user }]",
    },
    words: "compares rows of equal user, but batches do not keep them together",
    at: "11:17",
    similar: { data: "group: user" },
  },
  {
    name: "the first loss is large",
    deserves: { row: (index) => ({ x: 3e4 * noise(index), y: index % 2 }) },
    words:
      "but a uniform guess has the loss 0.693: the initial logits of the nets are far too large",
    at: "11:17",
    similar: { row: plain },
  },
  {
    name: "the first loss is large because initial weights are large",
    deserves: {
      row: plain,
      initial: "{ light: { file: w.safetensors } }",
      files: { "w.safetensors": lightNet(100) },
    },
    words: "the initial logits of the nets are far too large",
    at: "11:17",
    similar: { files: { "w.safetensors": lightNet(0.1) } },
  },
  {
    name: "the earlier run's vocabulary has none of the values",
    deserves: {
      row: (index) => ({ x: noise(index), user: `id${index % 4}`, y: index % 2 }),
      features: "{ x: , user: { ids: { train: true, minCount: 1 } } }",
      network: ctr(),
      initial: "{ run: earlier }",
      earlier: (index) => ({ x: noise(index), user: index % 4, y: index % 2 }),
    },
    words: "none of the values of user occurs in the vocabulary of",
    at: "10:95",
    similar: {
      earlier: (index) => ({ x: noise(index), user: `id${index % 5}`, y: index % 2 }),
    },
  },
  {
    name: "transforms are measured on other rows than in an earlier run",
    deserves: {
      row: (index) => ({ x: noise(index), y: index % 2 }),
      data: "transforms: [{ use: normalize }]",
      initial: "{ run: earlier }",
      earlier: (index) => ({ x: 2 + noise(index), y: index % 2 }),
    },
    words: "whose transforms were measured on other rows: after the transforms, x differs by 3.",
    at: "10:57",
    similar: { earlier: (index) => ({ x: 0.1 + noise(index), y: index % 2 }) },
    mends: {
      "warning/shifted-inputs": {
        files: {
          "p.yaml": (text) => text.replace("use: normalize", "use: normalize, mean: 2, std: 0.6"),
        },
      },
    },
  },
  {
    name: "the label has large numbers",
    deserves: {
      row: (index) => ({ x: noise(index), y: 25000 + 1000 * noise(index) }),
      label: "{ column: y, kind: number }",
      losses: "[{ use: mean-squared-error, on: light }]",
    },
    words:
      "the values of the label y are about 25,000, and the loss mean-squared-error needs small values",
    at: "8:10",
    similar: { row: (index) => ({ x: noise(index), y: 2.5 + 0.1 * noise(index) }) },
    mends: "warning/large-label",
  },
  {
    name: "an earlier run divided the same rows differently",
    deserves: {
      row: plain,
      data: "split: { validation: 0.25, seed: 2 }",
      initial: "{ run: earlier }",
      earlier: plain,
      files: earlierPipeline((text) => text, "split: { validation: 0.25, seed: 3 }"),
    },
    words:
      "which divided the same rows differently: its training rows include validation rows of this run, whose metrics will be too good",
    at: "10:57",
    similar: { data: "split: { validation: 0.25, seed: 3 }" },
  },
  {
    name: "an earlier run was trained on the test rows",
    deserves: {
      row: plain,
      initial: "{ run: earlier }",
      earlier: plain,
      files: earlierPipeline((text) => text.replace("path: train.csv", "path: test.csv")),
    },
    words: "whose training rows include test rows of this run, whose metrics will be too good",
    at: "10:57",
    similar: { files: earlierPipeline((text) => text) },
    mends: {
      "warning/trained-rows": {
        files: { "test.csv": (text) => text.replace("\n", "\n0.25,1\n") },
      },
    },
  },
];

/** A light net whose logits are as large as its head's weights. */
function lightNet(kernel: number): Uint8Array {
  const tensor = (shape: readonly number[], value: number) => ({
    shape,
    values: new Float32Array(shape.reduce((size, length) => size * length, 1)).fill(value),
  });
  return encodeSafetensors(
    new Map([
      ["light/dense1/kernel", tensor([1, 4], 1)],
      ["light/dense1/bias", tensor([4], 1)],
      ["light/head/kernel", {
        shape: [4, 2],
        values: Float32Array.from([0, 1, 2, 3, 4, 5, 6, 7], (index) => kernel * (index % 2)),
      }],
      ["light/head/bias", tensor([2], 0)],
    ]),
  );
}

/** The pipeline of a run that has come before, which reads the same rows. */
function earlierPipeline(
  change: (text: string) => string,
  data = "",
): Record<string, Uint8Array> {
  return { "earlier.yaml": new TextEncoder().encode(change(pipelineOf({ row: plain, data }))) };
}

function ctr(options = ""): string {
  return `{ use: ctr, light: { hidden: [4] }, booster: { hidden: [8] }, embedding: 2${options} }`;
}

/**
 * Pipelines that deserve warnings, each with one much like it that does not.
 *
 * @param folder A folder to make them in.
 */
export function* warningCases(folder: string): Iterable<Case> {
  for (const [number, { name, deserves, words, at, similar, mends }] of pairs.entries()) {
    const args = ["check", "--engine", "wasm", "p.yaml"];
    const before: Case["before"] = deserves.earlier && (async (run) => {
      await run(["run", "--engine", "wasm", "--quiet", "--out", "earlier", "earlier.yaml"]);
    });
    const own = (kind: string, input: Input) => {
      const path = join(folder, `${kind}${number}`);
      Deno.mkdirSync(path);
      for (const [name, content] of Object.entries(filesOf(input))) {
        const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
        Deno.writeFileSync(join(path, name), bytes);
      }
      return path;
    };
    yield {
      name: `warnings: ${name}`,
      args,
      before,
      folder: own("deserves", deserves),
      expected: { code: 0, at, words: [words], reports: true },
      mended: typeof mends !== "string"
        ? mends
        : { [mends]: { files: filesOf({ ...deserves, ...similar }) } },
    };
    yield {
      name: `warnings: not that ${name}`,
      args,
      before,
      folder: own("similar", { ...deserves, ...similar }),
      expected: { code: 0, words: [], reports: true },
    };
  }
}

function filesOf(input: Input): Record<string, string | Uint8Array> {
  return {
    "train.csv": csv(input.row, input.rows ?? 64, "train"),
    "test.csv": csv(input.row, 16, "test"),
    "p.yaml": pipelineOf(input),
    ...(input.earlier && {
      "earlier.csv": csv(input.earlier, 64, "train"),
      "earlier.yaml": pipelineOf({ ...input, initial: undefined }).replaceAll(
        /(train|test)\.csv/g,
        "earlier.csv",
      ),
    }),
    ...input.files,
  };
}

function csv(row: Input["row"], rows: number, split: "train" | "test"): string {
  const all = Array.from({ length: rows }, (_, index) => row(index, split));
  const lines = all.map((columns) => Object.values(columns).join(","));
  return `${[Object.keys(all[0]!).join(","), ...lines].join("\n")}\n`;
}

function pipelineOf(
  {
    features = "{ x: }",
    label = "y",
    data = "",
    network = "{ use: mlp, light: [4], booster: [8] }",
    initial,
    train = "{ epochs: 1, batch: 32 }",
    losses = "[{ use: cross-entropy, on: light }]",
  }: Input,
): string {
  return `name: warned
seed: 1

data:
  train: { use: csv, path: train.csv }
  test: { use: csv, path: test.csv }
  features: ${features}
  label: ${label}
  ${data}
network: ${initial ? network.replace(/ }$/, `, initial: ${initial} }`) : network}
losses: ${losses}
optimizer: { use: sgd, learningRate: 0.1 }
train: ${train}
`;
}
