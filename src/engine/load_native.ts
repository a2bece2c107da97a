import * as tf from "@tensorflow/tfjs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import util from "node:util";
import { registerNativeKernels } from "./kernels/native.ts";
import type { Build } from "./native/build.ts";
import { withoutStderr } from "./native/without_stderr.ts";
import { type ContextOptions, openContext } from "./tensorflow.ts";

/** The name under which the native backend is registered, the same as in tfjs-node. */
export const NATIVE_BACKEND = "tensorflow";

let loading: Promise<void> | undefined;

/**
 * Registers tfjs-node's backend with all its kernels. The addon may be in any folder. Later calls
 * do nothing, because a process can load only one TensorFlow.
 *
 * @param build The build that contains the addon.
 * @param options The cluster that TensorFlow's context joins, and the GPU that it sees; none by
 *   default.
 * @returns A promise that resolves when the backend is registered. The caller still has to switch
 *   to it.
 * @throws {Error} If the addon cannot be loaded.
 */
export function loadNative(build: Build, options: ContextOptions = {}): Promise<void> {
  return loading ??= load(build, options).catch((error) => {
    loading = undefined;
    throw error;
  });
}

async function load(build: Build, options: ContextOptions): Promise<void> {
  giveBackUtilities();
  const { NodeJSKernelBackend } = await import(
    "@tensorflow/tfjs-node/dist/nodejs_kernel_backend.js"
  );
  // The path is absolute, so the base of the resolution does not matter.
  const binding = withoutStderr(() => {
    openContext(build, options);
    return createRequire(process.execPath)(join(build.folder, build.addon));
  });
  await import("@tensorflow/tfjs-node/dist/register_all_kernels.js");
  registerNativeKernels(NATIVE_BACKEND);
  tf.registerBackend(
    NATIVE_BACKEND,
    () => new NodeJSKernelBackend(binding, "@tensorflow/tfjs-node"),
    3,
  );
}

/**
 * Restores two functions of `node:util` that tfjs-node calls but Node 23 and Deno no longer have.
 */
function giveBackUtilities(): void {
  const utilities: Record<string, unknown> = util as never;
  utilities.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  utilities.isArray ??= Array.isArray;
}
