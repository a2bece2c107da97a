import * as tf from "@tensorflow/tfjs";
import { createRandom } from "../base/random.ts";
import type { Batch, ColumnSpec } from "../stages/batch.ts";
import { mapValues } from "../stages/parts.ts";
import type { ApplyContext, Transform, TransformStage } from "../stages/transform.ts";
import { describeValue } from "../base/describe_value.ts";
import type { Findings } from "./findings.ts";
import {
  copyBytes,
  counted,
  type FeaturesSample,
  featuresSamples,
  sameBytes,
  sampleBatch,
  sizeOf,
} from "./samples.ts";
import type { Subject } from "./subject.ts";
import { distance, notFinite, shapeText } from "./tensors.ts";

/**
 * Checks a transform: its output must match its description, it must not change its input, equal
 * random numbers must give equal rows, and its measured statistics must survive a conversion to
 * JSON.
 *
 * @param subject The transform.
 */
export async function checkTransform(subject: Subject<TransformStage>): Promise<void> {
  const { stage, checks, findings } = subject;
  if (stage.on !== "training" && stage.on !== "all") {
    findings.add("sets `on` to training or all", "on", describeValue(stage.on));
    return;
  }
  for (const sample of featuresSamples(checks)) {
    const float = Object.values(sample.features).some(({ dtype }) => dtype === "float32");
    for (const bytes of float ? [false, true] : [false]) {
      await tryTransform(subject, sample, bytes);
    }
  }
  subject.expectAccepted();
}

async function tryTransform(
  subject: Subject<TransformStage>,
  { name, features }: FeaturesSample,
  bytes: boolean,
): Promise<void> {
  const { findings } = subject;
  const asked = bytes ? `${name} in bytes` : name;
  const make = () => subject.create({ features }, asked);
  const first = make();
  if (!first || !expectTransform(first, asked, findings)) return;
  const second = make();
  if (!second) return;
  const training = [5, 32, 7].map((rows, index) =>
    sampleBatch(features, rows, `measure ${index}`, bytes)
  );
  const measured = await findings.attemptAsync(`${asked}, measuring`, async () => {
    await measure(first, second, training, asked, findings);
  });
  if (!measured) return;
  for (const rows of [1, 5, 32]) {
    const went = findings.attempt(`${counted(rows, "row")} of ${asked}`, () => {
      const batch = sampleBatch(features, rows, "apply", bytes);
      const other = sampleBatch(features, rows + 3, "other", bytes);
      const at = `${counted(rows, "row")} of ${asked}`;
      const result = applyOnce(first, batch, at, findings);
      if (!result) return;
      first.apply(other, contextOf(8));
      for (
        const [again, how] of [
          [first.apply(batch, contextOf(7)), "the second time"],
          [second.apply(batch, contextOf(7)), "from another instance of the stage"],
        ] as const
      ) {
        const differing = difference(again, result);
        if (!differing) continue;
        findings.add(
          "returns the same rows for the same random numbers (take them from context.random)",
          at,
          `${differing} differs ${how}`,
        );
      }
      if (first.graph) expectGraph(first, batch, result, at, findings);
    });
    if (!went) return;
  }
}

/** Holds `graph()` to what `apply()` makes of the same rows. */
function expectGraph(
  transform: Transform,
  batch: Batch,
  expected: Batch,
  asked: string,
  findings: Findings,
): void {
  const fail = (what: string) =>
    findings.add("computes the same in graph() as in apply()", asked, what);
  tf.tidy(() => {
    const tensors = mapValues(
      batch.features,
      ({ values, shape }) =>
        values instanceof Int32Array
          ? tf.tensor(values.slice(), [batch.size, ...shape], "int32")
          : tf.tensor(Float32Array.from(values), [batch.size, ...shape]),
    );
    const numbers = (values: number | readonly number[], shape?: readonly number[]) => {
      const list = [values].flat() as number[];
      return tf.tensor(list, [...shape ?? (typeof values === "number" ? [] : [list.length])]);
    };
    const results = transform.graph!(tensors, { numbers });
    for (const [name, { shape, dtype }] of Object.entries(transform.features)) {
      const tensor = results[name], wanted = `${dtype} ${shapeText([batch.size, ...shape])}`;
      const got = tensor ? `${tensor.dtype} ${shapeText(tensor.shape)}` : "nothing";
      if (got !== wanted) {
        fail(`${name} is ${got}; expected ${wanted}`);
        continue;
      }
      const values = expected.features[name]!.values, far = distance(tensor!.dataSync(), values);
      if (far > GRAPH_TOLERANCE) fail(`${name} differs by ${far.toExponential(1)} of its values`);
    }
  });
}

/** How far float32 may be from what `apply()` computes with doubles, relative to the values. */
const GRAPH_TOLERANCE = 1e-5;

function expectTransform(transform: Transform, asked: string, findings: Findings): boolean {
  const { features, apply, measure, restore } = transform as Partial<Transform>;
  if (typeof apply !== "function" || typeof features !== "object" || features === null) {
    findings.add(
      "returns { features, apply() }",
      asked,
      `it returned ${describeValue(transform)}`,
    );
    return false;
  }
  if (Boolean(measure) !== Boolean(restore)) {
    findings.add(
      "has both measure() and restore(), or neither",
      asked,
      measure ? "it has no restore()" : "it has no measure()",
    );
    return false;
  }
  const bad = Object.entries(features).find(([, { shape, dtype }]) =>
    !Array.isArray(shape) || !shape.every((size) => Number.isInteger(size) && size > 0) ||
    (dtype !== "float32" && dtype !== "int32")
  );
  if (!bad) return true;
  findings.add(
    "describes each feature with its shape and dtype",
    asked,
    `${bad[0]}: ${JSON.stringify(bad[1])}`,
  );
  return false;
}

/** Measures with one instance and restores both, the second one from JSON. */
async function measure(
  first: Transform,
  second: Transform,
  batches: readonly Batch[],
  asked: string,
  findings: Findings,
): Promise<void> {
  if (!first.measure) return;
  const unchanged = watchBatches(batches);
  const measured: unknown = await first.measure((async function* () {
    yield* batches;
  })());
  if (!unchanged()) {
    findings.add("does not change its inputs", `${asked}, measuring`, "it changed a batch");
  }
  const json = JSON.stringify(measured);
  const kept: unknown = json === undefined ? undefined : JSON.parse(json);
  if (!sameJson(kept, measured)) {
    findings.add(
      "returns plain JSON from measure(), which is stored in the run folder",
      `${asked}, measuring`,
      `${describeValue(measured)} became ${json ?? "nothing"} in JSON`,
    );
  }
  first.restore!(measured);
  second.restore!(kept);
}

function sameJson(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) {
    return Object.is(a, b);
  }
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length &&
    keys.every((key) => sameJson(a[key as keyof typeof a], b[key as keyof typeof b]));
}

/** Returns the context of a transform that is the last of its chain. */
const contextOf = (seed: number): ApplyContext => ({
  random: createRandom(seed),
  numbers: (length) => new Float32Array(length),
});

function applyOnce(
  transform: Transform,
  batch: Batch,
  asked: string,
  findings: Findings,
): Batch | undefined {
  const unchanged = watchBatches([batch]);
  const result: unknown = transform.apply(batch, contextOf(7));
  if (!unchanged()) {
    findings.add(
      "does not change its inputs (they may be views of a file)",
      asked,
      "it changed the batch",
    );
    return undefined;
  }
  return expectBatch(result, transform.features, batch, asked, findings) ? result : undefined;
}

function expectBatch(
  result: unknown,
  features: Readonly<Record<string, ColumnSpec>>,
  { size, label }: Batch,
  asked: string,
  findings: Findings,
): result is Batch {
  const batch = result as Batch;
  if (typeof batch !== "object" || !batch?.features || !batch.label) {
    findings.add("returns a batch { size, features, label }", asked, describeValue(result));
    return false;
  }
  const { values, shape } = batch.label;
  if (
    batch.size !== size || shape?.join() !== label.shape.join() ||
    values.length !== label.values.length ||
    values.some((value, row) => value !== label.values[row])
  ) {
    findings.add(
      "keeps all rows and their labels",
      asked,
      batch.size === size ? "it changed the labels" : `it returned ${counted(batch.size, "row")}`,
    );
    return false;
  }
  const described = Object.keys(features).sort().join(", ");
  const found = Object.keys(batch.features).sort().join(", ");
  if (described !== found) {
    findings.add(
      "returns the features that it describes",
      asked,
      `it describes ${described || "none"} but returned ${found || "none"}`,
    );
    return false;
  }
  return Object.entries(features).map(([name, spec]) =>
    expectColumn(batch, name, spec, asked, findings)
  ).every(Boolean);
}

function expectColumn(
  { size, features }: Batch,
  name: string,
  { shape, dtype }: ColumnSpec,
  asked: string,
  findings: Findings,
): boolean {
  const column = features[name]!;
  const promise = "returns the features that it describes";
  const expected = size * sizeOf(shape);
  if (column.shape?.join() !== shape.join()) {
    const got = column.shape ? shapeText(column.shape) : "no shape";
    findings.add(
      promise,
      asked,
      `${name} has rows of shape ${got}; its description has ${shapeText(shape)}`,
    );
    return false;
  }
  if (column.values?.length !== expected) {
    const got = column.values?.length ?? "no";
    findings.add(
      promise,
      asked,
      `${name} has ${got} values; ${size} × ${shapeText(shape)} are ${expected}`,
    );
    return false;
  }
  if ((column.values instanceof Int32Array) !== (dtype === "int32")) {
    findings.add(
      "keeps int32 features in an Int32Array, and float32 ones in any other",
      asked,
      `${name} is ${dtype} in a ${column.values.constructor.name}`,
    );
    return false;
  }
  const bad = notFinite(column.values);
  if (!bad) return true;
  findings.add("returns finite numbers", asked, `${name} contains ${bad}`);
  return false;
}

/** Records the contents of batches. Returns a function that checks whether they are unchanged. */
function watchBatches(batches: readonly Batch[]): () => boolean {
  const held = batches.map((batch) => columnsOf(batch).map(({ values }) => values));
  const copies = held.map((arrays) => arrays.map(copyBytes));
  return () =>
    batches.every((batch, b) => {
      const now = columnsOf(batch);
      return now.length === held[b]!.length &&
        now.every(({ values }, i) => values === held[b]![i] && sameBytes(values, copies[b]![i]!));
    });
}

const columnsOf = ({ features, label }: Batch) => [label, ...Object.values(features)];

/** Returns the name of the first feature in which two batches differ. */
function difference(a: Batch, b: Batch): string | undefined {
  return Object.keys(b.features).find((name) => {
    const [one, other] = [a.features[name]?.values, b.features[name]!.values];
    return one?.length !== other.length || one.some((value, i) => !Object.is(value, other[i]));
  });
}
