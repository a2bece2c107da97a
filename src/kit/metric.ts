import type { Column, LabelSpec } from "../stages/batch.ts";
import {
  type Accumulator,
  type EvaluatedBatch,
  formatMetric,
  isUndefinedMetric,
  type Metric,
  type MetricStage,
} from "../stages/metric.ts";
import type { NetName } from "../stages/network.ts";
import { columnsOf } from "../pipeline/plan/stage_options.ts";
import { describeValue } from "../base/describe_value.ts";
import type { Findings } from "./findings.ts";
import {
  copyBytes,
  type LabelSample,
  labelSamples,
  labelValues,
  normalValues,
  randomFor,
  sameBytes,
  sizeOf,
} from "./samples.ts";
import type { Subject } from "./subject.ts";

const rows = 24;

/** A metric's values by name. The main value has the name "". */
type Values = Readonly<Record<string, number>>;

/**
 * Checks a metric: it must return finite numbers under the same names for any order and batches of
 * rows, and its accumulators must be independent.
 *
 * @param subject The metric.
 */
export function checkMetric(subject: Subject<MetricStage>): void {
  const { stage, checks, findings } = subject;
  for (
    const [key, allowed] of [
      ["per", ["net", "run"]],
      ["needs", ["light", "both"]],
      ["values", ["one", "several"]],
    ] as const
  ) {
    if ((allowed as readonly string[]).includes(stage[key])) continue;
    findings.add(`sets \`${key}\` to ${allowed.join(" or ")}`, key, describeValue(stage[key]));
    return;
  }
  const directions: unknown = stage.better, allowed: readonly unknown[] = ["higher", "lower"];
  const isObject = typeof directions === "object" && directions !== null;
  if (!isObject || !Object.values(directions).every((one) => allowed.includes(one))) {
    findings.add("sets `better` to higher or lower", "better", describeValue(directions));
    return;
  }
  for (const label of labelSamples(checks, stage)) {
    const sets: readonly NetName[][] = stage.needs === "both"
      ? [["light", "booster"]]
      : [["light", "booster"], ["light"]];
    for (const nets of sets) {
      const asked = `${label.name} with ${nets.join(" and ")}`;
      const metric = subject.create({ label: label.spec, nets }, asked);
      if (metric === undefined) continue;
      const measured = stage.per === "net" ? nets : ["light" as const];
      for (const net of measured) {
        const all = evaluated(
          label,
          nets,
          net,
          columnsOf(stage, stage.options.parse(checks.options ?? {})),
        );
        findings.attempt(
          `${asked}, measuring ${net}`,
          () => tryMetric(metric, stage.values, all, `${asked}, measuring ${net}`, findings),
        );
      }
    }
  }
  subject.expectAccepted();
}

function tryMetric(
  metric: Metric,
  of: MetricStage["values"],
  batch: (from: number, to: number) => EvaluatedBatch,
  asked: string,
  findings: Findings,
): void {
  const idle = metric.start();
  const first = metric.start(), second = metric.start();
  const whole = gather(first, of, [batch(0, rows)], asked, findings);
  if (!whole) return;
  const expect = (promise: string, actual: Values | undefined, how: string) => {
    if (!actual || same(actual, whole)) return;
    findings.add(promise, `${asked}, ${how}`, `${text(actual)}; expected ${text(whole)}`);
  };
  expect("gives the same value when asked twice", valueOf(first, of, asked, findings), "again");
  const parts = [batch(0, 5), batch(5, 6), batch(6, 17), batch(17, rows)];
  expect(
    "does not depend on how the rows are split into batches, or on their order",
    gather(second, of, parts, asked, findings),
    "in four batches",
  );
  expect(
    "does not depend on how the rows are split into batches, or on their order",
    gather(metric.start(), of, parts.toReversed(), asked, findings),
    "in four batches, the last one first",
  );
  expect(
    "has accumulators that are independent of each other",
    gather(idle, of, [batch(0, rows)], asked, findings),
    "with an accumulator started before others were filled",
  );
}

/** Fills an accumulator and returns the metric's value. */
function gather(
  accumulator: Accumulator,
  of: MetricStage["values"],
  batches: readonly EvaluatedBatch[],
  asked: string,
  findings: Findings,
): Values | undefined {
  for (const batch of batches) {
    const arrays = [
      batch.label,
      ...Object.values(batch.nets).map(({ logits }) => logits.values),
    ];
    const copies = arrays.map(copyBytes);
    accumulator.add(batch);
    if (arrays.every((values, index) => sameBytes(values, copies[index]!))) continue;
    findings.add("does not change its inputs", asked, "it changed a batch's arrays");
    return undefined;
  }
  return valueOf(accumulator, of, asked, findings);
}

function valueOf(
  accumulator: Accumulator,
  of: MetricStage["values"],
  asked: string,
  findings: Findings,
): Values | undefined {
  const value: unknown = accumulator.value();
  const values = typeof value === "number" || isUndefinedMetric(value) ? { "": value } : value;
  if (typeof values !== "object" || values === null || values instanceof Promise) {
    findings.add(
      "returns a number, or several numbers by name",
      asked,
      `it returned ${describeValue(value)}`,
    );
    return undefined;
  }
  const entries = Object.entries(values);
  const bad = entries.find(([, number]) => !Number.isFinite(number));
  if (bad || entries.length === 0) {
    const [name, number] = bad ?? ["", undefined];
    const what = isUndefinedMetric(number) ? formatMetric(number) : describeValue(number);
    findings.add(
      "is finite once it has rows",
      asked,
      bad ? `${name && `${name}: `}${what}` : "it returned no number",
    );
    return undefined;
  }
  if (of === "one" && !Object.hasOwn(values, "")) {
    findings.add(
      'has a main value named "" unless it sets `values` to "several"',
      asked,
      `it returned only ${Object.keys(values).join(", ")}`,
    );
    return undefined;
  }
  return values as Values;
}

/** Creates evaluated rows. The arrays of all batches are views of the same buffers. */
function evaluated(
  { spec, units }: LabelSample,
  nets: readonly NetName[],
  measured: NetName,
  columns: readonly string[],
): (from: number, to: number) => EvaluatedBatch {
  const logits = Object.fromEntries(
    nets.map((net) => [net, normalValues(randomFor("logits", net, units), rows * units, 2)]),
  );
  const label = labelValues(spec, rows), width = sizeOf(spec.shape);
  const losses = lossesByRow(spec, nets);
  const groups = Int32Array.from({ length: rows }, (_, row) => 100 + row * row % 5);
  return (from, to) => {
    const outputs = (net: NetName): { logits: Column } => ({
      logits: { values: logits[net]!.subarray(from * units, to * units), shape: [units] },
    });
    return {
      size: to - from,
      outputs: outputs(measured),
      nets: Object.fromEntries(nets.map((net) => [net, outputs(net)])),
      label: label.subarray(from * width, to * width),
      columns: Object.fromEntries(columns.map((name) => [name, groups.subarray(from, to)])),
      losses: Object.fromEntries(
        Object.entries(losses).map(([name, values]) => {
          const part = values.subarray(from, to);
          return [name, part.reduce((sum, value) => sum + value, 0) / part.length];
        }),
      ),
    };
  };
}

function lossesByRow(
  { kind }: LabelSpec,
  nets: readonly NetName[],
): Readonly<Record<string, Float64Array>> {
  const loss = kind === "class"
    ? "cross-entropy"
    : kind === "binary"
    ? "binary-cross-entropy"
    : "mean-squared-error";
  const names = nets.map((net) => `${loss}(${net})`);
  if (nets.includes("booster")) names.push("mse-hint(booster→light)");
  return Object.fromEntries(names.map((name) => [
    name,
    Float64Array.from(normalValues(randomFor("loss", name), rows), (value) => value * value),
  ]));
}

function same(actual: Values, expected: Values): boolean {
  const names = Object.keys(expected);
  return Object.keys(actual).sort().join() === names.sort().join() &&
    names.every((name) =>
      Math.abs(actual[name]! - expected[name]!) <= 1e-6 * Math.max(1, Math.abs(expected[name]!))
    );
}

function text(values: Values): string {
  return Object.entries(values).map(([name, value]) => `${name && `${name}: `}${value}`).join(", ");
}
