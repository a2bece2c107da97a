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

/** How much the rows of a step count in the means of its losses. */
export interface StepWeights {
  /** The sum of the weights of the rows; without weights, their number. */
  readonly all: number;
  /** The same for each term whose label nulls may mask, by its name: only rows with the label. */
  readonly terms: Readonly<Record<string, number>>;
}

/**
 * The means of losses over an epoch, in which each row counts by its weight, as in an evaluation; and
 * the mean of the gradient norms, in which all rows count equally.
 */
export class LossMeans {
  readonly #names: readonly string[];
  readonly #sums: Float64Array;
  /** The weights of the rows of the total and of each term: fewer rows if nulls mask its label. */
  readonly #weights: Float64Array;
  /** The terms that were not there at the first steps of the epoch. */
  readonly #late: ReadonlySet<string> = new Set();
  #rows = 0;
  #gradientNorm = 0;
  #learningRate = 0;

  /**
   * Starts an epoch, or continues one.
   *
   * @param terms The loss terms.
   * @param before The sums so far. If a resumed run has new terms, these have no means in the epoch
   *   in which it was resumed.
   */
  constructor(terms: readonly Term[], before?: LossSums) {
    this.#names = terms.map(({ name }) => name);
    this.#sums = new Float64Array(terms.length + 1);
    this.#weights = new Float64Array(terms.length + 1);
    if (!before) return;
    this.#rows = before.rows;
    this.#gradientNorm = before.gradientNorm;
    this.#learningRate = before.learningRate;
    const has = (name: string) => this.#rows === 0 || Object.hasOwn(before.terms, name);
    this.#late = new Set(this.#names.filter((name) => !has(name)));
    this.#sums.set([before.total, ...this.#names.map((name) => before.terms[name] ?? 0)]);
    const { weight = this.#rows, termWeights = {} } = before;
    this.#weights.set([weight, ...this.#names.map((name) => termWeights[name] ?? weight)]);
  }

  /**
   * Adds the losses of a step.
   *
   * @param losses The mean total loss, followed by the mean of each term.
   * @param rows The number of rows over which the means were taken.
   * @param facts The step's gradient norm and learning rate.
   * @param weights How much these rows count; equally by default.
   */
  add(
    losses: Float32Array,
    rows: number,
    { gradientNorm, learningRate }: StepFacts,
    weights: StepWeights = { all: rows, terms: {} },
  ): void {
    this.#gradientNorm += gradientNorm * rows;
    this.#learningRate = learningRate;
    losses.forEach((loss, index) => {
      const weight = weights.terms[this.#names[index - 1] ?? ""] ?? weights.all;
      this.#sums[index]! += loss * weight;
      this.#weights[index]! += weight;
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
    const mean = (at: number, why: string) => {
      const weight = this.#weights[at]!;
      if (weight > 0) return metricValue(this.#sums[at]! / weight);
      return undefinedMetric(this.#rows > 0 ? why : "all steps skipped");
    };
    return {
      loss: mean(0, "all rows have the weight 0"),
      ...Object.fromEntries(
        this.#names.map((name, index) => [
          `loss/${name}`,
          this.#late.has(name)
            ? undefinedMetric("the loss was new in the middle of the epoch")
            : mean(
              index + 1,
              this.#weights[0]! > 0 ? "no row has the label" : "all rows have the weight 0",
            ),
        ]),
      ),
      "gradient-norm": this.#rows > 0
        ? metricValue(this.#gradientNorm / this.#rows)
        : undefinedMetric("all steps skipped"),
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
      ...(this.#weights[0] !== this.#rows && { weight: this.#weights[0]! }),
      total: loss,
      terms: Object.fromEntries(
        Object.entries(losses).filter(([name]) => !this.#late.has(name)),
      ),
      ...(this.#weights.some((weight) => weight !== this.#weights[0]) && {
        termWeights: Object.fromEntries(
          this.#names.map((name, index) => [name, this.#weights[index + 1]!]),
        ),
      }),
      gradientNorm: this.#gradientNorm,
      learningRate: this.#learningRate,
    };
  }
}
