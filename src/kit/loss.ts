import * as tf from "@tensorflow/tfjs";
import type { HintLoss, LossScope, LossStage, TaskLoss } from "../stages/loss.ts";
import type { Variable } from "../stages/network.ts";
import { describeValue } from "../base/describe_value.ts";
import { DeclaredVariables, initialValues, type TensorsByName } from "../train/variables.ts";
import { columnsOf } from "../pipeline/plan/stage_options.ts";
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

/** The maximum relative difference between a gradient and its finite difference. */
const gradientTolerance = 0.02;

/** The size of logits at which a naive exponential or logarithm overflows. */
const largeLogits = 100;

/** A loss to check, with its samples. */
interface Trial {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly label: LabelSample;
  readonly loss: TaskLoss | HintLoss;
  readonly form: "task" | "hint";
  /** The columns of the source that the loss reads. */
  readonly columns: readonly string[];
  /** The variables that the loss declared. */
  readonly variables: readonly Variable[];
  /**
   * Whether the loss may reject this sample, because its shape is not the one that losses usually
   * compare.
   */
  readonly optional: boolean;
}

/** The values of a loss's inputs. */
interface Inputs {
  readonly rows: number;
  /** The outputs that the loss compares. */
  readonly outputs: readonly Float32Array[];
  readonly label: Float32Array | Int32Array;
  /** The values of the loss's variables, in the order of declaration. */
  readonly variables: readonly Float32Array[];
}

/** The inputs of a loss as tensors. */
interface Uploaded {
  readonly outputs: readonly tf.Tensor[];
  readonly label: tf.Tensor;
  readonly columns: TensorsByName;
  readonly values: TensorsByName;
}

/**
 * Checks a loss: it must return one finite number per row or their mean, be a pure function, have
 * gradients that agree with finite differences, treat rows independently, and leave no tensors
 * behind.
 *
 * @param subject The loss.
 */
export async function checkLoss(subject: Subject<LossStage>): Promise<void> {
  const { stage, checks, findings } = subject;
  if (stage.form !== "task" && stage.form !== "hint") {
    findings.add('has the form "task" or "hint"', "its form", describeValue(stage.form));
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
  const samples = labelSamples(checks, stage).flatMap((label) => {
    const logits = Array.from({ length: outputs }, () => [label.units]);
    const maps = Array.from({ length: outputs }, () => [4, 4, 3]);
    if (checks.shapes) return [{ label, shapes: checks.shapes, optional: false }];
    return label.units === 3 && stage.form === "hint"
      ? [{ label, shapes: logits, optional: false }, { label, shapes: maps, optional: true }]
      : [{ label, shapes: logits, optional: false }];
  });
  return samples.flatMap(({ label, shapes, optional }) => {
    const name = `outputs ${shapes.map(shapeText).join(" and ")} with ${label.name}`;
    const declared = new DeclaredVariables();
    const variables = declared.ofLoss("checked");
    const loss = subject.create({ label: label.spec, shapes, variables }, name);
    return loss
      ? [{
        name,
        shapes,
        label,
        loss,
        form: stage.form,
        columns: columnsOf(stage, stage.options.parse(checks.options ?? {})),
        variables: declared.all,
        optional,
      }]
      : [];
  });
}

/** Calls the loss. */
function computeLoss(
  { form, loss }: Trial,
  { outputs, label, columns, values }: Uploaded,
): tf.Tensor {
  const scope: LossScope = { label, columns, read: ({ name }) => values[name]! };
  const [first, second] = outputs as [tf.Tensor, tf.Tensor];
  return loss(first, form === "hint" ? second : label, scope);
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

function sampleInputs(
  { shapes, label, variables }: Trial,
  rows: number,
  deviation: number,
): Inputs {
  return {
    rows,
    outputs: shapes.map((shape, index) =>
      normalValues(randomFor("output", index, rows), rows * sizeOf(shape), deviation)
    ),
    label: labelValues(label.spec, rows),
    variables: startsOf(variables),
  };
}

/** Creates the initial values of variables. */
function startsOf(variables: readonly Variable[]): Float32Array[] {
  const values = initialValues(variables, 1);
  const numbers = variables.map(({ name }) => values[name]!.dataSync<"float32">().slice());
  tf.dispose(values);
  return numbers;
}

function upload(trial: Trial, { rows, outputs, label, variables }: Inputs): Uploaded {
  return {
    outputs: outputs.map((values, index) => tf.tensor(values, [rows, ...trial.shapes[index]!])),
    label: tf.tensor(
      label,
      [rows, ...trial.label.spec.shape],
      label instanceof Int32Array ? "int32" : "float32",
    ),
    // Two groups, whose rows alternate.
    columns: Object.fromEntries(
      trial.columns.map((name) => [
        name,
        tf.tensor1d(Int32Array.from({ length: rows }, (_, row) => row % 2), "int32"),
      ]),
    ),
    values: Object.fromEntries(
      trial.variables.map((
        { name, shape },
        index,
      ) => [name, tf.tensor(variables[index]!, [...shape])]),
    ),
  };
}

/** Lists the inputs of a loss for its gradients: outputs, then variables. */
function derivedBy({ form, variables }: Trial): string[] {
  const outputs = form === "hint" ? ["from", "to"] : ["output"];
  return [...outputs, ...variables.map(({ name }) => name)];
}

const disposeInputs = ({ outputs, label, columns, values }: Uploaded) =>
  tf.dispose([...outputs, label, ...Object.values(columns), ...Object.values(values)]);

/** Returns the loss's numbers, one per row or a single one, or undefined if they are invalid. */
function lossOf(
  trial: Trial,
  inputs: Inputs,
  asked: string,
  findings: Findings,
): Float32Array | undefined {
  const tensors = upload(trial, inputs);
  const names = derivedBy(trial);
  const named = {
    ...Object.fromEntries(tensors.outputs.map((tensor, index) => [names[index]!, tensor])),
    label: tensors.label,
    ...tensors.columns,
    ...tensors.values,
  };
  const values = watched(findings, asked, named, () => {
    const loss = computeLoss(trial, tensors);
    return expectLoss(trial, loss, inputs.rows, asked, findings)
      ? loss.dataSync<"float32">().slice()
      : undefined;
  });
  disposeInputs(tensors);
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
    findings.add("returns a tensor", asked, `it returned ${describeValue(loss)}`);
    return false;
  }
  if (loss.rank > 1 || (loss.rank === 1 && loss.shape[0] !== rows)) {
    // A hint for logits does not have to support feature maps; `check` rejects them in a pipeline.
    if (!optional) {
      findings.add(
        `returns one loss per row, or a scalar`,
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

/** Checks that the loss of a row does not depend on the other rows in the batch. */
function checkRows(
  trial: Trial,
  inputs: Inputs,
  loss: Float32Array,
  asked: string,
  findings: Findings,
): void {
  if (inputs.rows === 1 || loss.length !== inputs.rows) return;
  const ofLabel = sizeOf(trial.label.spec.shape);
  const alone = Array.from({ length: inputs.rows }, (_, row) => {
    const one = {
      rows: 1,
      outputs: inputs.outputs.map((values, index) => {
        const size = sizeOf(trial.shapes[index]!);
        return values.slice(row * size, (row + 1) * size);
      }),
      label: inputs.label.slice(row * ofLabel, (row + 1) * ofLabel),
      variables: inputs.variables,
    };
    return lossOf(trial, one, asked, findings)?.[0] ?? NaN;
  });
  if (distance(alone, loss) < 1e-4) return;
  findings.add(
    "gives each row a loss that does not depend on the other rows (return a scalar if it should)",
    asked,
    `the losses are ${describeNumbers(loss)} in one batch and ${describeNumbers(alone)} row by row`,
  );
}

/** Compares the derivative along random directions with finite differences. */
function checkGradients(trial: Trial, inputs: Inputs, asked: string, findings: Findings): void {
  const names = derivedBy(trial);
  const found = gradientsOf(trial, inputs, asked, findings);
  if (!found) return;
  names.forEach((name, index) => {
    const gradient = found[index]!;
    const bad = notFinite(gradient);
    if (bad) {
      findings.add("has finite gradients", `the gradient with respect to ${name}, ${asked}`, bad);
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
        `the gradient with respect to ${name}, ${asked}`,
        `its directional derivative is ${slope.toPrecision(4)}, but the finite difference is ${
          measured[0]!.toPrecision(4)
        }`,
      );
      return;
    }
  });
}

function agree(slope: number, measured: number): boolean {
  const scale = Math.max(Math.abs(slope), Math.abs(measured));
  return Math.abs(slope - measured) <= gradientTolerance * scale + 1e-3;
}

/**
 * Returns the gradients of the mean loss with respect to its inputs. They are zeros where the loss
 * does not depend on an input.
 */
function gradientsOf(
  trial: Trial,
  inputs: Inputs,
  asked: string,
  findings: Findings,
): Float32Array[] | undefined {
  const tensors = upload(trial, inputs);
  const by = [...tensors.outputs, ...trial.variables.map(({ name }) => tensors.values[name]!)];
  const values = watched(
    findings,
    `the gradient, ${asked}`,
    {},
    () =>
      gradients(() => tf.mean(computeLoss(trial, tensors)), by).map((gradient, index) =>
        gradient?.dataSync<"float32">().slice() ?? new Float32Array(by[index]!.size)
      ),
  );
  disposeInputs(tensors);
  return values;
}

/**
 * Returns central differences of the mean loss. Several step sizes are used, because losses can
 * have kinks.
 */
function slopes(trial: Trial, inputs: Inputs, index: number, along: Float32Array): number[] {
  const at = (step: number) => {
    const all = [...inputs.outputs, ...inputs.variables];
    const moved = all.with(index, all[index]!.map((value, i) => value + step * along[i]!));
    const count = inputs.outputs.length;
    const tensors = upload(trial, {
      ...inputs,
      outputs: moved.slice(0, count),
      variables: moved.slice(count),
    });
    const loss = tf.tidy(() => computeLoss(trial, tensors));
    const values = loss.dataSync<"float32">();
    disposeInputs(tensors);
    loss.dispose();
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
