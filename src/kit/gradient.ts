import * as tf from "@tensorflow/tfjs";
import { UserError } from "../base/errors.ts";
import { describeValue } from "../base/describe_value.ts";
import type {
  Factor,
  GradientPass,
  GradientPolicy,
  GradientStage,
  PolicyHead,
  Position,
} from "../stages/gradient.ts";
import type { LossScope } from "../stages/loss.ts";
import { DeclaredVariables, initialValues, type TensorsByName } from "../train/variables.ts";
import type { Findings } from "./findings.ts";
import {
  counted,
  type LabelSample,
  labelSamples,
  labelValues,
  normalValues,
  positions,
  positionText,
  randomFor,
  sizeOf,
} from "./samples.ts";
import type { Subject } from "./subject.ts";
import { distance, notFinite, openEngines, shapeText, watched } from "./tensors.ts";

const sides = ["from", "to", "shared"] as const;

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A policy to check, with the sample for which it was created. */
interface Trial {
  readonly name: string;
  readonly policy: GradientPolicy;
  readonly label: LabelSample;
  /** The shapes of the compared outputs, from the teacher to the student. */
  readonly shapes: readonly (readonly number[])[];
  readonly outputs: Shapes;
  readonly variables: DeclaredVariables;
}

/**
 * Checks a gradient policy: it must have at least one pass, whose factors are numbers of at least 0
 * or pure functions that return such numbers at every point of the training. Heads must be pure
 * functions with outputs of the right shape, and losses of passes must return one finite number per
 * row or a scalar.
 *
 * @param subject The policy.
 */
export async function checkGradient(subject: Subject<GradientStage>): Promise<void> {
  const { checks, findings } = subject;
  const trials = labelSamples(checks).flatMap((label) => trialOf(subject, label) ?? []);
  subject.expectAccepted();
  const [first] = trials;
  if (!first) return;
  const { policy } = first;
  if (!Array.isArray(policy) || policy.length === 0) {
    findings.add(
      "returns a list of at least one pass",
      "a policy",
      Array.isArray(policy) ? "it returned an empty list" : `it returned ${describeValue(policy)}`,
    );
    return;
  }
  policy.forEach((pass, index) => checkPass(subject, pass, index));
  const computed = trials.filter(({ policy }) => policy.some(isComputed));
  if (computed.length === 0) return;
  for await (const engine of openEngines(checks)) {
    for (const trial of computed) {
      const asked = `${trial.name} on ${engine}`;
      findings.attempt(asked, () => tryPasses(trial, asked, findings));
    }
  }
}

function trialOf(subject: Subject<GradientStage>, label: LabelSample): Trial | undefined {
  const { checks } = subject;
  const logits = [label.units];
  const outputs: Shapes = {
    "light.logits": logits,
    "booster.logits": logits,
    "light.features": [8],
    "booster.features": [8],
    ...checks.outputs,
  };
  const shapes = checks.shapes ?? [logits, logits];
  const variables = new DeclaredVariables();
  const name = `a policy with ${label.name}`;
  const policy = subject.create({
    label: label.spec,
    shapes,
    shapeOf(output) {
      if (Object.hasOwn(outputs, output)) return outputs[output]!;
      throw new UserError(
        `checkStage() does not know the output ${output}: pass its shape as { outputs: … }`,
      );
    },
    variables: variables.ofLoss("checked"),
  }, name);
  return policy && { name, policy, label, shapes, outputs, variables };
}

function checkPass(subject: Subject<GradientStage>, pass: GradientPass, index: number): void {
  const { findings } = subject;
  for (const side of sides) {
    const factor: unknown = pass?.[side];
    const asked = `\`${side}\` of pass ${index + 1}`;
    if (typeof factor === "function") {
      checkFunction(subject, factor as (position: Position) => number, asked);
    } else {
      expectFactor(subject, factor, asked);
    }
  }
  const reversed: unknown = pass?.reversed;
  if (reversed !== undefined && typeof reversed !== "boolean") {
    findings.add(
      "sets `reversed` to true or false",
      `pass ${index + 1}`,
      `it is ${describeValue(reversed)}`,
    );
  }
}

const isComputed = ({ teacher, student, loss }: GradientPass) =>
  teacher !== undefined || student !== undefined || loss !== undefined;

/** Computes the heads and losses of all passes for a few rows. */
function tryPasses(trial: Trial, asked: string, findings: Findings): void {
  const rows = 4;
  const tensor = (name: string, shape: readonly number[]) =>
    tf.tensor(normalValues(randomFor(name), rows * sizeOf(shape)), [rows, ...shape]);
  const values: TensorsByName = initialValues(trial.variables.all, 1);
  const label = tf.tensor(
    labelValues(trial.label.spec, rows),
    [rows],
    trial.label.spec.dtype,
  );
  const scope: LossScope = { label, columns: {}, read: ({ name }) => values[name]! };
  const outputs = Object.fromEntries(
    Object.entries(trial.outputs).map(([name, shape]) => [name, tensor(name, shape)]),
  );
  const [from, to] = trial.shapes.map((shape, index) => tensor(`compared ${index}`, shape)) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const run = (head: PolicyHead, standsFor: tf.Tensor, asked: string) => {
    const reads = head.reads.map((name) => outputs[name]!);
    return watched(findings, asked, { ...outputs, ...values, label }, () => {
      const output: unknown = head.compute(reads, scope);
      if (output instanceof tf.Tensor && shapeText(output.shape) === shapeText(standsFor.shape)) {
        return output.dataSync<"float32">().slice();
      }
      findings.add(
        "has heads whose output has the shape of the output for which it stands in",
        asked,
        output instanceof tf.Tensor
          ? `a tensor of shape ${shapeText(output.shape)}; expected ${shapeText(standsFor.shape)}`
          : describeValue(output),
      );
      return undefined;
    });
  };
  trial.policy.forEach(({ reversed, teacher, student, loss }, index) => {
    const [first, second] = reversed ? [to, from] : [from, to];
    for (
      const [head, standsFor, side] of [[teacher, first, "teacher"], [
        student,
        second,
        "student",
      ]] as const
    ) {
      if (!head) continue;
      const at = `the ${side} of pass ${index + 1}, ${asked}`;
      const output = run(head, standsFor, at), again = output && run(head, standsFor, at);
      const bad = output && notFinite(output);
      if (bad) findings.add("has heads with finite outputs", at, bad);
      else if (again && distance(output, again) > 1e-6) {
        findings.add("has heads that are pure functions", at, "two calls differ");
      }
    }
    if (!loss) return;
    const at = `the loss of pass ${index + 1}, ${asked}`;
    watched(findings, at, { from, to, label, ...values }, () => {
      const result: unknown = loss(first, second, scope);
      const fits = result instanceof tf.Tensor &&
        (result.rank === 0 || shapeText(result.shape) === shapeText([rows]));
      const bad = fits ? notFinite(result.dataSync()) : undefined;
      if (fits && !bad) return;
      findings.add(
        "has losses that return one finite number per row, or a scalar",
        `${counted(rows, "row")} of ${at}`,
        bad ??
          (result instanceof tf.Tensor
            ? `a tensor of shape ${shapeText(result.shape)}`
            : describeValue(result)),
      );
    });
  });
  tf.dispose([values, label, outputs, from, to]);
}

/**
 * Checks a function of the position in the training, such as a schedule: it must return a finite
 * number of at least 0 at each step of a run, and the same number in repeated calls.
 *
 * @param subject The stage.
 * @param compute The function.
 * @param what A description of the returned number.
 */
export function checkFunction(
  subject: Subject,
  compute: (position: Position) => number,
  what: string,
): void {
  const { findings } = subject;
  const asked: [Position, number][] = [];
  for (const position of positions()) {
    const at = `${what} at ${positionText(position)}`;
    const went = findings.attempt(at, () => {
      const factor: unknown = compute(position);
      if (expectFactor(subject, factor, at)) asked.push([position, factor]);
    });
    if (!went) return;
  }
  // Called in reverse order, to detect a function that counts its calls.
  for (const [position, before] of asked.reverse()) {
    const now = compute(position);
    if (Object.is(now, before)) continue;
    findings.add(
      "is a pure function of the position",
      `${what} at ${positionText(position)}`,
      `it returned ${before}, and ${now} in a second call`,
    );
    return;
  }
}

function expectFactor(
  { findings }: Subject,
  factor: unknown,
  asked: string,
): factor is Factor & number {
  if (typeof factor === "number" && Number.isFinite(factor) && factor >= 0) return true;
  findings.add(
    "returns finite numbers of at least 0",
    asked,
    `it returned ${describeValue(factor)}`,
  );
  return false;
}
