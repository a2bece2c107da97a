import { type Engine, openEngine } from "../../src/engine/engine.ts";
import * as tf from "@tensorflow/tfjs";

/** The best engine that there is: wasm, if the native one cannot be had here; it says why. */
const best: Engine = await openEngine("auto");

/**
 * Declares a test once for each engine. The native one is ignored, and its name says so, where it
 * cannot be set up; the reason goes to standard error.
 *
 * @param name The test's name, to which the engine's is added.
 * @param body The test; the engine is open when it starts.
 */
export function forEachEngine(name: string, body: () => void | Promise<void>): void {
  forNative(name, body);
  Deno.test({ name: `${name} [wasm]`, fn: () => onEngine("wasm", body) });
}

/**
 * Declares a test for the native engine alone, ignored as by {@linkcode forEachEngine}.
 *
 * @param name The test's name, to which the engine's is added.
 * @param body The test; the engine is open when it starts.
 */
export function forNative(name: string, body: () => void | Promise<void>): void {
  const missing = best.name !== "native";
  Deno.test({
    name: `${name} [native${missing ? ": cannot be set up here" : ""}]`,
    ignore: missing,
    fn: () => onEngine("native", body),
  });
}

/** Runs a test's body on an engine. */
async function onEngine(
  engine: "native" | "wasm",
  body: () => void | Promise<void>,
): Promise<void> {
  await openEngine(engine, () => {});
  await body();
}

/**
 * How many tensors some work leaves behind, its result not counted.
 *
 * @param work Does something with tensors.
 * @returns 0 if it cleans up after itself.
 */
export function leftBehind(work: () => tf.TensorContainer): number {
  const before = tf.memory().numTensors;
  tf.dispose(work());
  return tf.memory().numTensors - before;
}
