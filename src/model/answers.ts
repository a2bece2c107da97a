import type { ModelFile } from "../run/model/model_file.ts";

/** The value of a class, as the label's column has it. */
export type ClassValue = string | number | bigint | boolean;

/** What a model answers for one row. */
export interface Answer {
  /** The class as the label has it, or the number; absent for a binary label. */
  readonly prediction?: ClassValue;
  /** The probability of the class, or of a binary label's second class; absent for numbers. */
  readonly score?: number;
}

/** What a model says of some rows. */
export class Predictions {
  /** What the label is. */
  readonly kind: "class" | "binary" | "number";
  /** How many rows there are. */
  readonly rows: number;
  /** How many logits there are for each row. */
  readonly units: number;
  /** The logits, row by row; NaN for a row that has no answer. */
  readonly logits: Float32Array;
  /**
   * 1 for rows that have an answer, and 0 for others; undefined if all have one. Only rows that
   * training leaves out, because of a null, have none.
   */
  readonly answered: Uint8Array | undefined;
  /** How many ids stand for values that training did not know. */
  readonly unknown: number;
  readonly #classes: readonly ClassValue[];
  #probabilities: Float32Array | undefined;

  /**
   * Takes logits.
   *
   * @param label The label: its kind and classes.
   * @param logits The logits, and what is known of the rows.
   */
  constructor(
    { kind, classes }: Pick<LabelAnswers, "kind" | "classes">,
    logits:
      & Pick<Predictions, "rows" | "units" | "logits">
      & Partial<Pick<Predictions, "answered" | "unknown">>,
  ) {
    this.kind = kind;
    this.#classes = classes;
    this.rows = logits.rows;
    this.units = logits.units;
    this.logits = logits.logits;
    this.answered = logits.answered;
    this.unknown = logits.unknown ?? 0;
  }

  /**
   * The probabilities of classes row by row, or that of a binary label's second class; undefined
   * for numbers.
   */
  get probabilities(): Float32Array | undefined {
    if (this.kind === "number") return undefined;
    return this.#probabilities ??= this.kind === "binary"
      ? this.logits.map((logit) => 1 / (1 + Math.exp(-logit)))
      : softmax(this.logits, this.units);
  }

  /** The answers, row by row; undefined for a row that has none. */
  get answers(): (Answer | undefined)[] {
    return Array.from({ length: this.rows }, (_, row) => this.answer(row));
  }

  /**
   * The answer for a row; undefined if it has none.
   *
   * @param row The row, from 0.
   */
  answer(row: number): Answer | undefined {
    if (this.answered?.[row] === 0) return undefined;
    if (this.kind === "number") return { prediction: this.logits[row * this.units]! };
    const probabilities = this.probabilities!;
    if (this.kind === "binary") return { score: probabilities[row]! };
    const id = this.classId(row);
    return { prediction: this.#classes[id]!, score: probabilities[row * this.units + id]! };
  }

  /**
   * The number of the class with the highest logit; the first one of several.
   *
   * @param row The row, from 0.
   */
  classId(row: number): number {
    const start = row * this.units;
    let id = 0;
    for (let unit = 1; unit < this.units; unit++) {
      if (this.logits[start + unit]! > this.logits[start + id]!) id = unit;
    }
    return id;
  }
}

function softmax(logits: Float32Array, units: number): Float32Array {
  const result = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += units) {
    const row = logits.subarray(start, start + units);
    const top = row.reduce((top, logit) => Math.max(top, logit), -Infinity);
    const powers = row.map((logit) => Math.exp(logit - top));
    const sum = powers.reduce((sum, power) => sum + power, 0);
    for (let unit = 0; unit < units; unit++) result[start + unit] = powers[unit]! / sum;
  }
  return result;
}

/** What the logits of a label stand for. */
export interface LabelAnswers {
  /** What the label is. */
  readonly kind: "class" | "binary" | "number";
  /** The classes, in the order of the logits; of a binary label, the two; none for numbers. */
  readonly classes: readonly ClassValue[];
}

/**
 * What the logits of a label stand for.
 *
 * @param label The label of a model.
 */
export function labelAnswers({ spec, type: { family } }: ModelFile["label"]): LabelAnswers {
  const { kind, classes, vocabulary } = spec;
  const names = vocabulary ?? Array.from({ length: classes }, (_, id) => String(id));
  return {
    kind,
    classes: names.map((name) => {
      if (family === "booleans") return name === "true" || name === "1";
      if (family === "strings" || !/^-?\d+$/.test(name)) return name;
      return Number.isSafeInteger(Number(name)) ? Number(name) : BigInt(name);
    }),
  };
}
