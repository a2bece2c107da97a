import { join } from "node:path";
import { registerWasmKernels } from "./kernels/wasm.ts";
import { packageFolder } from "../base/machine/package_folder.ts";

/** The name under which tfjs registers its WebAssembly backend. */
export const WASM_BACKEND = "wasm";

let loading: Promise<void> | undefined;

/**
 * Registers the WebAssembly backend, tells it where its binaries lie, as it would look for them in
 * the working directory, and adds the kernels that it lacks. Nothing happens if that was done
 * already.
 *
 * It runs on one thread: its workers start from a path that Deno does not know, and tfjs leaves
 * them off outside of browsers too.
 *
 * @returns A promise of the backend being registered; it still has to be chosen.
 */
export function loadWasm(): Promise<void> {
  return loading ??= load();
}

async function load(): Promise<void> {
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(join(packageFolder("@tensorflow/tfjs-backend-wasm"), "dist", "/"));
  registerWasmKernels();
}
