import { stringify } from "yaml";
import { UserError } from "../base/errors.ts";
import { hint, nameHint } from "../base/hints.ts";
import { yamlQuoted } from "../base/quoted.ts";
import { escapedName } from "../input/choose_features.ts";
import type { FileColumn, FileTable } from "./new_table.ts";

/** The number of different whole numbers up to which a label's values are classes. */
const MAX_CLASSES = 20;

/** The number of different texts above which a label can hardly be a class. */
const MAX_TEXTS = 1_000;

/** What is needed to make the pipeline of a new project. */
export interface PipelineParts {
  /** The name of the pipeline. */
  readonly name: string;
  /** The path of the file with rows, relative to the pipeline. */
  readonly path: string;
  /** The columns of the file. */
  readonly table: FileTable;
  /** The column to predict. */
  readonly label: string;
}

/** A pipeline, and what its user should know about it. */
export interface NewPipeline {
  /** The pipeline, in YAML. */
  readonly text: string;
  /** Sentences about columns that need the user's attention. */
  readonly remarks: readonly string[];
}

/**
 * Makes a pipeline that predicts a column of a file from its other columns.
 *
 * @param parts The file and its columns.
 * @throws {UserError} If there is no such column, if it cannot be predicted, or if there are no
 *   other columns; exit code 2.
 */
export function makePipeline({ name, path, table, label }: PipelineParts): NewPipeline {
  const goal = findLabel(table, label);
  const others = table.columns.filter((column) => column !== goal);
  const features = others.map((column) => ({ column, left: whyLeftOut(column, table) }));
  const used = features.filter(({ left }) => left === undefined).map(({ column }) => column);
  if (used.length === 0) {
    throw new UserError("besides the label, the file has no column that can be a feature", {
      hint: hint("new/features", "add columns to the file", { edit: "the data file" }),
      exitCode: 2,
    });
  }
  const kind = labelKind(goal, table);
  const hasTexts = used.some(({ family }) => family === "strings");
  const { loss, metrics, select } = goals[kind];
  const { batch, epochs } = lengthOf(table);
  const lines = [
    "# yaml-language-server: $schema=schema/pipeline.json",
    `name: ${name}`,
    "seed: 1",
    "data:",
    "  all:",
    `    use: ${table.use}`,
    `    path: ${value(path)}`,
    ...Object.entries(table.format).map(([option, text]) =>
      `    ${option}: ${text.length > 1 ? text : yamlQuoted(text)}`
    ),
    ...(table.nullValues
      ? [`    nullValues: [${table.nullValues.map(yamlQuoted).join(", ")}]`]
      : []),
    ...splitLines(goal, kind, table),
    ...featureLines(features),
    "  prepare: auto # texts become ids, and numbers are normalized",
    "  nulls: median",
    "  label:",
    `    column: ${value(label)}`,
    `    kind: ${kind}`,
    ...(goal.nulls > 0 ? ["    nulls: drop"] : []),
    "network:",
    ...(hasTexts ? ["  use: ctr", "  embedding: 8"] : ["  use: mlp"]),
    "  shared: [64]",
    ...(hasTexts
      ? ["  light: { hidden: [16] }", "  booster: { hidden: [256, 128] }"]
      : ["  light: [16]", "  booster: [256, 128]"]),
    "losses:",
    `  - { use: ${loss}, on: light }`,
    `  - { use: ${loss}, on: booster }`,
    "  - use: mse-hint",
    "    from: booster.logits",
    "    to: light.logits",
    "    weight: 0.1",
    "    gradient: block",
    "optimizer:",
    "  use: adamw",
    "  learningRate: 0.002",
    "  weightDecay: 0.01",
    "  schedule: { use: cosine }",
    "train:",
    `  epochs: ${epochs}`,
    `  batch: ${batch}`,
    "  baseline: light-alone",
    `  select: light/${select} # chooses the best epoch, on the validation rows`,
    "  stop: { patience: 5 } # ends training when this no longer improves",
    `metrics: [${metrics.join(", ")}]`,
  ];
  return { text: `${lines.join("\n")}\n`, remarks: remarksOn(goal, kind) };
}

/** The kinds of labels, with the loss, the metrics, and the metric that ends training for each. */
const goals = {
  class: { loss: "cross-entropy", metrics: ["accuracy", "log-loss"], select: "log-loss" },
  number: {
    loss: "mean-squared-error",
    metrics: ["mean-absolute-error"],
    select: "mean-absolute-error",
  },
} as const;

function findLabel({ columns }: FileTable, label: string): FileColumn {
  const names = columns.map(({ name }) => name);
  const found = columns.find(({ name }) => name === label);
  if (found) return found;
  throw new UserError(`the file has no column ${JSON.stringify(label)}`, {
    hint: nameHint("new/label", {
      written: label,
      names,
      intro: "its columns are",
      shown: (name) => JSON.stringify(name),
      change: (name) => ({
        args: { replace: { [label]: name, [`--label=${label}`]: `--label=${name}` } },
      }),
    }),
    exitCode: 2,
  });
}

function labelKind(
  { name, family, distinct, isWhole }: FileColumn,
  { rows, isWhole: isAll }: FileTable,
): keyof typeof goals {
  const refused = family === undefined
    ? "has no values that a net can predict"
    : family === "times"
    ? "has dates or times, which nets cannot predict well"
    : distinct < 2
    ? `has the same value in ${isAll ? "all" : "the first"} ${rows} rows`
    : family === "strings" && (distinct > MAX_TEXTS || distinct > 10 && distinct > rows / 2)
    ? `has text with too many different values to be classes: at least ${distinct} in ${rows} rows`
    : undefined;
  if (refused !== undefined) {
    throw new UserError(`the label ${JSON.stringify(name)} ${refused}`, {
      hint: hint("new/unfit-label", "choose another column with --label", { edit: "the command" }),
      exitCode: 2,
    });
  }
  if (family !== "strings" && family !== "booleans" && (!isWhole || distinct > MAX_CLASSES)) {
    return "number";
  }
  return "class";
}

/** Returns why a column is no good feature; undefined if it is one. */
function whyLeftOut(
  { name, family, nulls, distinct }: FileColumn,
  { rows, isWhole }: FileTable,
): string | undefined {
  const values = rows - nulls;
  if (values === 0) return "it has no values";
  if (family === undefined) return "its type cannot be a feature";
  if (isWhole && distinct === 1 && nulls === 0) return "all its values are the same";
  if (values < 20 || distinct < Math.min(values, 1_000) * 0.9) return undefined;
  if (family === "strings") return "nearly all its texts differ";
  const isId = /(^|[^\p{L}])(id|index|key|uuid|guid|row ?(id|number)?)$/iu.test(name);
  return family === "whole numbers" && isId ? "it seems to be the number of a row" : undefined;
}

/** The lines of the split. Classes have the same proportions in each split, if that is possible. */
function splitLines(
  { name, hasSingle }: FileColumn,
  kind: string,
  { isWhole }: FileTable,
): string[] {
  if (kind !== "class" || hasSingle || !isWhole) return ["  split: { test: 0.2, validation: 0.1 }"];
  return [
    "  split:",
    "    test: 0.2",
    "    validation: 0.1",
    `    by: { stratify: ${yamlQuoted(plain(name))} }`,
  ];
}

/** The lines of the features: all columns but the label and those that are left out. */
function featureLines(
  columns: readonly { readonly column: FileColumn; readonly left: string | undefined }[],
): string[] {
  const out = columns.filter(({ left }) => left !== undefined);
  if (out.length === 0) return ["  features: rest # all columns but the label"];
  return [
    "  # All columns but the label and those with an exclamation mark. To train",
    "  # with such a column, delete its line.",
    "  features:",
    '    - "*"',
    // In a list of features, * and ! have a meaning.
    ...out.map(({ column: { name }, left }) => `    - ${value(`!${escapedName(name)}`)} # ${left}`),
  ];
}

/** Chooses the batch size and the number of epochs, for about a minute of training. */
function lengthOf({ rows, isWhole }: FileTable): { batch: number; epochs: number } {
  const batch = [32, 64, 128, 256].findLast((size) => size * 40 <= rows) ?? 16;
  const steps = 2_000, epoch = rows * 0.7 / batch;
  const epochs = Math.min(Math.max(Math.round(steps / epoch), 5), 40);
  return { batch, epochs: isWhole ? epochs : 5 };
}

function remarksOn({ name, largest }: FileColumn, kind: keyof typeof goals): string[] {
  if (kind !== "number" || largest < 100) return [];
  const unit = 10 ** Math.floor(Math.log10(largest));
  return [
    `the values of ${JSON.stringify(name)} are large, up to ${
      largest.toPrecision(3)
    }. Nets learn ` +
    `numbers near 1 best: divide the column by ${unit} in the file, or in a query of the source ` +
    "`sql`, if the error stays large.",
  ];
}

/**
 * Writes a text as a YAML scalar on one line, whatever the text is: the line may be a comment, and
 * the rest of a text in several lines would not be.
 */
const scalar = (text: string) =>
  /[\p{C}\p{Zl}\p{Zp}]/u.test(text)
    ? yamlQuoted(text)
    : stringify(text, { lineWidth: 0, blockQuote: false }).trimEnd();

/** Writes a text as a YAML value on one line. */
const value = (text: string) => scalar(plain(text));

/** Escapes a text in which `${` does not start an environment variable. */
const plain = (text: string) => text.replaceAll("${", () => "$${");
