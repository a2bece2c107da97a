import type { Mend } from "./changed_input.ts";
import type { Case } from "./pipeline_cases.ts";
import { arrowFile, type Column } from "./small_rows.ts";

/** A command line that is wrong, in a folder of its own. */
export interface CommandCase {
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
  readonly before?: Case["before"];
}

/** The arguments of a check. */
export const check: readonly string[] = ["check", "--engine", "wasm", "--quiet"];

/** What a pipeline of a few rows says of its own. */
export interface Rows {
  readonly columns?: Readonly<Record<string, Column>>;
  readonly features: string;
  readonly label?: string;
  /** Several labels, instead of one. */
  readonly labels?: string;
  readonly transforms?: string;
  readonly network?: string;
  readonly losses?: string;
  readonly metrics?: string;
  readonly optimizer?: string;
  readonly outputs?: string;
  readonly train?: string;
  /** The test split's columns that differ. */
  readonly test?: Readonly<Record<string, Column>>;
  /** The source of both splits. */
  readonly source?: string;
  /** The lines of all sources, if they are not `train` and `test`. */
  readonly sources?: string;
  /** More options of `data`, a line each. */
  readonly data?: string;
  /** Files beside these. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

/** Four rows: numbers, ids, a list of ids, text, and labels of two classes. */
export const rows: Readonly<Record<string, Column>> = {
  n: ["float", [0, 1, 2, 3]],
  a: ["int", [0, 1, 2, 3]],
  b: ["int", [1, 1, 0, 2]],
  list: ["ints", [[0, 1], [1, 2], [2, 0], [1, 1]]],
  time: ["time", [0, 1, 2, 3].map((day) => new Date(1.7e12 + 864e5 * day))],
  word: ["text", ["x", "y", "x", "z"]],
  y: ["int", [0, 1, 0, 1]],
};

/** A pipeline of a few rows, which `check` refuses. */
export function ofRows(
  name: string,
  code: 1 | 2,
  words: readonly string[],
  own: Rows,
  mended?: CommandCase["mended"],
): CommandCase {
  const test = own.test ? "test.arrow" : "rows.arrow";
  const train = own.source ?? "{ use: arrow, path: rows.arrow }";
  const sources = own.sources ??
    `train: ${train}\n  test: ${own.source ?? `{ use: arrow, path: ${test} }`}`;
  const pipeline = `name: rows
data:
  ${sources}
  features: ${own.features}
  ${own.labels ? `labels: ${own.labels}` : `label: ${own.label ?? "{ column: y, kind: binary }"}`}
  transforms: ${own.transforms ?? "[]"}
${own.data ? `  ${own.data}\n` : ""}network: ${
    own.network ?? "{ use: mlp, light: [4], booster: [8] }"
  }
losses: ${own.losses ?? "[{ use: binary-cross-entropy, on: light }]"}
optimizer: ${own.optimizer ?? "{ use: sgd, learningRate: 0.1 }"}
metrics: ${own.metrics ?? "[]"}
train: ${own.train ?? "{ epochs: 1, batch: 2 }"}
outputs: ${own.outputs ?? "[]"}
`;
  return {
    name: `rows: ${name}`,
    args: [...check, "p.yaml"],
    code,
    words,
    files: {
      "p.yaml": pipeline,
      "rows.arrow": arrowFile({ ...rows, ...own.columns }),
      ...own.test && { "test.arrow": arrowFile({ ...rows, ...own.columns, ...own.test }) },
      ...own.files,
    },
    ...mended ? { mended } : {},
  };
}

/** In the pipeline, another text in the place of one. */
export const inPipeline = (from: string, to: string): Mend => ({
  files: { "p.yaml": (text) => text.replaceAll(from, to) },
});
