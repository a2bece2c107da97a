/**
 * Where numbers are computed: TensorFlow's C library where it can be had, WebAssembly elsewhere.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { UserError } from "../base/errors.ts";
import { nativeUnusable } from "./native/unusable.ts";
import { loadWasm, WASM_BACKEND } from "./wasm.ts";
import { say } from "../base/terminal.ts";

/** What a person may ask for: an engine, or the best one that there is. */
export type EngineChoice = "auto" | "native" | "wasm";

/** The engine that computes. */
export interface Engine {
  /** Its name. */
  readonly name: "native" | "wasm";
  /** The name of its tfjs backend. */
  readonly backend: string;
  /** What it is, for people to read, such as `TensorFlow 2.21.0`. */
  readonly detail: string;
}

/** How the native engine is loaded; it can be said once in a process. */
export interface EngineOptions {
  /**
   * How many threads an operation of the native engine may use; all processors by default. A net
   * that answers one row at a time takes about half the time with 1: handing such small work over
   * to a thread takes longer than doing it. Training and large batches want all.
   * `TF_NUM_INTRAOP_THREADS` in the environment goes first.
   */
  readonly threads?: number;
}

/**
 * Makes an engine the one that all tensors are computed with from now on. It can be called again
 * for another engine.
 *
 * The native engine is set up if it is not there yet, which may take a minute and the network, once
 * for all runs of this user. Where that cannot be done, `auto` goes on with WebAssembly and reports
 * why in one line.
 *
 * @example
 * ```ts
 * import { openEngine } from "./engine.ts";
 * import * as tf from "@tensorflow/tfjs";
 * import { assertEquals } from "@std/assert";
 *
 * const engine = await openEngine("wasm");
 * assertEquals(engine.backend, "wasm");
 * assertEquals(tf.ones([3]).sum().dataSync()[0], 3);
 * ```
 *
 * @param choice Which engine.
 * @param report Takes lines for a person to read; they go to standard error by default.
 * @param options How the native engine is loaded.
 * @returns The engine.
 * @throws {UserError} If the native engine was asked for by name and cannot be had here.
 */
export async function openEngine(
  choice: EngineChoice = "auto",
  report: (line: string) => void = (line) => say(line),
  options: EngineOptions = {},
): Promise<Engine> {
  if (choice === "wasm") return await openWasm();
  try {
    return await openNative(choice, report, options);
  } catch (error) {
    if (choice === "native") throw nativeUnusable(error);
    const reason = error instanceof Error ? error.message : String(error);
    const hint = error instanceof UserError ? error.problems[0]?.hint : undefined;
    report(
      `native engine not used, wasm is (slower): ${oneLine(reason)}` +
        (hint ? `; to have it: ${oneLine(hint)}` : ""),
    );
    return await openWasm();
  }
}

/** Sets the native engine up where needed and switches to it. */
async function openNative(
  choice: EngineChoice,
  report: (line: string) => void,
  { threads }: EngineOptions,
): Promise<Engine> {
  // TensorFlow reads its environment once, when it is loaded; it is talkative otherwise.
  setUnlessGiven("TF_CPP_MIN_LOG_LEVEL", "3");
  if (threads !== undefined) setUnlessGiven("TF_NUM_INTRAOP_THREADS", String(threads));
  const { setUpNative } = await import("./native/set_up.ts");
  const { loadNative, NATIVE_BACKEND } = await import("./load_native.ts");
  // Who asks by name wants it tried again; the others should not wait for the same failure.
  const build = await setUpNative({ report, retry: choice === "native" });
  await loadNative(build);
  await switchTo(NATIVE_BACKEND);
  return { name: "native", backend: NATIVE_BACKEND, detail: `TensorFlow ${build.tensorflow}` };
}

function setUnlessGiven(variable: string, value: string): void {
  if (!Deno.env.has(variable)) Deno.env.set(variable, value);
}

/** Switches to WebAssembly. */
async function openWasm(): Promise<Engine> {
  await loadWasm();
  await switchTo(WASM_BACKEND);
  const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
  return {
    name: "wasm",
    backend: WASM_BACKEND,
    detail: `tfjs ${tf.version_core}, ${simd ? "SIMD" : "no SIMD"}`,
  };
}

/** Makes a registered backend the current one. */
async function switchTo(backend: string): Promise<void> {
  if (!await tf.setBackend(backend)) throw new Error(`tfjs's backend ${backend} does not start`);
}

/** A text without line breaks. */
function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, "; ");
}
