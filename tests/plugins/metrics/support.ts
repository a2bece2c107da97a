/**
 * What the tests of metrics have in common.
 *
 * @module
 */

import type {
  Accumulator,
  EvaluatedBatch,
  LabelSpec,
  Metric,
  MetricStage,
  NetName,
} from "../../../plugin.ts";

/** Rows as the nets saw them. */
export interface Rows {
  /** The light net's logits, a list a row. */
  readonly light: readonly (readonly number[])[];
  /** The booster's, where there is one. */
  readonly booster?: readonly (readonly number[])[];
  /** The labels; of a multi-label label, a value for each class, row by row. */
  readonly label: readonly number[];
  /** Columns that are no features, by name. */
  readonly columns?: Readonly<Record<string, readonly number[]>>;
  /** How much each row counts. */
  readonly weight?: readonly number[];
}

/** How rows are measured. */
export interface Measuring {
  /** The sizes of the batches; all rows at once by default. */
  readonly sizes?: readonly number[];
  /** The options, as a pipeline file has them. */
  readonly options?: unknown;
}

/**
 * A metric.
 *
 * @param stage The stage.
 * @param label The label.
 * @param options The options, as a pipeline file has them.
 */
export function makeMetric(stage: MetricStage, label: LabelSpec, options: unknown = {}): Metric {
  const nets = ["light", "booster"] as const;
  return stage.create(stage.options.parse(options), { label, nets });
}

/**
 * Measures the light net, or both, on some rows.
 *
 * @param stage The stage.
 * @param label The label.
 * @param rows The rows.
 * @param measuring In which batches, and with which options.
 * @returns The metric's value.
 */
export function measure(
  stage: MetricStage,
  label: LabelSpec,
  rows: Rows,
  { sizes = [rows.light.length], options }: Measuring = {},
): ReturnType<Accumulator["value"]> {
  const accumulator = makeMetric(stage, label, options).start();
  let from = 0;
  for (const size of sizes) accumulator.add(batchOf(label, rows, from, from += size));
  if (from !== rows.light.length) throw new RangeError(`${from} of ${rows.light.length} rows`);
  return accumulator.value();
}

/**
 * Some rows as the batch that a metric receives.
 *
 * @param label The label.
 * @param rows All rows.
 * @param from The first row of the batch.
 * @param to The row after its last one.
 */
export function batchOf(label: LabelSpec, rows: Rows, from: number, to: number): EvaluatedBatch {
  const outputs = (net: NetName) => {
    const logits = rows[net]!;
    return {
      logits: {
        values: Float32Array.from(logits.slice(from, to).flat()),
        shape: [logits[0]?.length ?? 1],
      },
    };
  };
  const light = outputs("light");
  const [width = 1] = label.shape, values = rows.label.slice(from * width, to * width);
  return {
    size: to - from,
    outputs: light,
    nets: rows.booster ? { light, booster: outputs("booster") } : { light },
    label: label.dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values),
    losses: {},
    columns: Object.fromEntries(
      Object.entries(rows.columns ?? {}).map((
        [name, column],
      ) => [name, Float64Array.from(column.slice(from, to))]),
    ),
    ...(rows.weight && { weight: Float32Array.from(rows.weight.slice(from, to)) }),
  };
}

/**
 * Cuts a list into rows.
 *
 * @param values The values, one row after the other.
 * @param units How many a row has.
 */
export function rowsOf(values: ArrayLike<number>, units: number): number[][] {
  return Array.from(
    { length: values.length / units },
    (_, row) => Array.from(values).slice(row * units, (row + 1) * units),
  );
}
