import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { denoFolder } from "./deno_folder.ts";

/**
 * The npm specifier of ONNX Runtime. Its version has the API that `src/run/model/onnx_runtime.ts`
 * declares. It is imported through a variable because Deno downloads all packages of literal
 * imports when a program starts. The package is large, and most commands do not need it.
 */
export const onnxRuntimePackages: readonly [string] = ["npm:onnxruntime-node@1.30.0"];

/** The environment variable that turns off the telemetry of ONNX Runtime if it is `1`. */
export const noTelemetry = "ORT_DISABLE_TELEMETRY";

/**
 * Checks whether ONNX Runtime is in Deno's cache, so that it can be used without a download. The
 * answer is no if this process may not read the cache.
 */
export function hasOnnxRuntime(): boolean {
  const [, name, version] = /^npm:(.+)@(.+)$/.exec(onnxRuntimePackages[0])!;
  try {
    const npm = join(denoFolder(), "npm");
    // The cache has a folder for each registry.
    return readdirSync(npm).some((registry) => existsSync(join(npm, registry, name!, version!)));
  } catch {
    return false;
  }
}
