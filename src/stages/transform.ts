import type { Random } from "../base/random.ts";
import type { tf } from "./tf.ts";
import type { Batch, ColumnSpec } from "./batch.ts";
import {
  type Create,
  defineStage,
  oneOf,
  type OptionsSchema,
  type Stage,
  type StageDefinition,
} from "./stage.ts";

/** What a transform knows about its input when it is created. */
export interface TransformContext {
  /** The features before this transform. */
  readonly features: Readonly<Record<string, ColumnSpec>>;
}

/** The context in which a transform is applied to a batch. */
export interface ApplyContext {
  /** Random numbers that depend on the seed, the epoch, the batch and the transform's position. */
  readonly random: Random;
  /**
   * Creates an array of zeros for numbers that the transform computes. Numbers are rounded to
   * float32 only once, after the last transform, because the nets compute in float32. Between
   * transforms they are in float64: in float32, neighboring values of a time in seconds, for
   * example, are two minutes apart.
   *
   * @param length The number of values.
   */
  numbers(length: number): Float32Array | Float64Array;
}

/**
 * Creates constants in {@linkcode Transform.graph}, which computes a transform in an exported net.
 */
export interface GraphContext {
  /**
   * Creates a constant in float64 precision. A tensor of tfjs would round it to float32, but
   * transforms in an exported graph may compute in float64.
   *
   * @param values A number, or the numbers of a tensor in row-major order.
   * @param shape The tensor's shape. By default, a number becomes a scalar, and a list becomes a
   *   vector.
   */
  numbers(values: number | readonly number[], shape?: readonly number[]): tf.Tensor;
}

/**
 * Changes the features of batches before the nets read them, such as by scaling or augmentation.
 */
export interface Transform {
  /**
   * The features after this transform. Rocket assumes that a feature that keeps its name is
   * computed from that feature alone, and a new one from all features. {@linkcode
   * ColumnSpec.places} declares what its values represent.
   */
  readonly features: Readonly<Record<string, ColumnSpec>>;
  /**
   * Measures the statistics that {@linkcode Transform.apply} needs on the training split, before
   * the first epoch.
   *
   * @param batches The batches of the training split, in order, after the preceding transforms.
   * @returns The statistics as plain JSON, which is stored in the run folder.
   */
  measure?(batches: AsyncIterable<Batch>): Promise<unknown>;
  /**
   * Restores the statistics that {@linkcode Transform.measure} returned in this run or an earlier
   * one.
   *
   * @param measured The plain JSON.
   */
  restore?(measured: unknown): void;
  /**
   * Transforms a batch. It must not change the given batch or its arrays.
   *
   * A run may prepare batches in a worker thread, where the transform is created and restored
   * again. So the result must depend only on the arguments and the restored statistics, and it must
   * be computed with typed arrays, not tensors.
   *
   * @param batch Some rows.
   * @param context The random numbers.
   * @returns The transformed batch.
   */
  apply(batch: Batch, context: ApplyContext): Batch;
  /**
   * Computes the same as {@linkcode Transform.apply} with tensors, so that an exported net can read
   * the columns of the source. It must use only tfjs operations, and must not read the values of
   * tensors. Without it, an export cannot include the transform. Transforms that apply only in
   * training do not need it.
   *
   * @param features The features by name, `[rows, ...shape]`. Numbers are float32 tensors.
   * @param context Creates constants.
   * @returns The features after the transform.
   */
  graph?(
    features: Readonly<Record<string, tf.Tensor>>,
    context: GraphContext,
  ): Readonly<Record<string, tf.Tensor>>;
}

/** A stage that transforms batches. */
export interface TransformStage extends Stage<"transform", TransformContext, Transform> {
  /**
   * The default of `on:` in the pipeline file: whether it is applied only in training, or always.
   */
  readonly on: "training" | "all";
}

/** The definition of a transform, for {@linkcode defineTransform}. */
export type TransformDefinition<Schema extends OptionsSchema> = StageDefinition<Schema> & {
  /** `training` for augmentation, which evaluation leaves out; `all` by default. */
  readonly on?: "training" | "all";
  /**
   * Creates the transform.
   *
   * @throws {UserError} If the transform does not support the features.
   */
  readonly create: Create<Schema, TransformContext, Transform>;
};

/**
 * Defines a transform, which changes batches before the nets read them. It reads and returns typed
 * arrays.
 *
 * @param definition The transform's name, summary, options and `create` function.
 * @returns The stage.
 *
 * @example
 * ```ts
 * import { defineTransform, type TransformStage, z } from "@rocket-launching/rocket/plugin";
 *
 * const negate: TransformStage = defineTransform({
 *   name: "negate",
 *   summary: "Changes the sign of one feature.",
 *   options: z.object({ feature: z.string() }),
 *   create: ({ feature }, { features }) => ({
 *     features,
 *     apply(batch, context) {
 *       const column = batch.features[feature]!;
 *       const values = context.numbers(column.values.length);
 *       for (let index = 0; index < values.length; index++) values[index] = -column.values[index]!;
 *       return { ...batch, features: { ...batch.features, [feature]: { ...column, values } } };
 *     },
 *   }),
 * });
 * ```
 */
export function defineTransform<Schema extends OptionsSchema>(
  definition: TransformDefinition<Schema>,
): TransformStage {
  const on = oneOf(definition, "on", ["training", "all"], definition.on ?? "all");
  return { ...defineStage("transform", definition), on };
}
