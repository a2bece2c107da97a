import {
  defineMetric,
  hint,
  type MetricStage,
  undefinedMetric,
  UserError,
  z,
} from "../../plugin.ts";
import { ConfusionCounts } from "./confusion_counts.ts";
import { refuseNumber } from "./predictions.ts";

/** The maximum number of classes. The metric has a value for each pair of classes. */
const MAX_CLASSES = 10;

/**
 * The confusion matrix, as fractions of the rows of each class. The main value is the fraction of
 * rows whose class is predicted wrongly, which is 1 minus the accuracy. The value `A as B` is the
 * fraction of the rows of class A that are predicted as B; there is one for each pair of different
 * classes, so lower is better for all values. It is undefined for a class without rows. A row with
 * a NaN logit is predicted wrongly, but as no class.
 */
const stage: MetricStage = defineMetric({
  name: "confusion",
  summary: "The fraction of rows with a wrong prediction, and for each pair of classes, the " +
    "fraction of the rows of one class that are predicted as the other.",
  better: { "": "lower", "*": "lower" },
  options: z.object({}),
  example: "use: confusion",
  create(_options, { label }) {
    refuseNumber("confusion", label);
    const { classes, vocabulary } = label;
    if (classes > MAX_CLASSES) {
      throw new UserError(
        `confusion has a value for each pair of at most ${MAX_CLASSES} classes; the label has ${classes} classes`,
        {
          hint: hint(
            "confusion/classes",
            "use accuracy; after the run, the command evaluate prints the most frequent confusions",
            { set: { use: "accuracy" } },
          ),
        },
      );
    }
    const name = (index: number) => vocabulary?.[index] ?? String(index);
    const indices = Array.from({ length: classes }, (_, index) => index);
    const pairs = indices.flatMap((own) =>
      indices.flatMap((other) => own === other ? [] : [[own, other] as const])
    );
    return {
      start() {
        const counts = new ConfusionCounts(classes);
        return {
          add: ({ outputs: { logits }, label, size }) => counts.add(logits, label, size),
          value() {
            const rows = new Map(
              counts.cells().map(({ label, predicted, rows }) => [`${label} ${predicted}`, rows]),
            );
            const of = (own: number, other: number) => rows.get(`${own} ${other}`) ?? 0;
            const right = indices.reduce((sum, index) => sum + of(index, index), 0);
            return {
              "": counts.rows === 0
                ? undefinedMetric("no rows")
                : (counts.rows - right) / counts.rows,
              ...Object.fromEntries(pairs.map(([own, other]) => [
                `${name(own)} as ${name(other)}`,
                counts.rowsWith(own) === 0
                  ? undefinedMetric("no row of the class")
                  : of(own, other) / counts.rowsWith(own),
              ])),
            };
          },
        };
      },
    };
  },
});
export default stage;
