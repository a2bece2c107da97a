/**
 * The packages of ONNX Runtime, of the version whose types `src/model/onnx_runtime.ts` has. They are
 * loaded by names that Deno cannot see beforehand: they are large, most commands do not need them,
 * and Deno downloads what it sees when a program starts.
 */
export const onnxRuntimePackages: readonly [string] = ["npm:onnxruntime-node@1.30.0"];
