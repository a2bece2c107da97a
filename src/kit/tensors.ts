/**
 * What the checks of stages that compute with tensors have in common.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { openEngine } from "../engine/engine.ts";
import type { Findings } from "./findings.ts";
import { counted } from "./samples.ts";
import type { StageChecks } from "./stage_checks.ts";

/**
 * Opens engine after engine.
 *
 * @param checks What the author of the stage asked for.
 * @returns Their names, each while it is open: wasm, and native last where it can be had.
 */
export async function* openEngines({ engines }: StageChecks): AsyncGenerator<string> {
  if (engines) {
    for (const engine of engines) yield (await openEngine(engine)).name;
    return;
  }
  yield (await openEngine("wasm")).name;
  const { name } = await openEngine("auto");
  if (name !== "wasm") yield name;
}

/** How many tensors there are. */
export function tensorCount(): number {
  return tf.engine().state.numTensors;
}

/**
 * Runs a part of a check that hands out plain numbers only, and watches over tensors: what it
 * throws, leaves behind, disposes of or changes is a finding.
 *
 * @param findings Where that is taken down.
 * @param asked What the stage is asked for.
 * @param inputs The tensors that the stage is given, by name.
 * @param compute Calls the stage.
 * @returns What `compute` returned; undefined if it failed.
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
    // The result goes around tidy(), which would look for tensors in it.
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
    findings.add("leaves its inputs as they are", asked, `it disposed of ${disposed.join(", ")}`);
    return undefined;
  }
  if (left > 0) {
    findings.add(
      "leaves no tensor behind (dispose of what is made outside tf.tidy(), and do not tf.keep() it)",
      asked,
      `${counted(left, "tensor")} left over`,
    );
  }
  for (const [name, tensor, copy] of copies) {
    const values = tensor.dataSync();
    if (values.every((value, index) => value === copy[index])) continue;
    findings.add("leaves its inputs as they are", asked, `it changed the values of ${name}`);
  }
  return result;
}

/**
 * Gradients of a scalar; undefined for tensors that it does not depend on.
 *
 * @param compute Computes the scalar.
 * @param inputs What it is derived by.
 */
export function gradients(
  compute: () => tf.Scalar,
  inputs: readonly tf.Tensor[],
): readonly (tf.Tensor | undefined)[] {
  // Unlike tf.grads(), this allows inputs that the result does not depend on.
  return tf.engine().gradients(compute, [...inputs], undefined, true).grads;
}

/**
 * The greatest distance of numbers that should be alike, as a part of their size.
 *
 * @param actual The numbers.
 * @param expected What they should be.
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
 * The first number that is not finite, in words.
 *
 * @param values The numbers.
 */
export function notFinite(values: ArrayLike<number>): string | undefined {
  const bad = Array.from(values).find((value) => !Number.isFinite(value));
  return bad === undefined ? undefined : `${bad} among them`;
}

/**
 * What a stage returned in the place of a tensor, in words.
 *
 * @param shape The shape.
 */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
