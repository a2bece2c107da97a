import * as tf from "@tensorflow/tfjs";
import type { LossStage } from "../pipeline/stages/loss.ts";
import { describe } from "../train/objective.ts";
import type { Findings } from "./findings.ts";
import {
  counted,
  type LabelSample,
  labelSamples,
  labelValues,
  normalValues,
  randomFor,
  sizeOf,
} from "./samples.ts";
import type { Subject } from "./subject.ts";
import { distance, gradients, notFinite, openEngines, shapeText, watched } from "./tensors.ts";

/** How far a gradient may be from a finite difference, as a part of its size. */
const gradientTolerance = 0.02;

/** Logits that an unguarded exponential or logarithm does not survive. */
const largeLogits = 100;

/** A loss ready to be tried: its inputs by name, whatever its form. */
interface Trial {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly label: LabelSample;
  readonly compute: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly form: "task" | "hint";
  /** Whether another shape than a loss's own may be taken as a sign that it is not for this. */
  readonly optional: boolean;
}

/** The values of a loss's inputs. */
interface Inputs {
  readonly rows: number;
  /** The outputs that it compares. */
  readonly outputs: readonly Float32Array[];
  /** The label, for a loss with the label. */
  readonly label: Float32Array | Int32Array;
}

/**
 * Holds a loss to its contract: one finite number a row or their mean, a pure function, gradients
 * that agree with finite differences, rows that do not know of each other, nothing left behind.
 *
 * @param subject The loss.
 */
export async function checkLoss(subject: Subject<LossStage>): Promise<void> {
  const { stage, checks, findings } = subject;
  if (stage.form !== "task" && stage.form !== "hint") {
    findings.add('has the form "task" or "hint"', "its form", describe(stage.form));
    return;
  }
  const trials = trialsOf(subject);
  subject.expectAccepted();
  for await (const engine of openEngines(checks)) {
    for (const trial of trials) {
      findings.attempt(`${trial.name} on ${engine}`, () => tryLoss(trial, engine, findings));
    }
  }
}

function trialsOf(subject: Subject<LossStage>): Trial[] {
  const { stage, checks } = subject;
  const outputs = stage.form === "task" ? 1 : 2;
  const samples = labelSamples(checks).flatMap((label) => {
    const logits = Array.from({ length: outputs }, () => [label.units]);
    const maps = Array.from({ length: outputs }, () => [4, 4, 3]);
    if (checks.shapes) return [{ label, shapes: checks.shapes, optional: false }];
    return label.units === 3 && stage.form === "hint"
      ? [{ label, shapes: logits, optional: false }, { label, shapes: maps, optional: true }]
      : [{ label, shapes: logits, optional: false }];
  });
  return samples.flatMap(({ label, shapes, optional }) => {
    const name = `outputs ${shapes.map(shapeText).join(" and ")} with ${label.name}`;
    const compute = subject.create({ label: label.spec, shapes }, name);
    return compute ? [{ name, shapes, label, compute, form: stage.form, optional }] : [];
  });
}

function tryLoss(trial: Trial, engine: string, findings: Findings): void {
  const logits = trial.shapes.every(({ length }) => length === 1);
  for (const rows of [1, 2, 5]) {
    const asked = `${counted(rows, "row")} of ${trial.name} on ${engine}`;
    const inputs = sampleInputs(trial, rows, 1);
    const loss = lossOf(trial, inputs, asked, findings);
    if (!loss) return;
    const again = lossOf(trial, inputs, asked, findings);
    if (again && distance(again, loss) > 1e-6) {
      findings.add(
        "is a pure function: the same inputs give the same loss",
        asked,
        `${describeNumbers(loss)}, then ${describeNumbers(again)}`,
      );
      return;
    }
    checkRows(trial, inputs, loss, asked, findings);
    checkGradients(trial, inputs, asked, findings);
    if (logits) checkLargeLogits(trial, rows, asked, findings);
  }
}

function sampleInputs({ shapes, label }: Trial, rows: number, deviation: number): Inputs {
  return {
    rows,
    outputs: shapes.map((shape, index) =>
      normalValues(randomFor("output", index, rows), rows * sizeOf(shape), deviation)
    ),
    label: labelValues(label.spec, rows),
  };
}

/** Uploads inputs: outputs first, and the label where the loss takes it. */
function upload({ shapes, form }: Trial, { rows, outputs, label }: Inputs): tf.Tensor[] {
  const tensors: tf.Tensor[] = outputs.map((values, index) =>
    tf.tensor(values, [rows, ...shapes[index]!])
  );
  if (form === "hint") return tensors;
  return [...tensors, tf.tensor(label, [rows], label instanceof Int32Array ? "int32" : "float32")];
}

/** The loss's numbers, one a row or one in all; undefined if they are not what they should be. */
function lossOf(
  trial: Trial,
  inputs: Inputs,
  asked: string,
  findings: Findings,
): Float32Array | undefined {
  const tensors = upload(trial, inputs);
  const names = trial.form === "hint" ? ["from", "to"] : ["output", "label"];
  const named = Object.fromEntries(tensors.map((tensor, index) => [names[index]!, tensor]));
  const values = watched(findings, asked, named, () => {
    const loss = trial.compute(...tensors);
    return expectLoss(trial, loss, inputs.rows, asked, findings)
      ? loss.dataSync<"float32">().slice()
      : undefined;
  });
  tf.dispose(tensors);
  const bad = values && notFinite(values);
  if (!bad) return values;
  findings.add("is finite", asked, bad);
  return undefined;
}

function expectLoss(
  { optional }: Trial,
  loss: unknown,
  rows: number,
  asked: string,
  findings: Findings,
): boolean {
  if (!(loss instanceof tf.Tensor)) {
    findings.add("returns a tensor", asked, `it returned ${describe(loss)}`);
    return false;
  }
  if (loss.rank > 1 || (loss.rank === 1 && loss.shape[0] !== rows)) {
    // A hint that was written for logits need not know of maps; `check` refuses them in a pipeline.
    if (!optional) {
      findings.add(
        `returns one loss a row, or a scalar`,
        asked,
        `it returned a tensor of shape ${shapeText(loss.shape)}; expected [${rows}] or []`,
      );
    }
    return false;
  }
  if (loss.dtype !== "float32") {
    findings.add("returns float32", asked, `it returned ${loss.dtype}`);
    return false;
  }
  return true;
}

/** Losses by row do not depend on what else is in the batch. */
function checkRows(
  trial: Trial,
  inputs: Inputs,
  loss: Float32Array,
  asked: string,
  findings: Findings,
): void {
  if (inputs.rows === 1 || loss.length !== inputs.rows) return;
  const alone = Array.from({ length: inputs.rows }, (_, row) => {
    const one = {
      rows: 1,
      outputs: inputs.outputs.map((values, index) => {
        const size = sizeOf(trial.shapes[index]!);
        return values.slice(row * size, (row + 1) * size);
      }),
      label: inputs.label.slice(row, row + 1),
    };
    return lossOf(trial, one, asked, findings)?.[0] ?? NaN;
  });
  if (distance(alone, loss) < 1e-4) return;
  findings.add(
    "gives each row a loss that does not depend on the other rows (return a scalar if it should)",
    asked,
    `${describeNumbers(loss)} together and ${describeNumbers(alone)} one by one`,
  );
}

/** Compares the slope along random directions with the gradient's. */
function checkGradients(trial: Trial, inputs: Inputs, asked: string, findings: Findings): void {
  const names = trial.form === "hint" ? ["from", "to"] : ["output"];
  const found = gradientsOf(trial, inputs, asked, findings);
  if (!found) return;
  names.forEach((name, index) => {
    const gradient = found[index]!;
    const bad = notFinite(gradient);
    if (bad) {
      findings.add("has finite gradients", `the gradient by ${name}, ${asked}`, bad);
      return;
    }
    for (let direction = 0; direction < 3; direction++) {
      const along = normalValues(
        randomFor("direction", name, direction, inputs.rows),
        gradient.length,
      );
      const slope = along.reduce((sum, value, i) => sum + value * gradient[i]!, 0);
      const measured = slopes(trial, inputs, index, along);
      if (measured.some((other) => agree(slope, other))) continue;
      findings.add(
        "has gradients that agree with finite differences (leave blocking to the gradient policy)",
        `the gradient by ${name}, ${asked}`,
        `a slope of ${slope.toPrecision(4)} where the loss has ${measured[0]!.toPrecision(4)}`,
      );
      return;
    }
  });
}

function agree(slope: number, measured: number): boolean {
  const scale = Math.max(Math.abs(slope), Math.abs(measured));
  return Math.abs(slope - measured) <= gradientTolerance * scale + 1e-3;
}

/** The gradients of the mean loss by the compared outputs; zeros where it does not depend on one. */
function gradientsOf(
  trial: Trial,
  inputs: Inputs,
  asked: string,
  findings: Findings,
): Float32Array[] | undefined {
  const tensors = upload(trial, inputs);
  const outputs = tensors.slice(0, trial.shapes.length);
  const values = watched(
    findings,
    `the gradient, ${asked}`,
    {},
    () =>
      gradients(() => tf.mean(trial.compute(...tensors)), outputs).map((gradient, index) =>
        gradient?.dataSync<"float32">().slice() ?? new Float32Array(inputs.outputs[index]!.length)
      ),
  );
  tf.dispose(tensors);
  return values;
}

/** Central differences of the mean loss, with steps of several sizes, as losses may have kinks. */
function slopes(trial: Trial, inputs: Inputs, index: number, along: Float32Array): number[] {
  const at = (step: number) => {
    const outputs = inputs.outputs.with(
      index,
      inputs.outputs[index]!.map((value, i) => value + step * along[i]!),
    );
    const tensors = upload(trial, { ...inputs, outputs });
    const loss = tf.tidy(() => trial.compute(...tensors));
    const values = loss.dataSync<"float32">();
    tf.dispose([...tensors, loss]);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  return [1e-2, 3e-3, 1e-3].map((step) => (at(step) - at(-step)) / (2 * step));
}

function checkLargeLogits(trial: Trial, rows: number, asked: string, findings: Findings): void {
  const inputs = sampleInputs(trial, rows, largeLogits);
  const large = `large logits (±${largeLogits}), ${asked}`;
  if (!lossOf(trial, inputs, large, findings)) return;
  const bad = gradientsOf(trial, inputs, large, findings)?.map(notFinite).find(Boolean);
  if (bad) findings.add("has finite gradients", large, bad);
}

function describeNumbers(values: ArrayLike<number>): string {
  return `[${Array.from(values, (value) => value.toPrecision(5)).join(", ")}]`;
}
