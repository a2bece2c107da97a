/**
 * Helpers for metrics of labels of kind `multi-label`, which have 0 or 1 for each class.
 *
 * @module
 */

import {
  type Accumulator,
  type Column,
  type EvaluatedBatch,
  hint,
  isUndefinedMetric,
  type LabelSpec,
  undefinedMetric,
  UserError,
  z,
} from "../../plugin.ts";

/** The option `average` of metrics of two classes, for each class of a multi-label label. */
export const averageOption = z.enum(["macro", "micro"], { error: "expected macro or micro" })
  .optional().describe(
    "Only for a label of kind multi-label. macro (the default): the mean of the values of the " +
      "classes. micro: the value of all classes of all rows together.",
  );

/**
 * Throws an error if `average` is used with a label of another kind.
 *
 * @param metric The metric's name.
 * @param average The option.
 * @param label The label.
 * @throws {UserError} If the option is given, and the label is not of kind `multi-label`.
 */
export function refuseAverage(metric: string, average: unknown, { kind }: LabelSpec): void {
  if (average === undefined || kind === "multi-label") return;
  throw new UserError(
    `\`average\` of ${metric} is for labels of kind multi-label; this label has the kind ${kind}`,
    { hint: hint("metrics/average", "remove `average`", { remove: ["average"] }) },
  );
}

/**
 * Measures a metric of two classes for each class of a multi-label label.
 *
 * With `macro`, the main value is the mean over the classes for which the metric is defined. The
 * additional value `classes` is the fraction of these classes.
 *
 * @param classes The number of classes.
 * @param average Whether to average over classes, or to measure all classes of all rows together.
 * @param start Starts the metric of two classes.
 */
export function overClasses(
  classes: number,
  average: "macro" | "micro",
  start: () => Accumulator,
): Accumulator {
  if (average === "micro") {
    const all = start();
    return {
      add: ({ size, outputs: { logits }, label }) =>
        all.add(binaryBatch(size * classes, { values: logits.values, shape: [1] }, label)),
      value: () => all.value(),
    };
  }
  const each = Array.from({ length: classes }, start);
  return {
    add(batch) {
      each.forEach((one, index) => one.add(batchOfClass(batch, classes, index)));
    },
    value() {
      const values = each.map((one) => one.value()).filter((value) => typeof value === "number");
      if (values.length === 0) {
        const first = each[0]!.value();
        return {
          "": isUndefinedMetric(first) ? first : undefinedMetric("no rows"),
          classes: 0,
        };
      }
      return {
        "": values.reduce((sum, value) => sum + value, 0) / values.length,
        classes: values.length / classes,
      };
    },
  };
}

/** Returns the logits and labels of one class. */
function batchOfClass(
  { size, outputs: { logits }, label }: EvaluatedBatch,
  classes: number,
  index: number,
): EvaluatedBatch {
  const values = new Float32Array(size), own = new Float32Array(size);
  for (let row = 0; row < size; row++) {
    values[row] = logits.values[row * classes + index]!;
    own[row] = label[row * classes + index]!;
  }
  return binaryBatch(size, { values, shape: [1] }, own);
}

function binaryBatch(
  size: number,
  logits: Column,
  label: EvaluatedBatch["label"],
): EvaluatedBatch {
  return { size, outputs: { logits }, nets: {}, label, columns: {}, losses: {} };
}
