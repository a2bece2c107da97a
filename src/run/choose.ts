/**
 * Chooses the metrics that select the best epoch and decide when training ends early. They must
 * have a value on the validation split, or on the test split if there is no validation split.
 *
 * @module
 */

import { type Problem, UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Plan } from "../pipeline/plan.ts";
import { createRandom, deriveSeed } from "../base/random.ts";
import { callStage } from "../stages/stage_error.ts";
import { type Accumulator, type MetricValue, undefinedMetric } from "../stages/metric.ts";
import type { Batch } from "../stages/batch.ts";
import type { NetName } from "../stages/network.ts";
import { unitsOf } from "../stages/labels.ts";
import { type PlannedMetric, valuesOf } from "../train/evaluate.ts";
import { batchOfLabel } from "../train/label_outputs.ts";
import { BatchMaker } from "../input/batches.ts";
import type { JobPhase } from "./job.ts";
import type { PreparedData } from "../input/prepare_data.ts";
import { decidingSplit, keysOf } from "./selection.ts";

/**
 * Chooses the metrics that select the best epoch of each phase and decide whether training ends
 * early. A metric can have no value for the labels of a split, for example if all rows have the
 * same class. If the pipeline names such a metric, an error is thrown. If the pipeline names no
 * metric, the first metric with a value is used.
 *
 * @param plan The plan.
 * @param data The rows.
 * @param phases The phases of a job.
 * @param report Receives a log line for each metric that is skipped.
 * @returns The phases with the metrics' keys filled in.
 * @throws {UserError} If a named metric has no value; exit code 2.
 */
export async function chooseMetrics(
  plan: Plan,
  data: PreparedData,
  phases: readonly JobPhase[],
  report: (line: string) => void = () => {},
): Promise<JobPhase[]> {
  const split = decidingSplit(data.splits);
  const units = unitsOf(data.splits.train.label);
  const problems: Problem[] = [];
  const chosen: JobPhase[] = [];
  for (const phase of phases) {
    const { nets: { metrics, nets, model }, select, stop } = phase;
    const own = metrics.filter(({ values }) => values === "one");
    const losses = model.terms.map(({ name }) => name);
    const facts = { split, nets, losses, units };
    const reasons = new Map<string, string>();
    for (const [metric, value] of await valuesByLabels(plan, data, own, facts)) {
      if (typeof value === "number") continue;
      for (const key of keysOf(metric, nets)) reasons.set(key, value.undefined);
    }
    const keys = own.flatMap((metric) => keysOf(metric, nets).slice(0, 1));
    const first = keys.find((key) => !reasons.has(key));
    const refuseSelect = (key: string) =>
      problems.push({
        message: `\`select\` names the metric ${key}, which has no value on the ${split} split: ${
          reasons.get(key)
        }`,
        place: phase.selectPlace,
        hint: first === undefined
          ? hint("select/leave-out", "remove `select`", { remove: ["."] })
          : hint("select/without-value", `write \`select: ${first}\``, { set: { ".": first } }),
      });
    const refuseStop = (key: string, isNamed: boolean) =>
      problems.push({
        message:
          `\`stop\` depends on the metric ${key}, which has no value on the ${split} split: ${
            reasons.get(key)
          }`,
        place: phase.stopPlace,
        hint: first === undefined
          ? hint("stop/leave-out", "remove `stop`", { remove: [isNamed ? ".." : "."] })
          : hint("stop/without-value", `write \`metric: ${first}\``, { set: { ".": first } }),
      });
    if (select !== undefined && reasons.has(select)) refuseSelect(select);
    else if (select === undefined) {
      const passed = first === undefined ? keys : keys.slice(0, keys.indexOf(first));
      for (const key of passed) {
        report(
          `metrics: the best epoch is ${
            first === undefined ? "the last one, not chosen by" : `chosen by ${first} instead of`
          } the metric ${key}, which has no value on the ${split} split: ${reasons.get(key)}`,
        );
      }
    }
    // If `stop` names no metric, it uses the metric that selects the best epoch.
    const watched = stop && (stop.metric ?? first);
    if (stop && watched === undefined && keys[0] !== undefined) refuseStop(keys[0], false);
    if (stop?.metric !== undefined && reasons.has(stop.metric) && stop.metric !== select) {
      refuseStop(stop.metric, true);
    }
    chosen.push({
      ...phase,
      select: select ?? first,
      stop: stop && { ...stop, metric: watched },
    });
  }
  const messages = new Set<string>();
  const once = problems.filter(({ message }) => !messages.has(message) && messages.add(message));
  if (once.length > 0) throw new UserError(once, { exitCode: 2 });
  return chosen;
}

/** Facts about the split and the nets with which metrics are tried. */
interface Facts {
  readonly split: string;
  readonly nets: readonly NetName[];
  readonly losses: readonly string[];
  readonly units: number;
}

/**
 * Computes metrics on the labels of a split with random logits: if a metric has no value, the
 * labels are the reason. Reads rows until all metrics have a value.
 */
async function valuesByLabels(
  plan: Plan,
  { splits, transforms }: PreparedData,
  metrics: readonly PlannedMetric[],
  { split, ...facts }: Facts,
): Promise<Map<PlannedMetric, MetricValue>> {
  const maker = new BatchMaker(splits, transforms, plan.seed);
  const pass = { split, training: false, epoch: 0, size: 256, last: "keep" } as const;
  const values = new Map<PlannedMetric, MetricValue>();
  const open = new Map<PlannedMetric, Accumulator>(
    metrics.map((metric) => [
      metric,
      callStage<Accumulator>(metric.stage, "start()", () => metric.metric.start()),
    ]),
  );
  for (const address of metrics.length > 0 ? maker.addresses(pass) : []) {
    const batch = await maker.make(address);
    // Values are computed after 1, 2, 4, … batches only, because some metrics sort all rows.
    const read = address.batch + 1;
    const isTime = (read & (read - 1)) === 0 || read === maker.count(pass);
    for (const [metric, accumulator] of open) {
      const rows = evaluated(batch, address.batch, facts);
      const own = metric.label ? batchOfLabel(rows, metric.label) : rows;
      callStage(metric.stage, "add()", () => accumulator.add(own));
      if (!isTime) continue;
      const value = valuesOf(metric, accumulator, metric.name)[metric.name] ??
        undefinedMetric("not measured");
      values.set(metric, value);
      if (typeof value === "number") open.delete(metric);
    }
    if (open.size === 0) break;
  }
  maker.rest();
  return values;
}

/** Returns the rows of a batch with random logits for each net. */
function evaluated(
  { size, label, weight, columns = {} }: Batch,
  number: number,
  { nets, losses, units }: Omit<Facts, "split">,
): Parameters<Accumulator["add"]>[0] {
  const outputs = nets.map((net) => {
    const random = createRandom(deriveSeed(number, net));
    const values = Float32Array.from({ length: size * units }, () => random.uniform() - 0.5);
    return [net, { logits: { values, shape: [units] } }] as const;
  });
  return {
    size,
    outputs: outputs[0]![1],
    nets: Object.fromEntries(outputs),
    label: label.values,
    weight: weight?.values,
    columns: Object.fromEntries(
      Object.entries(columns).map(([name, { values }]) => [name, values]),
    ),
    losses: Object.fromEntries(losses.map((name) => [name, 1])),
  };
}
