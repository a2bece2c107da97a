import { openEngines } from "./tensors.ts";

/**
 * Calls a function once on each engine that this machine can use, one after the other: first on
 * WebAssembly, then on the native engine. Use it in a test that compares the values of a stage with
 * those of another program.
 *
 * The engine of the last call stays open.
 *
 * @example
 * ```ts
 * import { tf } from "@rocket-launching/rocket/plugin";
 * import { onEachEngine } from "@rocket-launching/rocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * await onEachEngine(() => {
 *   assertEquals([...tf.softplus([0]).dataSync()].map((value) => value.toFixed(4)), ["0.6931"]);
 * });
 * ```
 *
 * @param work The function. Its argument is the name of the engine.
 */
export async function onEachEngine(
  work: (engine: "native" | "wasm") => void | Promise<void>,
): Promise<void> {
  for await (const engine of openEngines({})) await work(engine);
}
