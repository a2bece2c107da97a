import {
  type Accumulator,
  defineMetric,
  type MetricStage,
  undefinedMetric,
  z,
} from "../../plugin.ts";
import { meanOver, predictedClass, refuseNumber } from "./predictions.ts";

/**
 * The fraction of rows whose class is predicted correctly.
 *
 * If the label is of kind `multi-label`, a class is predicted if its logit is above 0, and a row is
 * correct if all of its classes are: the subset accuracy, as scikit-learn's `accuracy_score`. The
 * additional value `per-class` is the fraction of correct values of single classes, which is 1 minus
 * the Hamming loss.
 */
const stage: MetricStage = defineMetric({
  name: "accuracy",
  summary: "The fraction of rows whose class is predicted correctly.",
  better: { "": "higher", "per-class": "higher" },
  multiLabel: true,
  options: z.object({}),
  example: "use: accuracy",
  create(_options, { label }) {
    refuseNumber("accuracy", label);
    if (label.kind === "multi-label") return { start: () => subsetAccuracy(label.classes) };
    return {
      start: () =>
        meanOver(({ outputs, label }, row) =>
          Number(predictedClass(outputs.logits, row) === label[row])
        ),
    };
  },
});
export default stage;

/** Creates an accumulator for a label of kind `multi-label`. */
function subsetAccuracy(classes: number): Accumulator {
  let rows = 0, correct = 0, values = 0;
  return {
    add({ outputs: { logits }, label, size }) {
      for (let row = 0; row < size; row++) {
        let right = 0;
        for (let at = row * classes; at < (row + 1) * classes; at++) {
          right += Number(isCorrect(logits.values[at]!, label[at]!));
        }
        values += right;
        correct += Number(right === classes);
      }
      rows += size;
    },
    value: () =>
      rows === 0
        ? { "": undefinedMetric("no rows"), "per-class": undefinedMetric("no rows") }
        : { "": correct / rows, "per-class": values / (rows * classes) },
  };
}

/** Whether a class is predicted correctly; not if its logit is NaN. */
const isCorrect = (logit: number, label: number) =>
  !Number.isNaN(logit) && Number(logit > 0) === label;
