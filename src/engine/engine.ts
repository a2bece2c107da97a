/**
 * Chooses the engine that computes tensors: TensorFlow's C library if it is available, WebAssembly
 * otherwise.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { Cluster } from "../cluster/processes.ts";
import { UserError } from "../base/errors.ts";
import { linesOf, thrownMessage } from "../base/printable.ts";
import { variableIfAllowed } from "../base/machine/variable_if_allowed.ts";
import type { ClusterMember } from "./cluster/member.ts";
import type { Gpu } from "./native/driver.ts";
import type { DeviceChoice } from "./native/gpu_build.ts";
import { nativeUnusable } from "./native/unusable.ts";
import { loadWasm, WASM_BACKEND } from "./wasm.ts";
import { say } from "../base/terminal.ts";

export type { DeviceChoice } from "./native/gpu_build.ts";

/** The user's choice of an engine: one by name, or `auto` for the best available one. */
export type EngineChoice = "auto" | "native" | "wasm";

/** The engine that computes tensors. */
export interface Engine {
  /** Its name. */
  readonly name: "native" | "wasm";
  /** The name of its tfjs backend. */
  readonly backend: string;
  /** The name and version for the user, such as `TensorFlow 2.21.0`, and the GPU if it uses one. */
  readonly detail: string;
  /** The GPU on which it computes; undefined if it computes on the CPU. */
  readonly gpu?: Gpu | undefined;
}

/** Options for loading the native engine. They can be set only once per process. */
export interface EngineOptions {
  /**
   * The maximum number of threads for an operation of the native engine; the number of processors
   * by default. For a net that handles one row at a time, 1 thread takes about half the time,
   * because passing such small work to another thread takes longer than the work itself. Training
   * and large batches benefit from all processors. The environment variable
   * `TF_NUM_INTRAOP_THREADS` takes precedence.
   */
  readonly threads?: number | undefined;
  /**
   * The cluster that this process joins; none by default. It needs the native engine. TensorFlow
   * then listens on the address of this process.
   */
  readonly cluster?: Cluster | undefined;
  /**
   * The device of the native engine; `auto` by default, which uses a GPU only if the GPU build of
   * TensorFlow is set up.
   */
  readonly device?: DeviceChoice | undefined;
  /**
   * Whether TensorFlow uses only kernels that compute the same bytes in each run, which can be
   * slower on a GPU; false by default.
   */
  readonly deterministic?: boolean | undefined;
  /**
   * Whether XLA compiles parts of the graphs that it can compile; false by default. A captured
   * function that is compiled as a whole needs an option of its own.
   */
  readonly xla?: boolean | undefined;
}

/**
 * Switches to an engine, which then computes all tensors. A later call can switch to another
 * engine.
 *
 * If the native engine is not yet set up, the function sets it up once for all runs of this user.
 * This can take a minute and needs the network. If it fails, `auto` uses WebAssembly and reports
 * the reason in one line.
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
 * @param choice The engine to use.
 * @param report Receives lines of text for the user; prints them to standard error by default.
 * @param options Options for loading the native engine.
 * @returns The engine.
 * @throws {UserError} If the native engine was requested by name and cannot be used.
 */
export async function openEngine(
  choice: EngineChoice = "auto",
  report: (line: string) => void = (line) => say(line),
  options: EngineOptions = {},
): Promise<Engine> {
  if (choice === "wasm") {
    if (options.device === "gpu") throw new RangeError("openEngine: wasm cannot use a GPU");
    return await openWasm();
  }
  try {
    return await openNative(choice, report, options);
  } catch (error) {
    const isExplained = options.cluster !== undefined || options.device === "gpu";
    if (isExplained && error instanceof UserError) throw error;
    if (choice === "native") throw nativeUnusable(error);
    const reason = thrownMessage(error);
    const hint = error instanceof UserError ? error.problems[0]?.hint : undefined;
    report(
      `using the slower wasm engine because the native engine is not available: ${
        linesOf(reason).join("; ")
      }` +
        (hint ? `; to use the native engine: ${linesOf(hint).join("; ")}` : ""),
    );
    return await openWasm();
  }
}

/** Sets up the native engine if necessary and switches to it. */
async function openNative(
  choice: EngineChoice,
  report: (line: string) => void,
  { threads, cluster, device = "auto", deterministic = false, xla = false }: EngineOptions,
): Promise<Engine> {
  // TensorFlow reads its environment once, when it is loaded. By default it prints many log lines.
  setUnlessGiven("TF_CPP_MIN_LOG_LEVEL", "3");
  if (threads !== undefined) setUnlessGiven("TF_NUM_INTRAOP_THREADS", String(threads));
  if (deterministic) setUnlessGiven("TF_DETERMINISTIC_OPS", "1");
  if (xla) setUnlessGiven("TF_XLA_FLAGS", "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit");
  const { chooseGpu, describeGpu } = await import("./device.ts");
  const { setUpNative } = await import("./native/set_up.ts");
  const { loadNative, NATIVE_BACKEND } = await import("./load_native.ts");
  const chosen = await chooseGpu(device, { cluster, report }), index = chosen?.index;
  // A user who requests the engine by name wants a new attempt. Other runs should not wait for the
  // same failure again.
  const build = chosen?.build ?? await setUpNative({ report, retry: choice === "native" });
  if (cluster) {
    const { loadMember } = await import("./cluster/join.ts");
    const load = (member: ClusterMember) => loadNative(build, { member, gpu: index });
    await loadMember(build, cluster, load, index);
  } else {
    await loadNative(build, { gpu: index });
  }
  await switchTo(NATIVE_BACKEND);
  const engine = { name: "native", backend: NATIVE_BACKEND } as const;
  const detail = `TensorFlow ${build.tensorflow}`;
  if (!chosen) return { ...engine, detail };
  const { gpu } = chosen, { refuseUnusedGpu } = await import("./unused_gpu.ts");
  try {
    refuseUnusedGpu(gpu);
  } catch (error) {
    if (device === "gpu" || !(error instanceof UserError)) throw error;
    report(`using the CPU because ${error.message}`);
    return { ...engine, detail };
  }
  const { setRangeChecks } = await import("./range_checks.ts");
  setRangeChecks(true);
  const shown = describeGpu(gpu, variableIfAllowed("NVIDIA_TF32_OVERRIDE"));
  return { ...engine, detail: `${detail} on ${shown}`, gpu };
}

/**
 * Describes an engine in a log line.
 *
 * @param engine The engine.
 * @param how Whether it uses only operations that compute the same bytes in each run, and whether
 *   XLA compiles them.
 */
export function engineLine(
  { name, detail }: Engine,
  { deterministic, xla }: Pick<EngineOptions, "deterministic" | "xla"> = {},
): string {
  const details = [detail, ...xla ? ["XLA"] : [], ...deterministic ? ["deterministic"] : []];
  return `engine: ${name} (${details.join(", ")})`;
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
  if (!await tf.setBackend(backend)) {
    throw new Error(`the tfjs backend ${backend} cannot be started`);
  }
}
