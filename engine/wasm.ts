import * as tf from "@tensorflow/tfjs";
import { join } from "node:path";
import { packageFolder } from "./package_folder.ts";

/** The name under which tfjs registers its WebAssembly backend. */
export const WASM_BACKEND = "wasm";

/**
 * Registers the WebAssembly backend and tells it where its binaries lie, as it would look for them
 * in the working directory. It runs on one thread: its workers start from a path that Deno does not
 * know, and tfjs leaves them off outside of browsers too.
 */
export async function loadWasm(): Promise<void> {
  if (tf.findBackendFactory(WASM_BACKEND) !== null) return;
  const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(join(packageFolder("@tensorflow/tfjs-backend-wasm"), "dist", "/"));
}
