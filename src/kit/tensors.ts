/**
 * Shared parts of the checks of stages that compute with tensors.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { openEngine } from "../engine/engine.ts";
import type { Findings } from "./findings.ts";
import { counted } from "./samples.ts";
import type { StageChecks } from "./stage_checks.ts";

/**
 * Iterates over the engines with which a stage is checked. During each iteration, tfjs computes
 * with that engine.
 *
 * @param checks The options of the check.
 * @returns The name of each engine while it is open: wasm first, then native if it is available.
 */
export async function* openEngines(
  { engines }: StageChecks,
): AsyncGenerator<"native" | "wasm"> {
  if (engines) {
    for (const engine of engines) yield (await openEngine(engine)).name;
    return;
  }
  yield (await openEngine("wasm")).name;
  const { name } = await openEngine("auto");
  if (name !== "wasm") yield name;
}

/** Returns the number of tensors in memory. A leak shows as an increase. */
export function tensorCount(): number {
  return tf.engine().state.numTensors;
}

/**
 * Runs a part of a check that returns plain numbers, and monitors its tensors. An error, a leaked
 * tensor, or a changed or disposed input is reported as a finding.
 *
 * @param findings Receives the findings.
 * @param asked A description of the sample.
 * @param inputs The tensors that the stage receives, by name.
 * @param compute Calls the stage.
 * @returns The result of `compute`, or undefined if it failed.
 */
export function watched<T>(
  findings: Findings,
  asked: string,
  inputs: Readonly<Record<string, tf.Tensor>>,
  compute: () => T,
): T | undefined {
  const copies = Object.entries(inputs).map(([name, tensor]) =>
    [name, tensor, tensor.dataSync().slice()] as const
  );
  const before = tensorCount();
  let result: T | undefined;
  try {
    // The result does not pass through tidy(), which would search it for tensors.
    tf.tidy(() => {
      result = compute();
    });
  } catch (error) {
    findings.threw(asked, error);
    return undefined;
  }
  const left = tensorCount() - before;
  const disposed = copies.filter(([, tensor]) => tensor.isDisposed).map(([name]) => name);
  if (disposed.length > 0) {
    findings.add("does not change its inputs", asked, `it disposed of ${disposed.join(", ")}`);
    return undefined;
  }
  if (left > 0) {
    findings.add(
      "leaves no tensors behind (dispose of tensors that are created outside tf.tidy(), and do not call tf.keep())",
      asked,
      `${counted(left, "tensor")} left over`,
    );
  }
  for (const [name, tensor, copy] of copies) {
    const values = tensor.dataSync();
    if (values.every((value, index) => value === copy[index])) continue;
    findings.add("does not change its inputs", asked, `it changed the values of ${name}`);
  }
  return result;
}

/**
 * Computes the gradients of a scalar. They are undefined for tensors that it does not depend on.
 *
 * @param compute Computes the scalar.
 * @param inputs The tensors to differentiate by.
 */
export function gradients(
  compute: () => tf.Scalar,
  inputs: readonly tf.Tensor[],
): readonly (tf.Tensor | undefined)[] {
  // Unlike tf.grads(), this accepts inputs that the result does not depend on.
  return tf.engine().gradients(compute, [...inputs], undefined, true).grads;
}

/**
 * Returns the largest relative difference between two lists of numbers.
 *
 * @param actual The numbers.
 * @param expected The expected numbers.
 */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let most = 0, scale = 1e-3;
  for (let index = 0; index < actual.length; index++) {
    const apart = Math.abs(actual[index]! - expected[index]!);
    if (Number.isNaN(apart)) {
      if (Object.is(actual[index], expected[index])) continue;
      return Infinity;
    }
    most = Math.max(most, apart);
    scale = Math.max(scale, Math.abs(expected[index]!));
  }
  return most / scale;
}

/**
 * Describes the first number in a list that is NaN or infinite.
 *
 * @param values The numbers.
 * @returns The description, or undefined if all numbers are finite.
 */
export function notFinite(values: ArrayLike<number>): string | undefined {
  const bad = Array.from(values).find((value) => !Number.isFinite(value));
  return bad === undefined ? undefined : `${bad} among them`;
}

/**
 * Formats a shape for messages, such as `[2, 3]`.
 *
 * @param shape The shape.
 * @returns The shape as text.
 */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
