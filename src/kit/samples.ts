/**
 * The samples for checks of stages. They are the same in each run.
 *
 * @module
 */

import { createRandom, deriveSeed, type Random } from "../base/random.ts";
import type { Batch, Column, ColumnSpec, LabelSpec, Values } from "../stages/batch.ts";
import { unitsOf } from "../stages/labels.ts";
import type { Measured, Position } from "../stages/gradient.ts";
import type { StageChecks } from "./stage_checks.ts";

/** A label that the test kit uses to check a stage. */
export interface LabelSample {
  /** A description of the label. */
  readonly name: string;
  /** The label's specification, which the stage receives. */
  readonly spec: LabelSpec;
  /** The number of logits of a net with this label. */
  readonly units: number;
}

/** Features to check a stage with. */
export interface FeaturesSample {
  /** A description of the features. */
  readonly name: string;
  /** The features' specifications, which the stage receives. */
  readonly features: Readonly<Record<string, ColumnSpec>>;
}

/**
 * Creates a random generator for one purpose of a check.
 *
 * @param purpose The purpose; each one gets different numbers.
 * @returns The generator.
 */
export function randomFor(...purpose: readonly (string | number)[]): Random {
  return createRandom(deriveSeed(0, "check", ...purpose));
}

/**
 * Draws normally distributed numbers (method of Box and Muller).
 *
 * @param random The generator.
 * @param length How many numbers to draw.
 * @param deviation Their standard deviation.
 * @returns The numbers.
 */
export function normalValues(random: Random, length: number, deviation = 1): Float32Array {
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
    return deviation * radius * Math.cos(2 * Math.PI * random.uniform());
  });
}

/** Adds statistics of a label whose classes are equally frequent. */
function withStatistics(spec: LabelSpec): LabelSpec {
  const { kind, classes } = spec, rows = 10 * Math.max(classes, 1);
  const training = {
    rows,
    total: rows,
    classes: Array<number>(classes).fill(10),
    mean: kind === "class" ? 0 : 0.5,
  };
  return { training, ...spec };
}

/**
 * Lists the labels with which a stage is checked.
 *
 * @param checks The options of the check.
 * @param stage The loss or metric, if the stage is one.
 * @returns The label from these options, or else classes, a binary label, a number, and
 *   a multi-label label if the stage supports it.
 */
export function labelSamples(
  { label }: StageChecks,
  { multiLabel = false }: { readonly multiLabel?: boolean | undefined } = {},
): readonly LabelSample[] {
  const specs: readonly LabelSpec[] = label ? [label] : [
    { kind: "class", classes: 3, shape: [], dtype: "int32" },
    { kind: "class", classes: 2, shape: [], dtype: "int32" },
    { kind: "class", classes: 10, shape: [], dtype: "int32" },
    { kind: "binary", classes: 2, shape: [], dtype: "float32" },
    { kind: "number", classes: 0, shape: [], dtype: "float32" },
    ...multiLabel
      ? [{ kind: "multi-label", classes: 4, shape: [4], dtype: "float32" } as const]
      : [],
  ];
  return specs.map(withStatistics).map((spec) => ({
    name: spec.kind === "class"
      ? `${spec.classes} classes`
      : spec.kind === "multi-label"
      ? `${spec.classes} classes that a row may have together`
      : spec.kind === "binary"
      ? "a binary label"
      : "a number as label",
    spec,
    units: unitsOf(spec),
  }));
}

/**
 * Creates labels for some rows. All classes occur if there are enough rows.
 *
 * @param spec The label.
 * @param rows The number of rows.
 * @returns The labels.
 */
export function labelValues({ kind, classes }: LabelSpec, rows: number): Float32Array | Int32Array {
  switch (kind) {
    case "class":
      return Int32Array.from({ length: rows }, (_, row) => (row * 7 + 1) % classes);
    case "multi-label":
      return Float32Array.from({ length: rows * classes }, (_, at) => Number(at * 7 % 3 === 1));
    case "binary":
      return Float32Array.from({ length: rows }, (_, row) => (row + 1) % 2);
    default:
      return normalValues(randomFor("label"), rows);
  }
}

/**
 * Lists the features with which a stage is checked.
 *
 * @param checks The options of the check.
 * @returns The features from these options, or else one feature `image` in several shapes.
 */
export function featuresSamples({ features }: StageChecks): readonly FeaturesSample[] {
  if (features) return [{ name: shapesText(features), features }];
  const specs: readonly ColumnSpec[] = [
    { shape: [8, 8, 1], dtype: "float32" },
    { shape: [16, 16, 3], dtype: "float32" },
    { shape: [6], dtype: "float32" },
  ];
  return specs.map((image) => ({ name: shapesText({ image }), features: { image } }));
}

function shapesText(features: Readonly<Record<string, ColumnSpec>>): string {
  return "features " +
    Object.entries(features).map(([name, { shape, dtype }]) =>
      `${name} ${dtype === "int32" ? "int32 " : ""}[${shape.join(", ")}]`
    ).join(", ");
}

/**
 * Returns the number of values in a row of the given shape: the product of its sizes.
 *
 * @param shape The shape of one row, without the batch.
 */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Creates random values of a feature. As with values from a file, the array is a view of a larger
 * buffer, so a stage that ignores `byteOffset` fails.
 *
 * @param spec The feature.
 * @param rows The number of rows.
 * @param random The generator.
 * @param bytes Whether to store integers as bytes, as sources do with images.
 */
export function featureColumn(
  { shape, dtype, vocabulary, ids }: ColumnSpec,
  rows: number,
  random: Random,
  bytes = false,
): Column {
  const length = rows * sizeOf(shape);
  const highest = dtype === "int32" ? (ids?.count ?? vocabulary?.length ?? 4) - 1 : 255;
  const whole = () => random.integer(0, highest);
  // Padded lists have different lengths, including 0.
  const size = sizeOf(shape), filled = (index: number) => Math.floor(index / size) % (size + 1);
  const id = (index: number) => ids?.padded && index % size >= filled(index) ? -1 : whole();
  const values = dtype === "int32"
    ? view(Int32Array.from({ length }, (_, index) => id(index)))
    : bytes
    ? view(Uint8Array.from({ length }, whole))
    : view(normalValues(random, length));
  return { values, shape };
}

/** Copies values into a view of a larger buffer. */
function view<T extends Float32Array | Int32Array | Uint8Array>(values: T): T {
  const margin = 4;
  const Type = values.constructor as new (length: number) => T;
  const whole = new Type(values.length + 2 * margin);
  whole.set(values, margin);
  return whole.subarray(margin, margin + values.length) as T;
}

/**
 * Creates a batch with random features.
 *
 * @param features The features.
 * @param rows The number of rows.
 * @param purpose The purpose; each one gets different values.
 * @param bytes Whether float32 features are stored as bytes.
 */
export function sampleBatch(
  features: Readonly<Record<string, ColumnSpec>>,
  rows: number,
  purpose: string,
  bytes = false,
): Batch {
  const random = randomFor("batch", purpose, rows);
  return {
    size: rows,
    features: Object.fromEntries(
      Object.entries(features).map((
        [name, spec],
      ) => [name, featureColumn(spec, rows, random, bytes)]),
    ),
    label: {
      values: labelValues({ kind: "class", classes: 3, shape: [], dtype: "int32" }, rows),
      shape: [],
    },
  };
}

/**
 * Lists all positions (step and epoch) in the training of three runs: one with a single step, one
 * with a few steps, and one with many epochs.
 */
export function positions(): readonly Position[] {
  const runs = [{ epochs: 1, perEpoch: 1 }, { epochs: 2, perEpoch: 3 }, {
    epochs: 20,
    perEpoch: 10,
  }];
  return runs.flatMap(({ epochs, perEpoch }) =>
    Array.from(
      { length: epochs * perEpoch },
      (_, step) =>
        Object.freeze({
          ...{ step, steps: epochs * perEpoch, epoch: step / perEpoch, epochs },
          measured: measured(Math.floor(step / perEpoch)),
        }),
    )
  );
}

/** The metrics of some evaluations: one that improves at first, and one that has no value once. */
function measured(evaluations: number): Measured {
  const values = (value: (index: number) => number | null) =>
    Object.freeze(Array.from({ length: evaluations }, (_, index) => value(index)));
  return {
    better: { "light/accuracy": "higher", "light/log-loss": "lower" },
    select: "light/accuracy",
    values: {
      "light/accuracy": values((index) => Math.min(index, 5) / 10),
      "light/log-loss": values((index) => index === 3 ? null : 1 / (index + 1)),
    },
  };
}

/**
 * Describes a training position for messages.
 *
 * @param position The position.
 */
export function positionText({ step, steps, epoch, epochs }: Position): string {
  return `step ${step} of ${steps} (epoch ${Number(epoch.toFixed(3))} of ${epochs})`;
}

/**
 * Writes a count with its noun, such as `one row` or `3 rows`.
 *
 * @param count The number.
 * @param one The noun in the singular.
 */
export function counted(count: number, one: string): string {
  return count === 1 ? `one ${one}` : `${count} ${one}s`;
}

/**
 * Copies the bytes of an array, for a later comparison.
 *
 * @param values The array.
 */
export function copyBytes(values: Values): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
}

/**
 * Checks whether an array still has the same bytes.
 *
 * @param values The array.
 * @param bytes The result of {@linkcode copyBytes}.
 */
export function sameBytes(values: Values, bytes: Uint8Array): boolean {
  const now = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return now.length === bytes.length && now.every((byte, index) => byte === bytes[index]);
}
