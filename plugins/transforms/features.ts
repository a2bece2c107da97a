/**
 * How transforms select the features that they change.
 *
 * @module
 */

import {
  type Batch,
  type Column,
  type ColumnSpec,
  didYouMean,
  hint,
  notNumbers,
  type tf,
  UserError,
  type Values,
  yamlName,
  z,
} from "../../plugin.ts";

/** The specifications of features, by name. */
export type Features = Readonly<Record<string, ColumnSpec>>;

const name = z.string().min(1, { error: "expected the name of a feature" });

/** The option `feature` of transforms, which names the features to change. */
export const featureOption = z.union([name, z.array(name).min(1)], {
  error: "expected the name of a feature, or a list of them",
}).refine((given) => typeof given === "string" || new Set(given).size === given.length, {
  // The transform would change it twice.
  error: "a feature is listed more than once",
}).optional().describe("The feature, or a list of features; by default, all suitable features.");

/** Decides which features a transform can change, and describes them in messages. */
export interface Suitable {
  /** Returns the problem with a feature, or undefined if it is suitable. */
  readonly problem: (spec: ColumnSpec) => string | undefined;
  /** The description of suitable features in messages, such as `numbers`. */
  readonly wanted: string;
}

/**
 * Selects the features that a transform changes: the named ones, or all suitable ones.
 *
 * @param features The features at the input of the transform.
 * @param given The option `feature`.
 * @param suitable The features that the transform accepts.
 * @returns The names of the features.
 * @throws {UserError} If a named feature is missing or unsuitable, or if no feature is suitable.
 */
export function chooseFeatures(
  features: Features,
  given: string | readonly string[] | undefined,
  { problem, wanted }: Suitable,
): string[] {
  const all = Object.keys(features);
  if (given === undefined) {
    const chosen = all.filter((name) => !problem(features[name]!));
    if (chosen.length > 0) return chosen;
    throw new UserError(`no feature is suitable for this transform: expected ${wanted}`, {
      hint: hint(
        "features/unsuitable",
        `remove the transform; the features are ${
          all.map((name) => `${name} ${describe(features[name]!)}`).join(", ")
        }`,
        { remove: ["."] },
      ),
      exitCode: 2,
    });
  }
  return [given].flat().map((name) => {
    const spec = featureNamed(features, name);
    const wrong = problem(spec);
    if (wrong === undefined) return name;
    throw new UserError(`the feature ${name} ${wrong}: expected ${wanted}`, {
      hint: hint(
        "features/wrong",
        `before this transform, the feature is ${describe(spec)}: remove its name from \`feature\``,
        {
          edit: "`feature`",
        },
      ),
      exitCode: 2,
    });
  });
}

/**
 * Returns a feature by its name.
 *
 * @param features The features.
 * @param name The name.
 * @throws {UserError} If the feature does not exist.
 */
export function featureNamed(features: Features, name: string): ColumnSpec {
  const spec = Object.hasOwn(features, name) && features[name];
  if (spec) return spec;
  const all = Object.keys(features);
  throw new UserError(`there is no feature ${name}`, {
    hint: hint(
      "features/name",
      `${didYouMean(name, all)}the features are ${all.map(yamlName).join(", ")}`,
      {
        edit: "the name",
      },
    ),
    exitCode: 2,
  });
}

/**
 * Creates an array of the same type as another array, filled with zeros.
 *
 * @param values An array of the type.
 * @param length The number of values.
 */
export function zerosLike(values: Values, length: number): Values {
  return new (values.constructor as new (length: number) => Values)(length);
}

/** The condition that a feature must meet for transforms that change numbers. */
export const numbers: Suitable = {
  problem: (spec) => spec.dtype === "float32" ? undefined : notNumbers("", spec)!.holds,
  wanted: "numbers (float32)",
};

/** The requirement of transforms that accept only images. */
export const images: Suitable = {
  problem: ({ shape }) => shape.length === 3 ? undefined : "is not an image",
  wanted: "images of the shape [height, width, channels]",
};

/**
 * Returns a copy of the specifications of features in which a function has changed some of them.
 *
 * @param features The features.
 * @param names The names of the features to change.
 * @param change Returns the changed feature.
 */
export function changeSpecs(
  features: Features,
  names: readonly string[],
  change: (spec: ColumnSpec, name: string) => ColumnSpec,
): Features {
  return {
    ...features,
    ...Object.fromEntries(names.map((name) => [name, change(features[name]!, name)])),
  };
}

/**
 * Returns a copy of a batch in which a function has changed some of the features.
 *
 * @param batch The batch.
 * @param names The names of the features to change.
 * @param change Returns the changed feature.
 */
export function changeColumns(
  batch: Batch,
  names: readonly string[],
  change: (column: Column, name: string) => Column,
): Batch {
  return {
    ...batch,
    features: {
      ...batch.features,
      ...Object.fromEntries(names.map((name) => [name, change(batch.features[name]!, name)])),
    },
  };
}

/** The tensors of features by name. */
export type Tensors = Readonly<Record<string, tf.Tensor>>;

/**
 * Returns a copy of the features' tensors in which the function `change` has replaced those that
 * `names` lists.
 *
 * @param tensors The tensors of all features.
 * @param names The names of the features to change.
 * @param change Returns the changed tensor.
 */
export function changeTensors(
  tensors: Tensors,
  names: readonly string[],
  change: (tensor: tf.Tensor, name: string) => tf.Tensor,
): Tensors {
  return {
    ...tensors,
    ...Object.fromEntries(names.map((name) => [name, change(tensors[name]!, name)])),
  };
}

/** Numeric features that a transform changes without changing their shapes. */
export interface ChangedNumbers {
  /** The names of the features that change. */
  readonly names: readonly string[];
  /** All features after the transform. */
  readonly features: Features;
  /** Returns a batch with these columns changed. */
  readonly change: (batch: Batch, change: (column: Column, name: string) => Column) => Batch;
}

/**
 * Selects the numeric features that a transform changes without changing their shapes.
 *
 * @param features The features at the input of the transform.
 * @param given The option `feature`.
 * @throws {UserError} If a named feature is missing or has no numbers, or if no feature has
 *   numbers.
 */
export function changeNumbers(
  features: Features,
  given: string | readonly string[] | undefined,
): ChangedNumbers {
  const names = chooseFeatures(features, given, numbers);
  return {
    names,
    features: changeSpecs(features, names, asNumbers),
    change: (batch, change) => changeColumns(batch, names, change),
  };
}

/**
 * Counts the values in a shape.
 *
 * @param shape The shape.
 */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * Returns the specification of an image after its height and width have changed.
 *
 * @param spec The specification before the transform.
 * @param to Its new height and width.
 */
export function resized(
  { places, ...spec }: ColumnSpec,
  to: readonly [height: number, width: number],
): ColumnSpec {
  const { shape } = spec, channels = places?.slice(2);
  const asShaped = places?.slice(0, 2).every(({ size, ids }, axis) => !ids && size === shape[axis]);
  return {
    ...spec,
    shape: [...to, shape[2]!],
    ...(asShaped && channels &&
      { places: [{ size: to[0] }, { size: to[1] }, ...channels] }),
  };
}

/**
 * Returns the specification of a numeric feature after a transform has changed its values, but not
 * their positions.
 *
 * @param spec The specification before the transform.
 */
export function asNumbers({ shape, places }: ColumnSpec): ColumnSpec {
  return { shape, dtype: "float32", ...(places && { places }) };
}

const describe = ({ shape, dtype }: ColumnSpec) => `${dtype} [${shape.join(", ")}]`;
