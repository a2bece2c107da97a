import { classKeys } from "../input/classes.ts";
import type { Family } from "../run/model/family.ts";
import type { ModelFile } from "../run/model/model_file.ts";
import type { LabelSpec } from "../stages/batch.ts";
import { labelParts } from "../stages/labels.ts";
import { mapValues } from "../stages/parts.ts";

/** The value of a class in the label's column. */
export type ClassValue = string | number | bigint | boolean;

/** The prediction of a model for one row. */
export interface Answer {
  /**
   * The predicted class as a value of the label, or the predicted number; absent for a binary
   * label, and for a multi-label label.
   */
  readonly prediction?: ClassValue;
  /**
   * The probability of the predicted class, or of a binary label's second class; absent for
   * numbers.
   */
  readonly score?: number;
  /** The predicted classes of a multi-label label: those with a probability above 0.5. */
  readonly classes?: readonly ClassValue[];
  /** The probability of each class of a multi-label label, by the class as text. */
  readonly probabilities?: Readonly<Record<string, number>>;
  /** The prediction for each label, if there are several; the row then has no other values. */
  readonly labels?: Readonly<Record<string, Answer>>;
}

/** The predictions of a model for some rows. */
export class Predictions {
  /** The kind of the label; `several` for several labels, see {@linkcode Predictions.labels}. */
  readonly kind: "class" | "binary" | "number" | "multi-label" | "several";
  /** The number of rows. */
  readonly rows: number;
  /** The number of logits per row. */
  readonly units: number;
  /** The logits, row by row; NaN for a row without a prediction. */
  readonly logits: Float32Array;
  /**
   * 1 for each row with a prediction, and 0 for the others; undefined if all rows have a
   * prediction. A row has none if it contains a null that would have excluded it from training, or
   * if its logits are not finite numbers.
   */
  readonly answered: Uint8Array | undefined;
  /**
   * The number of values that are not in the vocabularies. They share the id for unknown values.
   */
  readonly unknown: number;
  /** The number of rows without a prediction because their logits are not finite numbers. */
  readonly notFinite: number;
  readonly #classes: readonly ClassValue[];
  readonly #parts: Readonly<Record<string, NamedAnswers>>;
  #probabilities: Float32Array | undefined;
  #labels: Readonly<Record<string, Predictions>> | undefined;

  /**
   * Creates predictions from logits.
   *
   * @param label The label's kind and classes.
   * @param logits The logits, the number of rows, and which rows have a prediction.
   */
  constructor(
    { kind, classes, labels = {} }: Pick<LabelAnswers, "kind" | "classes" | "labels">,
    logits:
      & Pick<Predictions, "rows" | "units" | "logits">
      & Partial<Pick<Predictions, "answered" | "unknown" | "notFinite">>,
  ) {
    this.kind = kind;
    this.#classes = classes;
    this.#parts = labels;
    this.rows = logits.rows;
    this.units = logits.units;
    this.logits = logits.logits;
    this.answered = logits.answered;
    this.unknown = logits.unknown ?? 0;
    this.notFinite = logits.notFinite ?? 0;
  }

  /** The predictions for each label by its name; empty for a single label. */
  get labels(): Readonly<Record<string, Predictions>> {
    return this.#labels ??= mapValues(this.#parts, ({ firstUnit, units, ...label }) => {
      const logits = new Float32Array(this.rows * units);
      for (let row = 0; row < this.rows; row++) {
        const from = row * this.units + firstUnit;
        logits.set(this.logits.subarray(from, from + units), row * units);
      }
      return new Predictions(label, { rows: this.rows, units, logits, answered: this.answered });
    });
  }

  /**
   * The probabilities of all classes, row by row; for a binary label, only that of its second
   * class. Those of a multi-label label do not sum to 1. Undefined if the label is a number, and for
   * several labels.
   */
  get probabilities(): Float32Array | undefined {
    if (this.kind === "number" || this.kind === "several") return undefined;
    return this.#probabilities ??= this.kind === "binary" || this.kind === "multi-label"
      ? this.logits.map((logit) => 1 / (1 + Math.exp(-logit)))
      : softmax(this.logits, this.units);
  }

  /** The prediction for each row; undefined for a row without one. */
  get answers(): (Answer | undefined)[] {
    return Array.from({ length: this.rows }, (_, row) => this.answer(row));
  }

  /**
   * Returns the prediction for a row; undefined if there is none.
   *
   * @param row The index of the row, from 0.
   */
  answer(row: number): Answer | undefined {
    if (this.answered?.[row] === 0) return undefined;
    if (this.kind === "several") {
      return { labels: mapValues(this.labels, (own) => own.answer(row)!) };
    }
    if (this.kind === "number") return { prediction: this.logits[row * this.units]! };
    const probabilities = this.probabilities!;
    if (this.kind === "multi-label") return this.#multiLabelAnswer(row, probabilities);
    if (this.kind === "binary") return { score: probabilities[row]! };
    const id = this.classId(row);
    return { prediction: this.#classes[id]!, score: probabilities[row * this.units + id]! };
  }

  #multiLabelAnswer(row: number, all: Float32Array): Answer {
    const start = row * this.units;
    return {
      classes: this.#classes.filter((_, id) => this.logits[start + id]! > 0),
      probabilities: Object.fromEntries(
        this.#classes.map((name, id) => [String(name), all[start + id]!]),
      ),
    };
  }

  /**
   * Returns the index of the class with the highest logit, or the first of several such classes.
   *
   * @param row The index of the row, from 0.
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

/** The kind of the label, and the classes that the logits of a net stand for. */
export interface LabelAnswers {
  /** The kind of the label; `several` for several labels. */
  readonly kind: "class" | "binary" | "number" | "multi-label" | "several";
  /**
   * The classes in the order of the logits; for a binary label, its two values; empty for numbers
   * and for several labels.
   */
  readonly classes: readonly ClassValue[];
  /** Each label by its name, if there are several. */
  readonly labels?: Readonly<Record<string, NamedAnswers>> | undefined;
}

/** One of several labels, and the positions of its logits among those of all labels. */
export interface NamedAnswers extends LabelAnswers {
  /** The position of its first logit. */
  readonly firstUnit: number;
  /** The number of its logits. */
  readonly units: number;
}

/**
 * Returns the kind of the label, and the class that each logit of a net stands for.
 *
 * @param label The label in `model.json`.
 */
export function labelAnswers(label: ModelFile["label"]): LabelAnswers {
  if ("type" in label) return answersOf(label.spec, label.type.family);
  const parts = labelParts(label.spec).map(({ name, spec, firstUnit, units }) =>
    [name, { ...answersOf(spec, label.types[name]!.family), firstUnit, units }] as const
  );
  return { kind: "several", classes: [], labels: Object.fromEntries(parts) };
}

function answersOf({ kind, classes, vocabulary }: LabelSpec, family: Family): LabelAnswers {
  // The values of the column are 0 and 1, or names.
  if (kind === "multi-label") return { kind, classes: vocabulary ?? [...Array(classes).keys()] };
  const values = vocabulary
    ? classKeys(family, vocabulary)
    : Array.from({ length: classes }).keys();
  if (!values) return { kind, classes: vocabulary! };
  return {
    kind,
    classes: Array.from(values, (value) => {
      if (family === "strings") return value;
      if (family === "booleans") return value === 1;
      // The key of a whole number that a double cannot represent is its text.
      return typeof value === "number" ? value : BigInt(value);
    }),
  };
}
