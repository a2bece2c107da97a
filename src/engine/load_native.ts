import * as tf from "@tensorflow/tfjs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import util from "node:util";
import { registerNativeKernels } from "./kernels/native.ts";
import type { Build } from "./native/build.ts";
import { hush } from "./native/hush.ts";

/** The name under which the backend is registered, the same that tfjs-node uses. */
export const NATIVE_BACKEND = "tensorflow";

let loading: Promise<void> | undefined;

/**
 * Registers tfjs-node's backend on an addon from any folder, with all its kernels. Nothing happens
 * if that was done already: a process has one TensorFlow.
 *
 * @param build The addon.
 * @returns A promise of the backend being registered; it still has to be chosen.
 * @throws {Error} If the addon cannot be loaded.
 */
export function loadNative(build: Build): Promise<void> {
  return loading ??= load(build).catch((error) => {
    loading = undefined;
    throw error;
  });
}

async function load(build: Build): Promise<void> {
  giveBackUtilities();
  const { NodeJSKernelBackend } = await import(
    "@tensorflow/tfjs-node/dist/nodejs_kernel_backend.js"
  );
  // The path is absolute, so what it is resolved against does not matter.
  const binding = hush(() => createRequire(process.execPath)(join(build.folder, build.addon)));
  await import("@tensorflow/tfjs-node/dist/register_all_kernels.js");
  registerNativeKernels(NATIVE_BACKEND);
  tf.registerBackend(
    NATIVE_BACKEND,
    () => new NodeJSKernelBackend(binding, "@tensorflow/tfjs-node"),
    3,
  );
}

/** tfjs-node calls two functions of `node:util` that Node 23 and Deno no longer have. */
function giveBackUtilities(): void {
  const utilities: Record<string, unknown> = util as never;
  utilities.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  utilities.isArray ??= Array.isArray;
}
