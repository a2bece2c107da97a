import { assert, assertEquals, assertThrows } from "@std/assert";
import { createRandom } from "../../../src/base/random.ts";
import type { Batch, Column, ColumnSpec, Values } from "../../../src/stages/batch.ts";
import type { Transform, TransformStage } from "../../../src/stages/transform.ts";
import { UserError } from "../../../plugin.ts";

/** Features as a transform is told of them. */
export type Features = Readonly<Record<string, ColumnSpec>>;

/** A feature of numbers. */
export const floats = (...shape: number[]): ColumnSpec => ({ shape, dtype: "float32" });

/** A feature of ids. */
export const ids = (...shape: number[]): ColumnSpec => ({ shape, dtype: "int32" });

/** Makes a transform from options as a pipeline file has them. */
export function make(stage: TransformStage, options: unknown, features: Features): Transform {
  return stage.create(stage.options.parse(options), { features });
}

/** Makes a batch of columns; its labels are the row numbers. */
export function batchOf(size: number, features: Readonly<Record<string, Column>>): Batch {
  return {
    size,
    features,
    label: { values: Int32Array.from({ length: size }, (_, row) => row), shape: [] },
  };
}

/** The columns of some rows of a batch, as views. */
export function rowsOf({ features, label }: Batch, start: number, end: number): Batch {
  const part = ({ values, shape }: Column): Column => {
    const size = shape.reduce((product, length) => product * length, 1);
    return { values: values.subarray(start * size, end * size), shape };
  };
  return {
    size: end - start,
    features: Object.fromEntries(
      Object.entries(features).map(([name, column]) => [name, part(column)]),
    ),
    label: part(label),
  };
}

const columnsOf = ({ features, label }: Batch) => [...Object.entries(features), ["label", label]];

/**
 * Applies a transform; whatever is asked of it, rows and labels stay and nothing is written into
 * the batch it was given.
 */
export function applied(transform: Transform, batch: Batch, seed = 1): Batch {
  const before = structuredClone(columnsOf(batch));
  const result = transform.apply(batch, {
    random: createRandom(seed),
    numbers: (length) => new Float32Array(length),
  });
  assertEquals(columnsOf(batch), before, "the given batch was changed");
  assertEquals(result.size, batch.size);
  assertEquals(result.label, batch.label);
  assertEquals(Object.keys(result.features), Object.keys(transform.features));
  for (const [name, { shape }] of Object.entries(result.features)) {
    assertEquals(shape, transform.features[name]!.shape, name);
  }
  return result;
}

/**
 * As {@linkcode applied}, of a transform without random numbers: rows do not depend on their
 * company.
 */
export function appliedByRows(transform: Transform, batch: Batch): Batch {
  const result = applied(transform, batch);
  assert(batch.size > 1, "one row says nothing of its company");
  for (let row = 0; row < batch.size; row++) {
    const alone = applied(transform, rowsOf(batch, row, row + 1), row + 2);
    assertEquals(alone.features, rowsOf(result, row, row + 1).features, `row ${row}`);
  }
  return result;
}

/** Applies a transform to the only feature `x` and gives what becomes of its values. */
export function valuesOf(
  stage: TransformStage,
  options: unknown,
  spec: ColumnSpec,
  values: Values,
): Values {
  const size = values.length / spec.shape.reduce((product, length) => product * length, 1);
  const transform = make(stage, options, { x: spec });
  return appliedByRows(transform, batchOf(size, { x: { values, shape: spec.shape } }))
    .features.x!.values;
}

/** Expects a transform to refuse features as a mistake of the pipeline file, with advice. */
export function assertRefused(
  stage: TransformStage,
  options: unknown,
  features: Features,
  message: string,
  hint?: string,
): void {
  const error = assertThrows(() => make(stage, options, features), UserError, message);
  assertEquals(error.exitCode, 2);
  assert(error.problems.every(({ hint }) => hint), "there is no hint");
  if (hint !== undefined) assertEquals(error.problems[0]!.hint, hint);
}

/** What the schema says of options that it refuses. */
export function issuesOf(stage: TransformStage, options: unknown): string[] {
  const { error } = stage.options.safeParse(options);
  assert(error, `${JSON.stringify(options)} was accepted`);
  return error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}
