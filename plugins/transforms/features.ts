/**
 * How transforms choose the features that they change.
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
  UserError,
  type Values,
  z,
} from "../../plugin.ts";

/** Features by name. */
export type Features = Readonly<Record<string, ColumnSpec>>;

const name = z.string().min(1, { error: "expected the name of a feature" });

/** The option `feature` that transforms of features have in common. */
export const featureOption = z.union([name, z.array(name).min(1)], {
  error: "expected the name of a feature, or a list of them",
}).optional().describe("The feature, or a list of features; by default, all suitable features.");

/** What a transform can be applied to. */
export interface Suitable {
  /** Says what is wrong with a feature, or nothing if it suits. */
  readonly problem: (spec: ColumnSpec) => string | undefined;
  /** What suits, for messages: `numbers`. */
  readonly wanted: string;
}

/**
 * The features that a transform changes: those that are named, or all that suit.
 *
 * @param features The features as they reach the transform.
 * @param given The option `feature`.
 * @param suitable What it can be applied to.
 * @returns Their names.
 * @throws {UserError} If one is missing or does not suit, or none suits.
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
    throw new UserError(`no feature suits: expected ${wanted}`, {
      hint: hint(
        "features/none",
        `leave the transform out; the features are ${
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
        `it is ${describe(spec)} when it gets here: leave it out of \`feature\``,
        {
          edit: "`feature`",
        },
      ),
      exitCode: 2,
    });
  });
}

/**
 * A feature by its name.
 *
 * @param features The features.
 * @param name The name.
 * @throws {UserError} If there is none.
 */
export function featureNamed(features: Features, name: string): ColumnSpec {
  const spec = Object.hasOwn(features, name) && features[name];
  if (spec) return spec;
  const all = Object.keys(features);
  throw new UserError(`there is no feature ${name}`, {
    hint: hint("features/name", `${didYouMean(name, all)}the features are ${all.join(", ")}`, {
      edit: "the name",
    }),
    exitCode: 2,
  });
}

/**
 * An array of the same kind, with zeros in it.
 *
 * @param values The array that says which kind.
 * @param length How many values.
 */
export function zerosLike(values: Values, length: number): Values {
  return new (values.constructor as new (length: number) => Values)(length);
}

/** Numbers rather than ids. */
export const numbers: Suitable = {
  problem: (spec) => spec.dtype === "float32" ? undefined : notNumbers("", spec)!.holds,
  wanted: "numbers (float32)",
};

/** Images. */
export const images: Suitable = {
  problem: ({ shape }) => shape.length === 3 ? undefined : "is no image",
  wanted: "images of the shape [height, width, channels]",
};

/**
 * The features with some of them changed.
 *
 * @param features The features.
 * @param names Which are changed.
 * @param change What becomes of one.
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
 * A batch with some of its features changed.
 *
 * @param batch The batch.
 * @param names Which are changed.
 * @param change What becomes of one.
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

/** Features of numbers that a transform changes, each value in its place. */
export interface ChangedNumbers {
  /** The names of those that change. */
  readonly names: readonly string[];
  /** All features as they leave the transform. */
  readonly features: Features;
  /** A batch with these columns changed. */
  readonly change: (batch: Batch, change: (column: Column, name: string) => Column) => Batch;
}

/**
 * Chooses features of numbers for a transform that leaves their shapes as they are.
 *
 * @param features The features as they reach the transform.
 * @param given The option `feature`.
 * @throws {UserError} If one is missing or holds no numbers, or none does.
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
 * How many values a shape has.
 *
 * @param shape The shape.
 */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * What an image is once its height and width have changed.
 *
 * @param spec What it was.
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
 * What a feature is once its values have changed and their places have not: numbers.
 *
 * @param spec What it was.
 */
export function asNumbers({ shape, places }: ColumnSpec): ColumnSpec {
  return { shape, dtype: "float32", ...(places && { places }) };
}

const describe = ({ shape, dtype }: ColumnSpec) => `${dtype} [${shape.join(", ")}]`;
