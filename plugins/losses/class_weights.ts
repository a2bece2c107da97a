/**
 * Weights of classes in losses on the label.
 *
 * @module
 */

import { hint, type LabelSpec, nearest, UserError, z } from "../../plugin.ts";

const weight = z.number().nonnegative().max(1e30);

/** The option `classWeights` of losses on the label. */
export const classWeightsOption = z.union([
  z.literal("balanced"),
  z.array(weight).min(2),
  z.record(z.string(), weight),
], { error: "expected balanced, a list of weights, or a map from classes to weights" }).optional()
  .describe(
    "The factor of the loss of each row, by the row's class. A list: in the order of the classes. " +
      "A map: by the values of the label (0 and 1 for a boolean label); 1 for all other classes. balanced: inversely " +
      "proportional to the number of training rows of the class, with mean 1 over the training " +
      "rows.",
  );

/** The weights of classes as a pipeline file has them. */
export type ClassWeights = z.output<typeof classWeightsOption>;

/**
 * Whether the weights depend on the training rows.
 *
 * @param options The options of the loss.
 */
export function isBalanced({ classWeights }: { readonly classWeights?: ClassWeights }): boolean {
  return classWeights === "balanced";
}

/**
 * Returns the weight of each class, in the order of the classes. With `balanced`, the weight is
 * n / (k · n_c), as in scikit-learn: n rows in all, n_c rows of the class, and k classes that
 * occur. A class without training rows has the weight 1.
 *
 * @param weights The option; undefined if all classes have the weight 1.
 * @param label The label.
 * @returns The weights; undefined if all are 1.
 * @throws {UserError} If there are too few weights or too many, or one is for an unknown class.
 */
export function weightsOfClasses(
  weights: ClassWeights,
  { classes, vocabulary, training }: LabelSpec,
): readonly number[] | undefined {
  if (weights === undefined) return undefined;
  if (weights === "balanced") {
    const counts = training!.classes, total = training!.total;
    const occurring = counts.filter((count) => count > 0).length;
    return counts.map((count) => count > 0 ? total / (occurring * count) : 1);
  }
  if (Array.isArray(weights)) {
    if (weights.length === classes) return weights;
    throw new UserError(
      `\`classWeights\` has ${weights.length} weights; the label has ${classes} classes`,
      {
        hint: hint(
          "losses/class-weights",
          "list one weight for each class, or write `classWeights: balanced`",
          { set: { classWeights: "balanced" } },
        ),
      },
    );
  }
  const names = Array.from({ length: classes }, (_, index) => vocabulary?.[index] ?? `${index}`);
  for (const name of Object.keys(weights)) {
    if (names.includes(name)) continue;
    const known = nearest(name, names) ?? names[0]!;
    throw new UserError(
      `\`classWeights\` has a weight for ${
        JSON.stringify(name)
      }, which is not a class of the label`,
      {
        hint: hint(
          "losses/class-weight",
          names.length <= 20
            ? `the classes are ${names.join(", ")}`
            : `use a value of the label's column, such as ${known}`,
          { set: { classWeights: { [known]: weights[name] } } },
        ),
      },
    );
  }
  return names.map((name) => Object.hasOwn(weights, name) ? weights[name]! : 1);
}
