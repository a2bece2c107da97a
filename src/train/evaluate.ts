import * as tf from "@tensorflow/tfjs";
import { hint } from "../base/hints.ts";
import type { CapturedFunction } from "../engine/capture/capture.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";
import type { Batch } from "../stages/batch.ts";
import type { Metrics } from "../stages/events.ts";
import {
  type Accumulator,
  type EvaluatedBatch,
  isUndefinedMetric,
  type Metric,
  type MetricValue,
  metricValue,
  type OutputValues,
} from "../stages/metric.ts";
import type { NetName, NetworkPair } from "../stages/network.ts";
import { Forward } from "./forward.ts";
import { type FactorValues, type Term, termLoss } from "./objective.ts";
import { type BatchTensors, batchTensors, rowsOf } from "./tensors.ts";
import type { TensorsByName } from "./variables.ts";

/** A metric of the plan. */
export interface PlannedMetric {
  /** The metric's stage, for messages. */
  readonly stage: StageReference;
  /** The key that its values have, after the net's name. */
  readonly name: string;
  /** Whether it is measured for each net. */
  readonly per: "net" | "run";
  /** Which way is good. */
  readonly better: "higher" | "lower";
  /** Whether it has a value of its own. */
  readonly values: "one" | "several";
  /** The metric. */
  readonly metric: Metric;
}

/** What an evaluation needs of the model. */
export interface EvaluatedModel {
  /** The nets. */
  readonly pair: NetworkPair;
  /** Their names. */
  readonly nets: readonly NetName[];
  /** The loss terms, measured without their gradients. */
  readonly terms: readonly Term[];
}

/** What an evaluation computes with. */
export interface EvaluationInput {
  /** The variables' values. */
  readonly values: TensorsByName;
  /** The rows. */
  readonly batch: BatchTensors;
}

/** What an evaluation computes. */
export interface EvaluationOutput {
  /** The logits of each net, in the order of the model's nets. */
  readonly logits: readonly tf.Tensor[];
  /** `[terms]`: the mean of each loss term. */
  readonly losses: tf.Tensor;
}

/**
 * What the nets say of some rows, with running statistics and without dropout; a pure function of
 * tensors.
 *
 * @param model The nets and loss terms.
 * @param input Variables and rows.
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
  const losses = terms.map((term) => termLoss(ungated(term), forward, batch, noFactors));
  return { logits, losses: tf.stack(losses) };
}

/**
 * Measures the nets on a split.
 *
 * @param model The nets and loss terms.
 * @param compute {@linkcode evaluationStep} of the model.
 * @param values The variables' values.
 * @param batches The split, transformed, batch by batch.
 * @param metrics What to measure.
 * @returns The metrics by key: `light/accuracy`.
 * @throws {StageError} If a metric returns what is not a number.
 */
export async function evaluate(
  model: EvaluatedModel,
  compute: Pick<CapturedFunction<EvaluationInput, EvaluationOutput>, "call">,
  values: TensorsByName,
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  metrics: readonly PlannedMetric[],
): Promise<Metrics> {
  const running = metrics.flatMap((planned) => {
    const nets = planned.per === "net" ? model.nets : [undefined];
    return nets.map((net) => ({
      planned,
      net,
      accumulator: callStage<Accumulator>(planned.stage, "start()", () => planned.metric.start()),
    }));
  });
  for await (const batch of batches) {
    const evaluated = await evaluateBatch(model, compute, values, batch);
    for (const { planned, net, accumulator } of running) {
      const outputs = evaluated.nets[net ?? "light"]!;
      callStage(planned.stage, "add()", () => accumulator.add({ ...evaluated, outputs }));
    }
  }
  const result: Record<string, MetricValue> = {};
  for (const { planned, net, accumulator } of running) {
    const key = net ? `${net}/${planned.name}` : planned.name;
    Object.assign(result, valuesOf(planned, accumulator, key));
  }
  return result;
}

/**
 * What a metric has gathered, each value by its key: a finite number, or why there is none.
 *
 * @param planned The metric.
 * @param accumulator What it has gathered.
 * @param key The metric's key, such as `light/auc`; several values have keys below it.
 * @throws {StageError} If it returns what is no value.
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
    throw new StageError(stage, `returned ${describe(value)}, without a value of its own`, {
      hint: hint(
        "metric/several",
        'say `values: "several"` in defineMetric(), or name one of them ""',
        { edit: "the stage" },
      ),
    });
  }
  return Object.fromEntries(entries.map(([name, part]) => {
    if (typeof part === "number") return [name, metricValue(part)];
    if (isUndefinedMetric(part)) return [name, part];
    throw new StageError(stage, `returned ${describe(part)} as ${name}`, {
      hint: hint(
        "metric/value",
        "value() returns a number, undefinedMetric(REASON), or an object of these",
        { edit: "the stage" },
      ),
    });
  }));
}

/** Whether a metric gave several values by their names; a promise or a list has none. */
function isSeveral(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Promise) && !isUndefinedMetric(value);
}

/** What a metric gave in the place of a number, in a word. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (value instanceof Promise) return "a promise";
  if (Array.isArray(value)) return "a list";
  return typeof value === "bigint" ? `the bigint ${value}` : JSON.stringify(value) ?? typeof value;
}

async function evaluateBatch(
  { nets, terms }: EvaluatedModel,
  compute: Pick<CapturedFunction<EvaluationInput, EvaluationOutput>, "call">,
  values: TensorsByName,
  rows: Batch,
): Promise<EvaluatedBatch> {
  const batch = batchTensors(rows);
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
    losses: Object.fromEntries(terms.map(({ name }, index) => [name, lossValues[index]!])),
  };
}

const noFactors: FactorValues = new Map();

/** Without gradients a policy has nothing to say but which way round the loss is computed. */
function ungated(term: Term): Term {
  const policy = term.policy.map((pass) => ({ ...pass, from: 1, to: 1, shared: 1 }));
  return { ...term, policy };
}
