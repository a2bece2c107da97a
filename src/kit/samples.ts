/**
 * What stages are tried with. All of it is the same in each run.
 *
 * @module
 */

import { createRandom, deriveSeed, type Random } from "../base/random.ts";
import type { Batch, Column, ColumnSpec, LabelSpec, Values } from "../stages/batch.ts";
import type { Position } from "../stages/gradient.ts";
import type { StageChecks } from "./stage_checks.ts";

/** A label to try. */
export interface LabelSample {
  /** What it is, in words. */
  readonly name: string;
  /** What a stage is told of it. */
  readonly spec: LabelSpec;
  /** How many logits a net has for it. */
  readonly units: number;
}

/** Features to try. */
export interface FeaturesSample {
  /** What they are, in words. */
  readonly name: string;
  /** What a stage is told of them. */
  readonly features: Readonly<Record<string, ColumnSpec>>;
}

/**
 * A generator for one purpose of a check.
 *
 * @param purpose What the numbers are for.
 */
export function randomFor(...purpose: readonly (string | number)[]): Random {
  return createRandom(deriveSeed(0, "check", ...purpose));
}

/**
 * Normally distributed numbers (Box and Muller's method).
 *
 * @param random Where they come from.
 * @param length How many.
 * @param deviation Their standard deviation.
 */
export function normalValues(random: Random, length: number, deviation = 1): Float32Array {
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
    return deviation * radius * Math.cos(2 * Math.PI * random.uniform());
  });
}

/**
 * The labels to try.
 *
 * @param checks What the author of the stage asked for.
 * @returns The author's, or classes, a binary label and a number.
 */
export function labelSamples({ label }: StageChecks): readonly LabelSample[] {
  const specs: readonly LabelSpec[] = label ? [label] : [
    { kind: "class", classes: 3, shape: [], dtype: "int32" },
    { kind: "class", classes: 2, shape: [], dtype: "int32" },
    { kind: "class", classes: 10, shape: [], dtype: "int32" },
    { kind: "binary", classes: 2, shape: [], dtype: "float32" },
    { kind: "number", classes: 0, shape: [], dtype: "float32" },
  ];
  return specs.map((spec) => ({
    name: spec.kind === "class"
      ? `${spec.classes} classes`
      : spec.kind === "binary"
      ? "a binary label"
      : "a number as label",
    spec,
    units: spec.kind === "class" ? spec.classes : 1,
  }));
}

/**
 * Labels of some rows, each class among them if there are enough rows.
 *
 * @param spec The label.
 * @param rows How many rows.
 */
export function labelValues({ kind, classes }: LabelSpec, rows: number): Float32Array | Int32Array {
  switch (kind) {
    case "class":
      return Int32Array.from({ length: rows }, (_, row) => (row * 7 + 1) % classes);
    case "binary":
      return Float32Array.from({ length: rows }, (_, row) => (row + 1) % 2);
    case "number":
      return normalValues(randomFor("label"), rows);
  }
}

/**
 * The features to try.
 *
 * @param checks What the author of the stage asked for.
 * @returns The author's, or one feature called `image` of several shapes.
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
 * How many values one row of a shape has.
 *
 * @param shape The shape of the row.
 */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Values of a feature. They are a view into a larger buffer, as those of a file are.
 *
 * @param spec The feature.
 * @param rows How many rows.
 * @param random Where the values come from.
 * @param bytes Whether to keep whole numbers in bytes, as sources do with images.
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
  // Lists that are padded have different lengths, also 0.
  const size = sizeOf(shape), filled = (index: number) => Math.floor(index / size) % (size + 1);
  const id = (index: number) => ids?.padded && index % size >= filled(index) ? -1 : whole();
  const values = dtype === "int32"
    ? view(Int32Array.from({ length }, (_, index) => id(index)))
    : bytes
    ? view(Uint8Array.from({ length }, whole))
    : view(normalValues(random, length));
  return { values, shape };
}

/** The same values as a part of a larger buffer. */
function view<T extends Float32Array | Int32Array | Uint8Array>(values: T): T {
  const margin = 4;
  const Type = values.constructor as new (length: number) => T;
  const whole = new Type(values.length + 2 * margin);
  whole.set(values, margin);
  return whole.subarray(margin, margin + values.length) as T;
}

/**
 * A batch of rows.
 *
 * @param features The features.
 * @param rows How many rows.
 * @param purpose What makes it differ from others.
 * @param bytes Whether float32 features are kept in bytes.
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

/** All positions of some runs: of one step, of few, and of many epochs. */
export function positions(): readonly Position[] {
  const runs = [{ epochs: 1, perEpoch: 1 }, { epochs: 2, perEpoch: 3 }, {
    epochs: 20,
    perEpoch: 10,
  }];
  return runs.flatMap(({ epochs, perEpoch }) =>
    Array.from(
      { length: epochs * perEpoch },
      (_, step) =>
        Object.freeze({ step, steps: epochs * perEpoch, epoch: step / perEpoch, epochs }),
    )
  );
}

/**
 * A position in words.
 *
 * @param position The position.
 */
export function positionText({ step, steps, epoch, epochs }: Position): string {
  return `step ${step} of ${steps} (epoch ${Number(epoch.toFixed(3))} of ${epochs})`;
}

/**
 * How many of something, in words.
 *
 * @param count The number.
 * @param one The word for one of them.
 */
export function counted(count: number, one: string): string {
  return count === 1 ? `one ${one}` : `${count} ${one}s`;
}

/**
 * The bytes of an array, to see later whether they were changed.
 *
 * @param values The array.
 */
export function copyBytes(values: Values): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
}

/**
 * Whether an array still has the bytes it had.
 *
 * @param values The array.
 * @param bytes What {@linkcode copyBytes} returned.
 */
export function sameBytes(values: Values, bytes: Uint8Array): boolean {
  const now = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return now.length === bytes.length && now.every((byte, index) => byte === bytes[index]);
}
