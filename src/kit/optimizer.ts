import * as tf from "@tensorflow/tfjs";
import type { Variable } from "../stages/network.ts";
import type { Optimizer, OptimizerStage } from "../stages/optimizer.ts";
import { describeValue } from "../base/describe_value.ts";
import type { Findings } from "./findings.ts";
import { normalValues, randomFor, sizeOf } from "./samples.ts";
import type { Subject } from "./subject.ts";
import { distance, notFinite, openEngines, shapeText, watched } from "./tensors.ts";

const learningRate = 0.01;

/** A variable and its slots, as plain numbers. */
interface Numbers {
  readonly value: Float32Array;
  readonly slots: Readonly<Record<string, Float32Array>>;
}

/**
 * Checks an optimizer: it must be a pure function that keeps shapes, returns all slots, stays
 * finite, and decreases a quadratic function.
 *
 * @param subject The optimizer.
 */
export async function checkOptimizer(subject: Subject<OptimizerStage>): Promise<void> {
  const { checks, findings } = subject;
  const optimizer = subject.create({}, "an optimizer");
  subject.expectAccepted();
  if (optimizer === undefined || !expectOptimizer(optimizer, findings)) return;
  for await (const engine of openEngines(checks)) {
    for (const shape of [[], [3], [4, 2], [3, 3, 2, 4]]) {
      const asked = `a variable of shape ${shapeText(shape)} on ${engine}`;
      tryOptimizer(optimizer, shape, asked, findings);
    }
    if (optimizer.elementwise) tryElementwise(optimizer, `on ${engine}`, findings);
  }
}

function expectOptimizer(optimizer: Optimizer, findings: Findings): boolean {
  const { update, slots } = optimizer as Partial<Optimizer>;
  if (typeof update !== "function" || typeof slots !== "object" || slots === null) {
    findings.add(
      "returns { slots, update() }",
      "an optimizer",
      `it returned ${describeValue(optimizer)}`,
    );
    return false;
  }
  const bad = Object.entries(slots).filter(([, start]) => !Number.isFinite(start));
  for (const [slot, start] of bad) {
    findings.add(
      "sets the initial value of each slot to a number",
      `slot ${slot}`,
      describeValue(start),
    );
  }
  return bad.length === 0;
}

function tryOptimizer(
  optimizer: Optimizer,
  shape: readonly number[],
  asked: string,
  findings: Findings,
): void {
  const size = sizeOf(shape);
  const slots = Object.fromEntries(
    Object.entries(optimizer.slots).map(([slot, start]) => [
      slot,
      new Float32Array(size).fill(start),
    ]),
  );
  const start = { value: normalValues(randomFor("variable", size), size), slots };
  const step = (numbers: Numbers, gradient: Float32Array, number: number) =>
    update(optimizer, shape, numbers, gradient, number, asked, findings);

  const zero = step(start, new Float32Array(size), 1);
  if (!zero) return;
  // The gradient of half the sum of squares is the value itself.
  const first = step(start, start.value, 1);
  const again = step(start, start.value, 1);
  if (!first || !again) return;
  if (distance(flat(again), flat(first)) > 0) {
    findings.add(
      "is a pure function that keeps its state only in slots",
      asked,
      "two steps from the same state differ",
    );
    return;
  }
  const moved = first.value.reduce(
    (sum, now, i) => sum + (now - start.value[i]!) * start.value[i]!,
    0,
  );
  if (!(moved < 0)) {
    findings.add(
      "moves against the gradient",
      `the first step on a quadratic, ${asked}`,
      moved === 0 ? "it did not move" : "it moved uphill",
    );
  }
  let now: Numbers | undefined = first;
  for (let number = 2; now && number <= 20; number++) now = step(now, now.value, number);
  if (!now || squares(now.value) < squares(start.value)) return;
  findings.add(
    "moves against the gradient",
    `20 steps on a quadratic, ${asked}`,
    `the sum of squares changed from ${squares(start.value).toPrecision(4)} to ${
      squares(now.value).toPrecision(4)
    }`,
  );
}

/** Checks that numbers move as they do in a variable of their own. */
function tryElementwise(optimizer: Optimizer, asked: string, findings: Findings): void {
  const draw = (name: string, size: number) => normalValues(randomFor(name, size), size);
  const numbers = (value: Float32Array): Numbers => ({
    value,
    slots: Object.fromEntries(
      Object.entries(optimizer.slots).map(([slot, start]) => [
        slot,
        new Float32Array(value.length).fill(start),
      ]),
    ),
  });
  const value = draw("value", 6), gradient = draw("gradient", 6).map((number) => number * 100);
  const step = (from: number, to: number, shape: readonly number[]) =>
    update(
      optimizer,
      shape,
      numbers(value.slice(from, to)),
      gradient.slice(from, to),
      1,
      asked,
      findings,
    );
  const whole = step(0, 6, [3, 2]), one = step(0, 2, [1, 2]), other = step(2, 6, [2, 2]);
  if (!whole || !one || !other) return;
  const moves = (numbers: readonly number[]) => numbers.map((number, i) => number - value[i]!);
  const joined = moves([...one.value, ...other.value]);
  if (distance(joined, moves([...whole.value])) <= 1e-4) return;
  findings.add(
    "moves each number on its own if it is elementwise",
    asked,
    "rows moved otherwise together than alone",
  );
}

/** Runs one step and returns plain numbers, or undefined if the result is invalid. */
function update(
  optimizer: Optimizer,
  shape: readonly number[],
  numbers: Numbers,
  gradient: Float32Array,
  number: number,
  asked: string,
  findings: Findings,
): Numbers | undefined {
  const variable: Variable = {
    name: "kernel",
    shape,
    initializer: { kind: "constant", value: 0 },
    owner: "light",
    trainable: true,
    table: false,
  };
  const upload = (values: Float32Array) => tf.tensor(values, [...shape]);
  const inputs: Record<string, tf.Tensor> = {
    value: upload(numbers.value),
    gradient: upload(gradient),
    learningRate: tf.scalar(learningRate),
    step: tf.scalar(number),
  };
  const scalars: Record<string, tf.Scalar> = {};
  for (
    const [name, scalar] of Object.entries(
      optimizer.scalars?.({ step: number, learningRate }) ?? {},
    )
  ) {
    if (!Number.isFinite(scalar)) {
      findings.add("computes finite scalars", asked, `${name} is ${describeValue(scalar)}`);
      return undefined;
    }
    scalars[name] = inputs[`scalar ${name}`] = tf.scalar(scalar);
  }
  const slots: Record<string, tf.Tensor> = {};
  for (const [slot, values] of Object.entries(numbers.slots)) {
    slots[slot] = inputs[`slot ${slot}`] = upload(values);
  }
  const result = watched(findings, asked, inputs, () => {
    const output: unknown = optimizer.update({
      variable,
      value: inputs.value!,
      gradient: inputs.gradient!,
      slots,
      learningRate: inputs.learningRate as tf.Scalar,
      step: inputs.step as tf.Scalar,
      scalars,
    });
    return plain(output, shape, Object.keys(slots), asked, findings);
  });
  tf.dispose(inputs);
  return result;
}

function plain(
  output: unknown,
  shape: readonly number[],
  names: readonly string[],
  asked: string,
  findings: Findings,
): Numbers | undefined {
  const { value, slots } = (output ?? {}) as { value?: unknown; slots?: Record<string, unknown> };
  const unknown = Object.keys(slots ?? {}).filter((slot) => !names.includes(slot));
  if (unknown.length > 0) {
    findings.add(
      "returns only the slots that it declared",
      asked,
      `it also returned ${unknown.join(", ")}`,
    );
    return undefined;
  }
  const read = (tensor: unknown, what: string): Float32Array | undefined => {
    if (!(tensor instanceof tf.Tensor)) {
      findings.add(
        "returns the value and all slots",
        asked,
        `${describeValue(tensor)} as ${what}`,
      );
      return undefined;
    }
    if (tensor.shape.join() !== shape.join() || tensor.dtype !== "float32") {
      findings.add(
        "keeps the shape of the variable, in float32",
        asked,
        `${what} of shape ${shapeText(tensor.shape)} in ${tensor.dtype}`,
      );
      return undefined;
    }
    const values = tensor.dataSync<"float32">().slice();
    const bad = notFinite(values);
    if (!bad) return values;
    findings.add("stays finite, even for a gradient of 0", asked, `${what} contains ${bad}`);
    return undefined;
  };
  const next = read(value, "the value");
  const all = names.map((slot) => [slot, read(slots?.[slot], `slot ${slot}`)] as const);
  if (!next || all.some(([, values]) => values === undefined)) return undefined;
  return { value: next, slots: Object.fromEntries(all) as Numbers["slots"] };
}

function squares(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

function flat({ value, slots }: Numbers): number[] {
  return [value, ...Object.values(slots)].flatMap((values) => Array.from(values));
}
