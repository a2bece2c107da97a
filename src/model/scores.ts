/**
 * The answers of a net as columns.
 *
 * @module
 */

import {
  Bool,
  type Data,
  type DataType,
  Field,
  Float32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import type { ClassValue, Predictions } from "./answers.ts";

/** Which columns are written. */
export interface ScoreOptions {
  /** The columns of the input that are copied, in this order. */
  readonly keep: readonly string[];
  /** Whether there is a column for the probability of each class. */
  readonly probabilities: boolean;
  /** Whether there is a column for each logit. */
  readonly logits: boolean;
}

/** A column of answers. */
interface ScoreColumn {
  readonly field: Field;
  readonly data: (predictions: Predictions) => Data;
}

/** Makes record batches of kept columns and answers. */
export class ScoreColumns {
  /** The columns. */
  readonly schema: Schema;
  readonly #kept: readonly string[];
  readonly #columns: readonly ScoreColumn[];

  /**
   * Chooses columns.
   *
   * @param input The columns of the input.
   * @param label What the label is, and how many logits there are.
   * @param options Which columns are written.
   */
  constructor(
    input: Schema,
    label: {
      readonly kind: Predictions["kind"];
      readonly classes: readonly ClassValue[];
      readonly units: number;
    },
    { keep, probabilities, logits }: ScoreOptions,
  ) {
    const taken = new Set(keep);
    const free = (name: string) => {
      let own = name;
      for (let number = 2; taken.has(own); number++) own = `${name}_${number}`;
      taken.add(own);
      return own;
    };
    const column = (
      name: string,
      type: DataType,
      valueOf: (predictions: Predictions, row: number) => unknown,
    ): ScoreColumn => ({
      field: new Field(free(name), type, true),
      data: (predictions) => {
        const values = Array.from(
          { length: predictions.rows },
          (_, row) => predictions.answered?.[row] === 0 ? null : valueOf(predictions, row),
        );
        return vectorFromArray(values, type).data[0] ?? makeData({ type, length: 0 });
      },
    });
    const { kind, classes, units } = label;
    const columns: ScoreColumn[] = [];
    if (kind === "class") {
      columns.push(
        column("prediction", typeOf(classes), (all, row) => {
          const value = all.answer(row)!.prediction!;
          return typeof value === "number" ? BigInt(value) : value;
        }),
      );
    }
    if (kind === "number") {
      columns.push(column("prediction", new Float32(), (all, row) => all.logits[row * units]));
    } else columns.push(column("score", new Float32(), (all, row) => all.answer(row)!.score));
    const each = kind === "class" ? classes.map(String) : [""];
    const named = (what: string, name: string) => name === "" ? what : `${what}_${name}`;
    if (probabilities && kind === "class") {
      each.forEach((name, unit) =>
        columns.push(
          column(
            named("probability", name),
            new Float32(),
            (all, row) => all.probabilities![row * units + unit],
          ),
        )
      );
    }
    if (logits) {
      each.forEach((name, unit) =>
        columns.push(
          column(named("logit", name), new Float32(), (all, row) => all.logits[row * units + unit]),
        )
      );
    }
    this.#kept = keep;
    this.#columns = columns;
    const kept = keep.map((name) => input.fields.find((field) => field.name === name)!);
    this.schema = new Schema([...kept, ...columns.map(({ field }) => field)]);
  }

  /**
   * Makes a record batch.
   *
   * @param part Rows of the input.
   * @param predictions The answers for them.
   */
  batch(part: RecordBatch, predictions: Predictions): RecordBatch {
    const kept = this.#kept.map((name) => {
      const index = part.schema.fields.findIndex((field) => field.name === name);
      return part.data.children[index]!;
    });
    const children = [...kept, ...this.#columns.map(({ data }) => data(predictions))];
    const type = new Struct(this.schema.fields), length = part.numRows;
    return new RecordBatch(this.schema, makeData({ type, length, nullCount: 0, children }));
  }
}

/** The type of the label's classes. */
function typeOf([first]: readonly ClassValue[]): DataType {
  if (typeof first === "boolean") return new Bool();
  return typeof first === "string" ? new Utf8() : new Int64();
}
