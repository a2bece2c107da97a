/**
 * Generates sample rows from `model.json`, to compare the logits of different engines.
 *
 * @module
 */

import type { RecordBatch } from "apache-arrow";
import { createRandom, deriveSeed, type Random } from "../base/random.ts";
import { UserError } from "../base/errors.ts";
import type { ModelFile, SourceFeature } from "../run/model/model_file.ts";
import type { RowDecoder } from "../run/model/row_decoder.ts";
import type { Batch } from "../stages/batch.ts";
import { batchOfRows, type Row } from "./rows.ts";

/** The number of sample rows that an export folder contains. */
export const SAMPLE_ROWS = 64;

/**
 * The distributions of numbers, from the usual ones to others, because a transform may reject some
 * numbers: the logarithm rejects negative ones, and those below 50 after `offset: -50`.
 */
const ranges: readonly ((random: Random) => number)[] = [
  (random) => normal(random) * 2,
  (random) => Math.abs(normal(random)) * 2,
  (random) => random.integer(0, 1),
  ...Array.from({ length: 13 }, (_, power) => 10 ** power).flatMap((from) => [
    (random: Random) => from * (1 + random.uniform()),
    (random: Random) => -from * (1 + random.uniform()),
  ]),
];

/**
 * Generates rows that suit a model. They include known and unknown values, empty and full lists,
 * nulls that are filled, and the smallest and largest ids. They are the same each time and do not
 * come from data.
 *
 * @param model The content of `model.json`.
 * @param decoder Decodes the rows into features.
 * @returns The rows, and the features that the decoder returns for them.
 * @throws {UserError} If the model's transforms reject all generated rows.
 */
export function sampleRows(
  model: Pick<ModelFile, "features" | "transforms">,
  decoder: RowDecoder,
): { readonly rows: RecordBatch; readonly batch: Batch } {
  let last: unknown;
  for (const range of ranges) {
    const rows = batchOfRows(model, makeRows(model, range));
    try {
      return { rows, batch: decoder.open(rows.schema)(rows).batch };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      last = error;
    }
  }
  throw last;
}

function makeRows(
  { features, transforms }: Pick<ModelFile, "features" | "transforms">,
  range: (random: Random) => number,
): Row[] {
  const byColumn = new Map<string, SourceFeature>();
  for (const feature of features) {
    // If several features read a column, its values suit the one with the longest vocabulary.
    const known = byColumn.get(feature.column);
    const longer = (feature.spec.vocabulary?.length ?? 0) > (known?.spec.vocabulary?.length ?? 0);
    if (!known || longer) byColumn.set(feature.column, feature);
  }
  const columns = [...byColumn].map(([column, feature]) => {
    const random = createRandom(deriveSeed(0, "sample", column));
    const value = valueOf(feature, random, range, momentsOf(feature, transforms));
    const filled = typeof feature.options.nulls === "object" || feature.spec.missing !== undefined;
    return [column, (row: number) => filled && row % 8 === 5 ? null : value(row)] as const;
  });
  return Array.from(
    { length: SAMPLE_ROWS },
    (_, row) => Object.fromEntries(columns.map(([column, value]) => [column, value(row)])),
  );
}

/** Returns the mean and deviation of a feature that a transform measured; 0 and 1 otherwise. */
function momentsOf(
  { name }: SourceFeature,
  transforms: ModelFile["transforms"],
): { readonly mean: number; readonly std: number } {
  for (const { use, measured } of transforms) {
    const moments = Object(Object(measured)[name]);
    if (use !== "normalize" || !Array.isArray(moments.mean)) continue;
    return { mean: moments.mean[0], std: moments.std[0] || 1 };
  }
  return { mean: 0, std: 1 };
}

/** Creates the function that generates the value of a column in a row. */
function valueOf(
  { spec, type, options }: SourceFeature,
  random: Random,
  range: (random: Random) => number,
  { mean, std }: { readonly mean: number; readonly std: number },
): (row: number) => unknown {
  const { vocabulary, ids, shape } = spec;
  const number = () => {
    if (type.family === "images") return random.integer(0, 255);
    const value = mean + std * range(random);
    if (type.family === "numbers") return value;
    const bits = Number(/int(8|16|32|64)/i.exec(type.text)?.[1] ?? 8);
    // Integers above 2^53 are not exact in JavaScript.
    const most = 2 ** Math.min(bits - 1, 53) - 1;
    const least = /uint|fixedsizebinary/i.test(type.text) ? 0 : -most;
    return Math.min(most, Math.max(least, Math.round(value)));
  };
  const one = (): unknown => {
    if (spec.dtype === "float32") {
      if (type.family === "booleans") return random.integer(0, 1) === 1;
      if (type.family === "times") return new Date(Math.round((mean + std * range(random)) * 1000));
      return number();
    }
    if (vocabulary) {
      // The additional id stands for an unknown value, if the feature accepts one.
      const id = random.integer(0, vocabulary.length - (ids ? 0 : 1));
      const text = vocabulary[id] ?? unknownOf(vocabulary, type.family);
      return typed(text, type.family);
    }
    const count = ids?.count ?? 2;
    return typed(
      String(random.integer(0, ids?.kind === "count" ? count - 1 : 999_999)),
      type.family,
    );
  };
  if (shape.length === 0) return one;
  const [first, ...rest] = shape, part = rest.reduce((product, size) => product * size, 1);
  const isList = ids?.padded || options.pad !== undefined;
  return (row) => {
    const length = isList ? row % (first! + 1) : first!;
    return nested(Array.from({ length: length * part }, one), [length, ...rest], type.text);
  };
}

/** Nests values in as many lists as the column has. */
function nested(values: unknown[], shape: readonly number[], text: string): unknown {
  const depth = [...text.matchAll(/List|FixedSizeBinary/g)].length;
  const [first, ...rest] = shape, part = values.length / first!;
  if (depth <= 1 || rest.length === 0) return values;
  return Array.from(
    { length: first! },
    (_, index) => nested(values.slice(index * part, (index + 1) * part), rest, text),
  );
}

function unknownOf(vocabulary: readonly string[], family: SourceFeature["type"]["family"]): string {
  let number = 0;
  const text = () => family === "strings" ? `unknown ${number}` : String(number);
  while (vocabulary.includes(text())) number++;
  return text();
}

function typed(text: string, family: SourceFeature["type"]["family"]): unknown {
  if (family === "strings") return text;
  if (family === "booleans") return text === "1" || text === "true";
  if (family === "numbers") return Number(text);
  return BigInt(text);
}

function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
  return radius * Math.cos(2 * Math.PI * random.uniform());
}
