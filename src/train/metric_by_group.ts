import { largest } from "../base/long_lists.ts";
import {
  type Accumulator,
  type EvaluatedBatch,
  isUndefinedMetric,
  type Metric,
  type MetricValue,
  metricValue,
  type OutputValues,
  undefinedMetric,
} from "../stages/metric.ts";
import { LargeMap } from "../base/large_map.ts";
import { mapValues } from "../stages/parts.ts";
import { pickRows, type RowPlace } from "./pick_rows.ts";

/** Why a metric that reads losses is undefined: losses are computed for batches. */
class LossesByGroup extends Error {
  override name = "LossesByGroup";
}

/**
 * Measures a metric for each group of rows, and averages its values over the groups. Each group for
 * which a value is defined counts once. The additional value `groups` is the fraction of groups for
 * which the metric is defined. (If a metric has no main value, this means that any of its values is
 * defined.) If another value is defined for another number of groups, their fraction is the
 * additional value `groups/NAME`, such as `groups/ratio`.
 *
 * All rows stay in memory until the value is computed: 4 bytes for each logit, label, weight, and
 * column of a row.
 *
 * @param metric The metric.
 * @param by The column that identifies the group of a row.
 */
export function metricByGroup(metric: Metric, by: string): Metric {
  return {
    start() {
      const batches: EvaluatedBatch[] = [];
      return {
        add: (batch) => void batches.push(copyOf(batch)),
        value: () => meanOverGroups(metric, groupsOf(batches, by), by),
      };
    },
  };
}

/** Copies a batch, because the arrays of a batch are reused. */
function copyOf({ size, outputs, nets, label, weight, columns }: EvaluatedBatch): EvaluatedBatch {
  const copied = new Map<OutputValues, OutputValues>();
  const copy = (output: OutputValues) => {
    const { logits: { values, shape } } = output;
    const made = copied.get(output) ?? { logits: { values: values.slice(), shape } };
    copied.set(output, made);
    return made;
  };
  return {
    size,
    outputs: copy(outputs),
    nets: mapValues(nets, copy),
    label: label.slice(),
    weight: weight?.slice(),
    columns: mapValues(columns, (values) => values.slice()),
    losses: {},
  };
}

/** Yields the rows of each group as a batch, in the order of the first rows of the groups. */
function* groupsOf(batches: readonly EvaluatedBatch[], by: string): Generator<EvaluatedBatch> {
  const places = new LargeMap<number, RowPlace[]>();
  for (const [number, { columns, size }] of batches.entries()) {
    for (let row = 0; row < size; row++) {
      const group = columns[by]![row]!, own = places.get(group);
      if (own) own.push([number, row]);
      else places.set(group, [[number, row]]);
    }
  }
  for (const own of places.values()) {
    yield pickRows(batches, own, () => {
      throw new LossesByGroup();
    });
  }
}

function meanOverGroups(
  metric: Metric,
  groups: Iterable<EvaluatedBatch>,
  by: string,
): ReturnType<Accumulator["value"]> {
  const sums = new Map<string, { sum: number; groups: number; reason: string }>();
  let all = 0;
  for (const group of groups) {
    all++;
    const accumulator = metric.start();
    let values: Readonly<Record<string, MetricValue>>;
    try {
      accumulator.add(group);
      values = named(accumulator.value());
    } catch (error) {
      if (!(error instanceof LossesByGroup)) throw error;
      return undefinedMetric("losses are not computed by group");
    }
    for (const [name, value] of Object.entries(values)) {
      const so = sums.get(name) ?? { sum: 0, groups: 0, reason: "" };
      sums.set(name, so);
      const checked = typeof value === "number" ? metricValue(value) : value;
      if (typeof checked === "number") {
        so.sum += checked;
        so.groups++;
      } else so.reason ||= checked.undefined;
    }
  }
  if (all === 0) return undefinedMetric("no rows");
  const means = [...sums].map(([name, { sum, groups, reason }]) =>
    [
      name,
      groups > 0 ? sum / groups : undefinedMetric(`for no ${by}: ${reason}`),
    ] as const
  );
  const counted = sums.get("")?.groups ??
    largest([...sums.values()].map(({ groups }) => groups));
  const others = [...sums].flatMap(([name, { groups }]) =>
    name === "" || groups === counted ? [] : [[`groups/${name}`, groups / all] as const]
  );
  return { ...Object.fromEntries([...means, ["groups", counted / all], ...others]) };
}

/** Returns the values of a metric by name. */
function named(value: ReturnType<Accumulator["value"]>): Readonly<Record<string, MetricValue>> {
  return typeof value === "number" || isUndefinedMetric(value)
    ? { "": value }
    : value as Readonly<Record<string, MetricValue>>;
}
