/**
 * Converts predictions to columns.
 *
 * @module
 */

import {
  Bool,
  type Data,
  DataType,
  Field,
  Float32,
  Float64,
  Int64,
  makeData,
  type RecordBatch,
  Schema,
  Uint64,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { recordBatchOf } from "../base/wide_schema.ts";
import type { ClassValue, LabelAnswers, Predictions } from "./answers.ts";
import { outputNames } from "./output_names.ts";

/** The columns to write in addition to the predicted values. */
export interface ScoreOptions {
  /** The columns of the input to copy, in this order. */
  readonly keep: readonly string[];
  /** Whether to write a column for the probability of each class. */
  readonly probabilities: boolean;
  /** Whether to write a column for each logit. */
  readonly logits: boolean;
}

/** A label's kind and classes, and the number of its logits. */
type ScoredLabel = Pick<LabelAnswers, "kind" | "classes"> & { readonly units: number };

/** A column computed from predictions. */
interface ScoreColumn {
  readonly field: Field;
  readonly data: (predictions: Predictions) => Data;
}

/**
 * Creates the record batches that `predict` writes. They contain the predictions and the columns
 * copied from the input.
 */
export class ScoreColumns {
  /** The names and types of all columns. */
  readonly schema: Schema;
  /** Warnings about columns that have another name than expected, one line each. */
  readonly warnings: readonly string[];
  readonly #kept: readonly string[];
  readonly #columns: readonly ScoreColumn[];

  /**
   * Chooses the columns.
   *
   * @param input The columns of the input.
   * @param label The label's kind and classes, and the number of logits; or several labels, whose
   *   columns start with their names.
   * @param options The columns to write.
   */
  constructor(
    input: Schema,
    { labels, ...label }: ScoredLabel & { readonly labels?: LabelAnswers["labels"] },
    { keep, probabilities, logits }: ScoreOptions,
  ) {
    const columns = (labels ? Object.entries(labels) : [["", label] as const]).flatMap(
      ([name, own]) =>
        columnsOf(own, {
          probabilities,
          logits,
          nameOf: (column) => name === "" ? column : `${name}_${column}`,
          partOf: (all) => name === "" ? all : all.labels[name]!,
        }),
    );
    this.#kept = keep;
    this.#columns = columns;
    const places = placesOf(input);
    const kept = keep.map((name) => input.fields[places.get(name)!]!);
    const names = outputNames(kept, columns.map(({ field }) => field));
    this.warnings = names.warnings;
    this.schema = new Schema([...names.kept, ...names.added]);
  }

  /**
   * Creates a record batch.
   *
   * @param part Rows of the input.
   * @param predictions The predictions for these rows.
   */
  batch(part: RecordBatch, predictions: Predictions): RecordBatch {
    const places = placesOf(part.schema);
    const kept = this.#kept.map((name) => part.data.children[places.get(name)!]!);
    const children = [...kept, ...this.#columns.map(({ data }) => data(predictions))];
    return recordBatchOf(this.schema, children, part.numRows);
  }
}

/** Returns the columns for a label. */
function columnsOf(
  { kind, classes, units }: ScoredLabel,
  { probabilities, logits, nameOf, partOf }: Omit<ScoreOptions, "keep"> & {
    /** Returns the name of a column. */
    readonly nameOf: (column: string) => string;
    /** Returns the predictions for the label. */
    readonly partOf: (all: Predictions) => Predictions;
  },
): ScoreColumn[] {
  const numbers = (name: string, valuesOf: (own: Predictions) => Float32Array): ScoreColumn => ({
    field: new Field(nameOf(name), new Float32(), true),
    data: (all) => floats(valuesOf(partOf(all)), all.answered),
  });
  const unitOf = (values: Float32Array, unit: number) =>
    units === 1 ? values : values.filter((_, index) => index % units === unit);
  const columns: ScoreColumn[] = [];
  if (kind === "class") {
    const type = typeOfClasses(classes);
    columns.push({
      field: new Field(nameOf("prediction"), type, true),
      data: (all) => {
        const own = partOf(all);
        const values = Array.from({ length: all.rows }, (_, row) => {
          if (all.answered?.[row] === 0) return null;
          return classCell(classes[own.classId(row)]!, type);
        });
        return vectorFromArray(values, type).data[0] ?? makeData({ type, length: 0 });
      },
    });
    columns.push(numbers("score", (own) => {
      const probabilities = own.probabilities!;
      return Float32Array.from(
        { length: own.rows },
        (_, row) => probabilities[row * units + own.classId(row)]!,
      );
    }));
  } else if (kind === "multi-label") {
    // The main result of a row is a probability for each class.
    classes.forEach((name, unit) =>
      columns.push(
        numbers(`probability_${name}`, (own) => unitOf(own.probabilities!, unit)),
      )
    );
  } else if (kind === "binary") columns.push(numbers("score", (own) => own.probabilities!));
  else columns.push(numbers("prediction", (own) => own.logits));
  const each = kind === "class" || kind === "multi-label"
    ? classes.map((name) => `_${name}`)
    : [""];
  if (probabilities && kind === "class") {
    each.forEach((name, unit) =>
      columns.push(numbers(`probability${name}`, (own) => unitOf(own.probabilities!, unit)))
    );
  }
  if (logits) {
    each.forEach((name, unit) =>
      columns.push(numbers(`logit${name}`, (own) => unitOf(own.logits, unit)))
    );
  }
  return columns;
}

/** Returns the places of the columns by name. The first of two columns with the same name counts. */
const placesOf = ({ fields }: Schema): ReadonlyMap<string, number> =>
  new Map(fields.map(({ name }, index) => [name, index] as const).reverse());

/** Creates a column of numbers, with null for a row without a prediction. */
function floats(values: Float32Array, answered: Uint8Array | undefined): Data {
  const type = new Float32(), { length } = values;
  if (!answered) return makeData({ type, length, nullCount: 0, data: values });
  const bits = new Uint8Array(Math.ceil(length / 64) * 8);
  answered.forEach((one, row) => bits[row >> 3]! |= one << (row & 7));
  const nullCount = answered.filter((one) => one === 0).length;
  return makeData({ type, length, nullCount, nullBitmap: bits, data: values });
}

/**
 * Returns the Arrow type of the label's classes.
 *
 * @param classes The classes.
 */
export function typeOfClasses(classes: readonly ClassValue[]): DataType {
  const [first] = classes;
  if (typeof first === "boolean") return new Bool();
  if (typeof first === "string") return new Utf8();
  if (classes.some((value) => typeof value === "number" && !Number.isInteger(value))) {
    return new Float64();
  }
  return classes.some((value) => (value as number | bigint) >= 2n ** 63n)
    ? new Uint64()
    : new Int64();
}

/**
 * Returns a class as a value of a column.
 *
 * @param value The class.
 * @param type The type of the column, from {@linkcode typeOfClasses}.
 */
export function classCell(value: ClassValue, type: DataType): ClassValue {
  return typeof value === "number" && DataType.isInt(type) ? BigInt(value) : value;
}
