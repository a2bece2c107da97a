import { join } from "node:path";
import { registerWasmKernels } from "./kernels/wasm.ts";
import { packageFolder } from "../base/machine/package_folder.ts";

/** The name under which tfjs registers its WebAssembly backend. */
export const WASM_BACKEND = "wasm";

let loading: Promise<void> | undefined;

/**
 * Registers the WebAssembly backend, sets the path of its binaries (which it would otherwise look
 * for in the working directory), and adds missing kernels. Later calls do nothing.
 *
 * The backend uses one thread. Its workers start from a path that does not work in Deno, and tfjs
 * disables them outside of browsers anyway.
 *
 * @returns A promise that resolves when the backend is registered. The caller still has to switch
 *   to it.
 */
export function loadWasm(): Promise<void> {
  return loading ??= load();
}

async function load(): Promise<void> {
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(join(packageFolder("@tensorflow/tfjs-backend-wasm"), "dist", "/"));
  registerWasmKernels();
}
