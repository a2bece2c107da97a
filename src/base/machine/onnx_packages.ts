/**
 * The npm specifier of ONNX Runtime. Its version has the API that `src/model/onnx_runtime.ts`
 * declares. It is imported through a variable because Deno downloads all packages of literal
 * imports when a program starts. The package is large, and most commands do not need it.
 */
export const onnxRuntimePackages: readonly [string] = ["npm:onnxruntime-node@1.30.0"];
