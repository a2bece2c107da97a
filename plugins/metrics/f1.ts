import {
  type Accumulator,
  defineMetric,
  hint,
  type MetricStage,
  undefinedMetric,
  UserError,
  z,
} from "../../plugin.ts";
import { ConfusionCounts } from "./confusion_counts.ts";
import { refuseNumber } from "./predictions.ts";

/**
 * The harmonic mean of precision and recall: F1 = 2 TP / (2 TP + FP + FN). TP are the rows of a
 * class that are predicted as this class, FP the other rows that are predicted as it, and FN the
 * rows of the class that are not. The predicted class is that of the metric `accuracy`; for one
 * logit, it is positive if the logit is above 0.
 *
 * `average` is what scikit-learn's `f1_score` calls `average`. `binary`: F1 of the positive class.
 * `macro`: the mean of F1 over the classes that occur, as labels or as predictions. `micro`: F1 of
 * the sums of TP, FP, and FN over all classes, which is the accuracy. A row with a NaN logit has no
 * predicted class. It is undefined if the denominator is 0, where scikit-learn returns 0.
 *
 * If the label is of kind `multi-label`, a class is predicted if its logit is above 0. `macro` is the
 * mean over the classes that occur, as labels or as predictions, and the additional value `classes`
 * is the fraction of these classes; `micro` is F1 of the sums of TP, FP, and FN over all classes.
 */
const stage: MetricStage = defineMetric({
  name: "f1",
  summary: "The harmonic mean of precision and recall.",
  multiLabel: true,
  options: z.object({
    average: z.enum(["binary", "macro", "micro"]).optional().describe(
      "binary: F1 of the positive class. macro: the mean of F1 over the classes. micro: F1 of the " +
        "counts of all classes together. By default, binary for two classes and macro for more.",
    ),
  }),
  example: "use: f1\naverage: macro",
  create({ average }, { label }) {
    refuseNumber("f1", label);
    const { classes, kind } = label, isMulti = kind === "multi-label";
    if (average === "binary" && (classes > 2 || isMulti)) {
      const of = isMulti ? "several classes in each row" : `${classes}`;
      throw new UserError(`f1 with average: binary needs two classes; the label has ${of}`, {
        hint: hint("f1/binary", "write `average: macro` or `average: micro`", [
          { set: { average: "macro" } },
          { set: { average: "micro" } },
        ]),
      });
    }
    if (isMulti) return { start: () => f1OfClasses(classes, average === "micro") };
    const mean = average ?? (classes > 2 ? "macro" : "binary");
    return {
      start() {
        const counts = new ConfusionCounts(classes);
        return {
          add: ({ outputs: { logits }, label, size }) => counts.add(logits, label, size),
          value() {
            if (counts.rows === 0) return undefinedMetric("no rows");
            const right = new Float64Array(classes), predicted = new Float64Array(classes);
            for (const { label, predicted: own, rows } of counts.cells()) {
              if (label === own) right[own]! += rows;
              predicted[own]! += rows;
            }
            // 2 TP + FP + FN: the rows of the class, and the rows that are predicted as it.
            const both = predicted.map((rows, own) => rows + counts.rowsWith(own));
            const sum = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
            if (mean === "micro") return 2 * sum(right) / sum(both);
            if (mean === "macro") {
              const occurring = both.filter((rows) => rows > 0).length;
              return sum(right.map((rows, own) => both[own] === 0 ? 0 : 2 * rows / both[own]!)) /
                occurring;
            }
            return both[1] === 0
              ? undefinedMetric("no positive row, and none predicted")
              : 2 * right[1]! / both[1]!;
          },
        };
      },
    };
  },
});
export default stage;

/** Creates an accumulator for a label of kind `multi-label`. */
function f1OfClasses(classes: number, isMicro: boolean): Accumulator {
  const right = new Float64Array(classes), both = new Float64Array(classes);
  let rows = 0;
  return {
    add({ outputs: { logits: { values } }, label, size }) {
      rows += size;
      for (let at = 0; at < size * classes; at++) {
        const isPredicted = Number(values[at]! > 0), own = label[at]!;
        right[at % classes]! += isPredicted * own;
        both[at % classes]! += isPredicted + own;
      }
    },
    value() {
      if (rows === 0) return undefinedMetric("no rows");
      const occurring = both.filter((count) => count > 0).length;
      if (occurring === 0) {
        const none = undefinedMetric("no positive row, and none predicted");
        return isMicro ? none : { "": none, classes: 0 };
      }
      const sum = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
      if (isMicro) return 2 * sum(right) / sum(both);
      const values = right.map((count, own) => both[own] === 0 ? 0 : 2 * count / both[own]!);
      return { "": sum(values) / occurring, classes: occurring / classes };
    },
  };
}
