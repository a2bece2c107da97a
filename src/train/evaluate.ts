import * as tf from "@tensorflow/tfjs";
import { hint } from "../base/hints.ts";
import type { GradientPolicy } from "../stages/gradient.ts";
import type { CapturedFunction } from "../engine/capture/capture.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";
import type { Batch } from "../stages/batch.ts";
import type { Metrics } from "../stages/events.ts";
import {
  type Accumulator,
  type BootstrapSamples,
  type EvaluatedBatch,
  isUndefinedMetric,
  type Metric,
  type MetricValue,
  metricValue,
  type OutputValues,
  undefinedMetric,
} from "../stages/metric.ts";
import type { LabelPart } from "../stages/labels.ts";
import type { NetName } from "../stages/network.ts";
import { weightOfRows } from "../stages/row_weights.ts";
import type { TrainedNets } from "./auxiliary.ts";
import { Forward } from "./forward.ts";
import { batchOfLabel } from "./label_outputs.ts";
import {
  evaluatedTerms,
  type FactorValues,
  type HintTerm,
  partsRead,
  type TaskTerm,
  type Term,
  termLoss,
} from "./objective.ts";
import { type BatchTensors, batchTensors, rowsOf } from "./tensors.ts";
import type { TensorsByName } from "./variables.ts";

/** A metric to measure, with its stage and its name in results. */
export interface PlannedMetric {
  /** The metric's stage, for messages. */
  readonly stage: StageReference;
  /** The metric's name in keys, after the net's name. */
  readonly name: string;
  /** Whether the metric is measured for each net or once for the run. */
  readonly per: "net" | "run";
  /** Whether higher or lower values are better. */
  readonly better: "higher" | "lower";
  /** Whether the metric has a single value or several named ones. */
  readonly values: "one" | "several";
  /** The metric. */
  readonly metric: Metric;
  /** The label for which it is measured, if there are several. */
  readonly label?: LabelPart | undefined;
}

/** The parts of a model that an evaluation needs. */
export interface EvaluatedModel {
  /** The nets. */
  readonly pair: TrainedNets;
  /** Their names. */
  readonly nets: readonly NetName[];
  /** The loss terms, computed without gradients. Those of teachers outside the run are left out. */
  readonly terms: readonly Term[];
}

/** The input of an evaluation step: the values of all variables, and a batch of rows. */
export interface EvaluationInput {
  /** The variables' values. */
  readonly values: TensorsByName;
  /** The rows. */
  readonly batch: BatchTensors;
}

/** The logits and the losses that an evaluation step computes. */
export interface EvaluationOutput {
  /** The logits of each net, in the order of the model's nets. */
  readonly logits: readonly tf.Tensor[];
  /** The mean of each loss term that reads no teacher outside the run, `[terms]`. */
  readonly losses: tf.Tensor;
}

/**
 * Computes the nets' logits and the losses for a batch, with running statistics and without
 * dropout. It is a pure function of tensors.
 *
 * @param model The nets and loss terms.
 * @param input The variables' values and the rows.
 * @returns The logits and losses.
 */
export function evaluationStep(
  { pair, nets, terms }: EvaluatedModel,
  { values, batch }: EvaluationInput,
): EvaluationOutput {
  const forward = new Forward(pair, {
    values,
    features: batch.features,
    training: false,
    seed: () => tf.scalar(0, "int32"),
  });
  const logits = nets.map((net) => forward.outputs(net).logits);
  const losses = evaluatedTerms(terms)
    .map((term) => termLoss(ungated(term), forward, batch, noFactors));
  return { logits, losses: losses.length > 0 ? tf.stack(losses) : tf.zeros([0]) };
}

/**
 * Evaluates the nets on a split.
 *
 * @param model The nets and loss terms.
 * @param compute {@linkcode evaluationStep} of the model, possibly as a captured function.
 * @param values The variables' values.
 * @param batches The batches of the split, transformed.
 * @param metrics The metrics to compute.
 * @returns The metrics by key, such as `light/accuracy`.
 * @throws {StageError} If a metric returns something other than a number.
 */
export async function evaluate(
  model: EvaluatedModel,
  compute: Pick<CapturedFunction<EvaluationInput, EvaluationOutput>, "call">,
  values: TensorsByName,
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  metrics: readonly PlannedMetric[],
): Promise<Metrics> {
  return (await measureSplit(model, compute, values, batches, metrics)).metrics;
}

/** The result of the evaluation of a split. */
export interface MeasuredSplit {
  /** The metrics by key, such as `light/accuracy`. */
  readonly metrics: Metrics;
  /** Bootstrap samples by the key of their metric, of the metrics that compute any. */
  readonly samples: Readonly<Record<string, BootstrapSamples>>;
}

/**
 * Evaluates the nets on a split, like {@linkcode evaluate}, and returns bootstrap samples as well.
 *
 * @param model The nets and loss terms.
 * @param compute {@linkcode evaluationStep} of the model, possibly as a captured function.
 * @param values The variables' values.
 * @param batches The batches of the split, transformed.
 * @param metrics The metrics to compute.
 * @returns The metrics and the samples.
 * @throws {StageError} If a metric returns something other than a number.
 */
export async function measureSplit(
  model: EvaluatedModel,
  compute: Pick<CapturedFunction<EvaluationInput, EvaluationOutput>, "call">,
  values: TensorsByName,
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  metrics: readonly PlannedMetric[],
): Promise<MeasuredSplit> {
  const measures = new Measures(model.nets, metrics);
  for await (const batch of batches) {
    measures.add(await evaluateBatch(model, compute, values, batch));
  }
  return { metrics: measures.values(), samples: measures.samples() };
}

/** Thrown when a metric reads losses that were not computed. */
export class UnknownLosses extends Error {
  override name = "UnknownLosses";
}

/** A metric of a net, or of the run, while it is measured. */
interface RunningMetric {
  readonly planned: PlannedMetric;
  readonly net: NetName | undefined;
  readonly accumulator: Accumulator;
  /** The reason why the metric has no value, if it reads losses that were not computed. */
  unknown?: string;
}

/** Computes the metrics of the nets for a split, batch by batch. */
export class Measures {
  readonly #running: readonly RunningMetric[];

  /**
   * Starts all metrics.
   *
   * @param nets The nets that are evaluated.
   * @param metrics The metrics.
   */
  constructor(nets: readonly NetName[], metrics: readonly PlannedMetric[]) {
    this.#running = metrics.flatMap((planned) => {
      const measured = planned.per === "net" ? nets : [undefined];
      return measured.map((net) => ({
        planned,
        net,
        accumulator: callStage<Accumulator>(planned.stage, "start()", () => planned.metric.start()),
      }));
    });
  }

  /**
   * Adds rows. Losses that cannot be computed throw {@linkcode UnknownLosses} when they are read.
   *
   * @param evaluated The rows, with the outputs of the nets for these rows.
   */
  add(evaluated: EvaluatedBatch): void {
    const byLabel = new Map<string, EvaluatedBatch>();
    const rowsOf = (part: LabelPart | undefined) => {
      if (!part) return evaluated;
      const known = byLabel.get(part.name) ?? batchOfLabel(evaluated, part);
      byLabel.set(part.name, known);
      return known;
    };
    for (const running of this.#running) {
      if (running.unknown !== undefined) continue;
      const { planned, net, accumulator } = running;
      const { size, nets, label, weight, columns, lossWeights } = rowsOf(planned.label);
      const batch: EvaluatedBatch = {
        ...{ size, nets, label, weight, columns, lossWeights },
        outputs: nets[net ?? "light"]!,
        get losses() {
          return evaluated.losses;
        },
      };
      try {
        callStage(planned.stage, "add()", () => accumulator.add(batch));
      } catch (error) {
        const cause = error instanceof Error ? error.cause : undefined;
        if (!(cause instanceof UnknownLosses)) throw error;
        running.unknown = cause.message;
      }
    }
  }

  /**
   * The metrics by key, such as `light/accuracy`.
   *
   * @throws {StageError} If a metric returns something other than a number.
   */
  values(): Metrics {
    const result: Record<string, MetricValue> = {};
    for (const running of this.#running) {
      const { planned, accumulator, unknown } = running, key = keyOf(running);
      Object.assign(
        result,
        unknown === undefined
          ? valuesOf(planned, accumulator, key)
          : { [key]: undefinedMetric(unknown) },
      );
    }
    return result;
  }

  /** Returns the bootstrap samples by the key of their metric, after {@linkcode Measures.values}. */
  samples(): Record<string, BootstrapSamples> {
    return Object.fromEntries(this.#running.flatMap((running) => {
      const { planned, accumulator } = running;
      const samples = callStage(planned.stage, "samples()", () => accumulator.samples?.());
      return samples ? [[keyOf(running), samples]] : [];
    }));
  }
}

const keyOf = ({ planned, net }: RunningMetric) => net ? `${net}/${planned.name}` : planned.name;

/**
 * Computes the values of a metric from its accumulator. Each value is a finite number or the reason
 * why there is none.
 *
 * @param planned The metric.
 * @param accumulator What the metric accumulated over the split.
 * @param key The metric's key, such as `light/auc`. If the metric has several values, their keys
 *   start with it.
 * @returns The keys and values.
 * @throws {StageError} If the metric returns something other than values.
 */
export function valuesOf(
  { stage, values }: Pick<PlannedMetric, "stage" | "values">,
  accumulator: Accumulator,
  key: string,
): Record<string, MetricValue> {
  const value: unknown = callStage(stage, "value()", () => accumulator.value());
  const entries = isSeveral(value)
    ? Object.entries(value).map(([name, part]) => [name ? `${key}/${name}` : key, part] as const)
    : [[key, value] as const];
  if (values === "one" && !entries.some(([name]) => name === key)) {
    throw new StageError(
      stage,
      `returned ${
        describe(value)
      }, but a metric with a single value must return one value that has no name`,
      {
        hint: hint(
          "metric/several",
          'set `values: "several"` in defineMetric(), or name one of the values ""',
          { edit: "the stage" },
        ),
      },
    );
  }
  return Object.fromEntries(entries.map(([name, part]) => {
    if (typeof part === "number") return [name, metricValue(part)];
    if (isUndefinedMetric(part)) return [name, part];
    throw new StageError(
      stage,
      `returned ${describe(part)} as the value ${name} of a metric; expected a number`,
      {
        hint: hint(
          "metric/value",
          "return a number, undefinedMetric(REASON), or an object of these from value()",
          { edit: "the stage" },
        ),
      },
    );
  }));
}

/** Checks whether a metric returned several named values. Promises and lists do not count. */
function isSeveral(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Promise) && !isUndefinedMetric(value);
}

/** Describes in a few words what a metric returned instead of a number. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (value instanceof Promise) return "a promise";
  if (Array.isArray(value)) return "a list";
  return typeof value === "bigint" ? `the bigint ${value}` : JSON.stringify(value) ?? typeof value;
}

/**
 * Computes the outputs of the nets, and the losses, for a batch.
 *
 * @param model The nets and loss terms.
 * @param compute {@linkcode evaluationStep} of the model, possibly as a captured function.
 * @param values The variables' values.
 * @param rows The batch, transformed.
 * @returns The rows with the nets' logits and the losses.
 */
export async function evaluateBatch(
  { nets, terms }: EvaluatedModel,
  compute: Pick<CapturedFunction<EvaluationInput, EvaluationOutput>, "call">,
  values: TensorsByName,
  rows: Batch,
): Promise<EvaluatedBatch> {
  const measured = evaluatedTerms(terms), batch = batchTensors(rows, partsRead(measured));
  const { logits, losses } = compute.call({ values, batch });
  tf.dispose(rowsOf(batch));
  const outputs: [NetName, OutputValues][] = [];
  for (const [index, tensor] of logits.entries()) {
    const values = await tensor.data<"float32">();
    outputs.push([nets[index]!, { logits: { values, shape: tensor.shape.slice(1) } }]);
  }
  const lossValues = await losses.data();
  tf.dispose([...logits, losses]);
  const byNet = Object.fromEntries(outputs) as EvaluatedBatch["nets"];
  return {
    size: rows.size,
    outputs: byNet.light!,
    nets: byNet,
    label: rows.label.values,
    weight: rows.weight?.values,
    columns: Object.fromEntries(
      Object.entries(rows.columns ?? {}).map(([name, { values }]) => [name, values]),
    ),
    losses: Object.fromEntries(measured.map(({ name }, index) => [name, lossValues[index]!])),
    lossWeights: lossWeightsOf(measured, rows),
  };
}

/**
 * Returns, for each loss term whose label can be null in some rows, the total weight of the rows in
 * which it is not null. The mean of the loss over a split needs these weights.
 *
 * @param terms The loss terms.
 * @param rows The rows.
 */
export function lossWeightsOf(
  terms: readonly Term[],
  rows: Batch,
): Record<string, number> | undefined {
  const masked = terms.flatMap(({ name, label }) => label?.spec.masked ? [{ name, label }] : []);
  if (masked.length === 0) return undefined;
  return Object.fromEntries(masked.map(({ name, label }) => [name, weightOfRows(rows, label)]));
}

const noFactors: FactorValues = new Map();

/**
 * Returns a loss term for evaluation, whose gradient factors are all 1. Without gradients, only the
 * direction in which a pass computes the loss matters.
 */
function ungated<T extends TaskTerm | HintTerm>(term: T): T {
  const open = (policy: GradientPolicy) =>
    policy.map((pass) => ({ ...pass, from: 1, to: 1, shared: 1 }));
  const policy = open(term.policy);
  if (term.form === "task") return { ...term, policy };
  const pairs = term.pairs.map((pair) =>
    pair.policy ? { ...pair, policy: open(pair.policy) } : pair
  );
  return { ...term, policy, pairs };
}
