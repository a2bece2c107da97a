import type { Random } from "../base/random.ts";
import type { Batch, ColumnSpec } from "./batch.ts";
import {
  type Create,
  defineStage,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/** What a transform knows when it is made. */
export interface TransformContext {
  /** The features as they reach this transform. */
  readonly features: Readonly<Record<string, ColumnSpec>>;
}

/** What a transform knows when it is applied to a batch. */
export interface ApplyContext {
  /** Random numbers that depend on the seed, the epoch, the batch and this transform's position. */
  readonly random: Random;
}

/** A change of batches. */
export interface Transform {
  /**
   * The features as they leave this transform. One that keeps its name is taken to be made of that feature alone, a new
   * one of all features; {@linkcode ColumnSpec.places} says what its values stand for.
   */
  readonly features: Readonly<Record<string, ColumnSpec>>;
  /**
   * Measures what {@linkcode Transform.apply} needs on the training split, before the first epoch.
   *
   * @param batches The training split, in order, as it reaches this transform.
   * @returns What was measured, as plain JSON; it is kept in the run folder.
   */
  measure?(batches: AsyncIterable<Batch>): Promise<unknown>;
  /**
   * Takes over what {@linkcode Transform.measure} returned, now or in an earlier run.
   *
   * @param measured The plain JSON.
   */
  restore?(measured: unknown): void;
  /**
   * The changed batch. The given one is left as it is, its arrays included.
   *
   * A run may make batches in a thread of its own, with a transform that is made and restored there: what
   * comes out depends on the arguments alone, and is computed with typed arrays, not tensors.
   *
   * @param batch Some rows.
   * @param context The random numbers.
   */
  apply(batch: Batch, context: ApplyContext): Batch;
}

/** A stage that changes batches. */
export interface TransformStage extends Stage<"transform", TransformContext, Transform> {
  /** The rows that it is applied to when the pipeline file has no `on:`. */
  readonly on: "training" | "all";
}

/** What the author of a transform writes. */
export type TransformDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** `training` for augmentation, which test rows should not get; `all` by default. */
  readonly on?: "training" | "all";
  /**
   * Makes the transform.
   *
   * @throws {UserError} If the features do not suit it.
   */
  readonly create: Create<Schema, TransformContext, Transform>;
};

/**
 * Defines a transform: a change of batches on their way to the nets, typed arrays in and typed
 * arrays out.
 *
 * @param definition Its name, options and how it is made.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineTransform, type TransformStage, z } from "@rocket-launching/rocket";
 *
 * const negate: TransformStage = defineTransform({
 *   name: "negate",
 *   summary: "Changes the sign of one feature.",
 *   options: z.object({ feature: z.string() }),
 *   create: ({ feature }, { features }) => ({
 *     features,
 *     apply(batch) {
 *       const column = batch.features[feature]!;
 *       const values = Float32Array.from(column.values, (value) => -value);
 *       return { ...batch, features: { ...batch.features, [feature]: { ...column, values } } };
 *     },
 *   }),
 * });
 * ```
 */
export function defineTransform<Schema extends OptionsSchema>(
  definition: TransformDefinition<Schema>,
): TransformStage {
  return { ...defineStage("transform", definition), on: definition.on ?? "all" };
}
