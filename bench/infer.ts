/**
 * The program that times a net on typed arrays in ONNX Runtime, with one call per step: by
 * `model.predict()`, or by onnxruntime-node itself, which is the least that `predict()` can take.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { join } from "node:path";
import { createRandom } from "../src/base/random.ts";
import { loadModel } from "../src/model/load_model.ts";
import { loadOnnxRuntime } from "../src/run/model/onnx_runtime.ts";
import { type BenchNet, folderOfNet } from "./nets.ts";
import { serve } from "./worker.ts";

const { net, batch, threads, mode } = parseArgs(Deno.args, {
  string: ["net", "batch", "threads", "mode"],
  default: { net: "ctr", batch: "200", threads: "1", mode: "rocket" },
});
const folder = await folderOfNet(net as BenchNet), rows = Number(batch);
const run = join(folder, "run"), detail = "onnxruntime-node";
const random = createRandom(1);
const model = await loadModel(run, { threads: Number(threads) });
const arrays = Object.fromEntries(model.inputs.map(({ name, shape, dtype }) => {
  const length = rows * shape.reduce((product, size) => product * size, 1);
  return [
    name,
    dtype === "int32"
      ? Int32Array.from({ length }, () => random.integer(0, 3))
      : Float32Array.from({ length }, () => random.uniform() - 0.5),
  ];
}));
if (mode === "rocket") {
  const step = async () => {
    await model.predict(arrays);
  };
  await serve(step, { detail });
} else {
  await model.close();
  const [file] = [...Deno.readDirSync(join(run, "model"))].filter(({ name }) =>
    /\.onnx$/.test(name)
  );
  const { InferenceSession, Tensor } = await loadOnnxRuntime();
  const session = await InferenceSession.create(join(run, "model", file!.name), {
    intraOpNumThreads: Number(threads),
    logSeverityLevel: 3,
  });
  const step = async () => {
    const feeds = Object.fromEntries(model.inputs.map(({ name, shape, dtype }) => [
      name,
      new Tensor(dtype, arrays[name] as never, [rows, ...shape]),
    ]));
    await session.run(feeds, ["logits"]);
  };
  await serve(step, { detail });
}
