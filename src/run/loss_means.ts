import type { Metrics } from "../stages/events.ts";
import { metricValue, undefinedMetric } from "../stages/metric.ts";
import type { LossSums } from "./folder/checkpoint_content.ts";
import type { Term } from "../train/objective.ts";

/** The gradient norm and the learning rate of a training step. */
export interface StepFacts {
  /** The L2 norm of all gradients. */
  readonly gradientNorm: number;
  /** The learning rate. */
  readonly learningRate: number;
}

/** The means of losses and gradient norms over an epoch, weighted by rows. */
export class LossMeans {
  readonly #names: readonly string[];
  readonly #sums: Float64Array;
  /** The number of rows of the total and of each term, which are fewer if nulls mask its label. */
  readonly #termRows: Float64Array;
  #rows = 0;
  #gradientNorm = 0;
  #learningRate = 0;

  /**
   * Starts an epoch, or continues one.
   *
   * @param terms The loss terms.
   * @param before The sums so far; ignored if they are of other terms.
   */
  constructor(terms: readonly Term[], before?: LossSums) {
    this.#names = terms.map(({ name }) => name);
    this.#sums = new Float64Array(terms.length + 1);
    this.#termRows = new Float64Array(terms.length + 1);
    if (!before || !this.#names.every((name) => Object.hasOwn(before.terms, name))) return;
    this.#rows = before.rows;
    this.#gradientNorm = before.gradientNorm;
    this.#learningRate = before.learningRate;
    this.#sums.set([before.total, ...this.#names.map((name) => before.terms[name]!)]);
    const { termRows = {} } = before;
    this.#termRows.set([this.#rows, ...this.#names.map((name) => termRows[name] ?? this.#rows)]);
  }

  /**
   * Adds the losses of a step.
   *
   * @param losses The mean total loss, followed by the mean of each term.
   * @param rows The number of rows over which the means were taken.
   * @param facts The step's gradient norm and learning rate.
   * @param termRows The number of rows of each term whose label nulls may mask, by its name.
   */
  add(
    losses: Float32Array,
    rows: number,
    { gradientNorm, learningRate }: StepFacts,
    termRows: Readonly<Record<string, number>> = {},
  ): void {
    this.#gradientNorm += gradientNorm * rows;
    this.#learningRate = learningRate;
    losses.forEach((loss, index) => {
      const counted = termRows[this.#names[index - 1] ?? ""] ?? rows;
      this.#sums[index]! += loss * counted;
      this.#termRows[index]! += counted;
    });
    this.#rows += rows;
  }

  /**
   * Returns losses by name.
   *
   * @param losses The total loss, followed by each term.
   */
  named([loss, ...each]: ArrayLike<number> & Iterable<number>): {
    loss: number;
    losses: Record<string, number>;
  } {
    return {
      loss: loss!,
      losses: Object.fromEntries(this.#names.map((name, index) => [name, each[index]!])),
    };
  }

  /**
   * Returns the means so far, and the learning rate of the last step; they are undefined metrics if
   * all steps were skipped.
   */
  metrics(): Metrics {
    const mean = (sum: number, rows = this.#rows) => {
      if (rows > 0) return metricValue(sum / rows);
      return undefinedMetric(this.#rows > 0 ? "no row has the label" : "all steps skipped");
    };
    return {
      loss: mean(this.#sums[0]!),
      ...Object.fromEntries(
        this.#names.map((name, index) => [
          `loss/${name}`,
          mean(this.#sums[index + 1]!, this.#termRows[index + 1]),
        ]),
      ),
      "gradient-norm": mean(this.#gradientNorm),
      "learning-rate": this.#rows > 0
        ? metricValue(this.#learningRate)
        : undefinedMetric("all steps skipped"),
    };
  }

  /** Returns the sums so far. */
  sums(): LossSums {
    const { loss, losses } = this.named(this.#sums);
    return {
      rows: this.#rows,
      total: loss,
      terms: losses,
      ...(this.#termRows.some((rows) => rows !== this.#rows) && {
        termRows: Object.fromEntries(
          this.#names.map((name, index) => [name, this.#termRows[index + 1]!]),
        ),
      }),
      gradientNorm: this.#gradientNorm,
      learningRate: this.#learningRate,
    };
  }
}
