import { dirname, join } from "node:path";
import type { Mend } from "./changed_input.ts";
import type { Case } from "./pipeline_cases.ts";
import { arrowFile, type Column } from "./small_rows.ts";
import { root } from "../support/command_line.ts";

/** A command line that is wrong, in a folder of its own. */
interface CommandCase {
  /** What it proves; up to a colon, its group. */
  readonly name: string;
  readonly task?: "data";
  readonly args: readonly string[];
  readonly code: 1 | 2;
  readonly words: readonly string[];
  /** Files beside `p.yaml`, a pipeline that is right. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly mended?: Readonly<Record<string, Mend>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** A pipeline that nothing is wrong with. */
export const rightPipeline = `name: right
data:
  train: { use: arrow, path: ${root}data/digits-train.arrow }
  test: { use: arrow, path: ${root}data/digits-test.arrow }
  features: { image: { shape: [8, 8, 1] } }
  label: digit
  rows: 200
network: { use: mlp, light: [4], booster: [8] }
losses:
  - { use: cross-entropy, on: light }
  - { use: cross-entropy, on: booster }
  - { use: mse-hint, weight: 0.03 }
optimizer: { use: sgd, rate: 0.05 }
train: { epochs: 1, batch: 100 }
metrics: [accuracy]
outputs: []
`;

const check = ["check", "--engine", "wasm", "--quiet"];

/** Pipelines whose files a repository cannot hold, as they would mean something to Deno or be many. */
function* projectCases(): Iterable<CommandCase> {
  yield {
    name: "project: a list of modules that is none",
    args: [...check, "p.yaml"],
    code: 2,
    words: ["rocket.allowPlugins is no list"],
    files: { "deno.json": '{ "rocket": { "allowPlugins": "npm:their-stage" } }' },
    mended: {
      "code/list": {
        files: { "deno.json": '{ "rocket": { "allowPlugins": ["npm:their-stage@1"] } }' },
      },
    },
  };
  yield {
    name: "project: files that extend the same file twice, over and over",
    args: [...check, "f7.yaml"],
    code: 2,
    words: ["is made of more than 100 files"],
    files: Object.fromEntries(
      Array.from({ length: 7 }, (_, at) => [
        `f${at + 1}.yaml`,
        `extends: [${at === 0 ? "p.yaml, p.yaml" : `f${at}.yaml, f${at}.yaml`}]\n`,
      ]),
    ),
    mended: {
      "extends/many": {
        files: { "f7.yaml": "extends: f6.yaml\n", "f6.yaml": "extends: f5.yaml\n" },
      },
    },
  };
}

/** What a pipeline of a few rows says of its own. */
interface Rows {
  readonly columns?: Readonly<Record<string, Column>>;
  readonly features: string;
  readonly label?: string;
  readonly transforms?: string;
  readonly network?: string;
  readonly losses?: string;
  readonly metrics?: string;
}

/** Four rows: numbers, ids, a list of ids, text, and labels of two classes. */
const rows: Readonly<Record<string, Column>> = {
  n: ["float", [0, 1, 2, 3]],
  a: ["int", [0, 1, 2, 3]],
  b: ["int", [1, 1, 0, 2]],
  list: ["ints", [[0, 1], [1, 2], [2, 0], [1, 1]]],
  time: ["time", [0, 1, 2, 3].map((day) => new Date(1.7e12 + 864e5 * day))],
  word: ["text", ["x", "y", "x", "z"]],
  y: ["int", [0, 1, 0, 1]],
};

/** A pipeline of a few rows, which `check` refuses. */
function ofRows(
  name: string,
  code: 1 | 2,
  words: readonly string[],
  own: Rows,
  mended?: CommandCase["mended"],
): CommandCase {
  const pipeline = `name: rows
data:
  train: { use: arrow, path: rows.arrow }
  test: { use: arrow, path: rows.arrow }
  features: ${own.features}
  label: ${own.label ?? "{ column: y, kind: binary }"}
  transforms: ${own.transforms ?? "[]"}
network: ${own.network ?? "{ use: mlp, light: [4], booster: [8] }"}
losses: ${own.losses ?? "[{ use: binary-cross-entropy, on: light }]"}
optimizer: { use: sgd, rate: 0.1 }
metrics: ${own.metrics ?? "[]"}
train: { epochs: 1, batch: 2 }
outputs: []
`;
  return {
    name: `rows: ${name}`,
    args: [...check, "p.yaml"],
    code,
    words,
    files: { "p.yaml": pipeline, "rows.arrow": arrowFile({ ...rows, ...own.columns }) },
    ...mended ? { mended } : {},
  };
}

/** In the pipeline, another text in the place of one. */
const inPipeline = (from: string, to: string): Mend => ({
  files: { "p.yaml": (text) => text.replace(from, to) },
});

const twoLosses = (loss: string) =>
  `[{ use: binary-cross-entropy, on: light }, { use: binary-cross-entropy, on: booster }, ${loss}]`;

/** What needs rows of its own to be printed. */
function* rowsCases(): Iterable<CommandCase> {
  const n = "{ n: }", ids = "{ a: { ids: { count: 4 } }, b: { ids: { count: 4 } } }";
  const ctr = (features: string) =>
    `{ use: ctr, light: { hidden: [4] }, booster: { hidden: [8] }, features: ${features} }`;
  yield ofRows("a relation within a row of two classes", 2, ["beta: 0"], {
    features: n,
    losses: twoLosses("{ use: dist }"),
  });
  yield ofRows("standardised logits of two classes", 2, ["use kl or mse-hint"], {
    features: n,
    losses: twoLosses("{ use: logit-standardization }"),
  });
  yield ofRows("angles of one unit", 2, ["angle: 0"], {
    features: n,
    losses: twoLosses("{ use: relational-kd, from: booster.logits, to: light.logits }"),
  });
  yield ofRows("top-k of two classes", 2, ["use auc"], { features: n, metrics: "[top-k]" });
  yield ofRows("a network of one feature among two", 2, ["add `feature:`"], {
    features: "{ n: , a: }",
    network: "{ use: wide-resnet, light: { depth: 10 }, booster: { depth: 16 } }",
  });
  yield ofRows("more ids than one-hot was told", 1, ["count: 3"], {
    columns: { a: ["int", [2, 1, 0, 1]] },
    features: "{ a: { dtype: int32 } }",
    transforms: "[{ use: one-hot, count: 2 }]",
  });
  yield ofRows("an id below zero", 1, ["ids are whole numbers from 0"], {
    columns: { a: ["int", [0, -1, 2, 3]] },
    features: "{ a: { dtype: int32 } }",
    transforms: "[{ use: one-hot, count: 4 }]",
  }, { "one-hot/ids": { files: { "rows.arrow": arrowFile(rows) } } });
  yield ofRows("an unknown number of ids", 2, ["count: 10"], {
    features: "{ a: { dtype: int32 } }",
    transforms: "[one-hot]",
  });
  yield ofRows("fewer ids than there are words", 2, ["leave out `count`"], {
    features: "{ word: { ids: train } }",
    transforms: "[{ use: one-hot, count: 2 }]",
  });
  yield ofRows("a cast of what is no int32", 1, ["int32 holds whole numbers"], {
    columns: { n: ["float", [0, 3e9, 2, 3]] },
    features: n,
    transforms: "[{ use: cast, dtype: int32 }]",
  });
  yield ofRows("two features renamed alike", 2, ["a name of its own"], {
    features: "{ n: , a: }",
    transforms: "[{ use: rename, names: { n: x, a: x } }]",
  }, { "rename/twice": inPipeline("a: x", "a: z") });
  yield ofRows("a perceptron of ids", 2, ["one-hot, feature: a }"], {
    features: "{ a: { ids: { count: 4 } } }",
  });
  yield ofRows("a perceptron of int32", 2, ["leave out `dtype: int32`"], {
    features: "{ a: { dtype: int32 } }",
  });
  yield ofRows("a perceptron of text", 2, ["for categories add"], { features: "{ word: }" });
  yield ofRows("a perceptron of times", 2, ["bring them into range"], { features: "{ time: }" });
  yield ofRows("an embedding of a feature that is none", 2, ["did you mean a?"], {
    features: ids,
    network: ctr("{ A: { size: 3 } }"),
  });
  yield ofRows("an embedding of numbers", 2, ["leave n out"], {
    features: `{ n: , a: { ids: { count: 4 } } }`,
    network: ctr("{ n: { size: 3 } }"),
  });
  yield ofRows("ids of a shape of two", 2, ["a shape of one number"], {
    features: "{ list: { shape: [2, 1], ids: { count: 4 } } }",
    network: ctr("{}"),
  }, { "ctr/ids-shape": inPipeline("[2, 1]", "[2]") });
  yield ofRows("pooling of one id a row", 2, ["leave `pooling` and `attention` out"], {
    features: ids,
    network: ctr("{ a: { pooling: sum } }"),
  });
  yield ofRows("ids whose number nobody says", 2, ["ids: train, { hash: N }"], {
    features: "{ a: { dtype: int32 } }",
    network: ctr("{}"),
  });
  yield ofRows("two sizes of one table", 2, ["write `size: "], {
    features: "{ a: { ids: { count: 4 } }, b: { ids: { of: a } } }",
    network: ctr("{ b: { size: 3 } }"),
  });
  yield ofRows("attention to a feature that is none", 2, ["with one id a row are a"], {
    features: "{ a: { ids: { count: 4 } }, list: { ids: { count: 4 } } }",
    network: ctr("{ list: { attention: { to: c } } }"),
  });
  yield ofRows("attention to embeddings of another size", 2, ["write `size: 3` for a"], {
    features: "{ a: { ids: { count: 4 } }, list: { ids: { count: 4 } } }",
    network: ctr("{ list: { size: 3, attention: { to: a } } }"),
  });
}

/**
 * Command lines that are wrong by themselves, or by the folder that they are given in.
 *
 * @param folder A folder to work in.
 */
export function* commandCases(folder: string): Iterable<Case> {
  let number = 0;
  for (const cases of [projectCases(), rowsCases()]) {
    for (const { name, task, args, code, words, files = {}, mended, env } of cases) {
      const own = join(folder, String(number++));
      for (const [file, content] of Object.entries({ "p.yaml": rightPipeline, ...files })) {
        const path = join(own, file);
        Deno.mkdirSync(dirname(path), { recursive: true });
        if (typeof content === "string") Deno.writeTextFileSync(path, content);
        else Deno.writeFileSync(path, content);
      }
      yield { name, task, args, folder: own, expected: { code, words }, mended, env };
    }
  }
}
