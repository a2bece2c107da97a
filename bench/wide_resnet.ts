/**
 * The program that times Rocket in the rows for wide residual nets. It uses the same protocol as
 * the peers.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import * as tf from "@tensorflow/tfjs";
import { type DeviceChoice, type EngineChoice, openEngine } from "../src/engine/engine.ts";
import type { NetName } from "../src/stages/network.ts";
import { captureInference } from "../src/train/inference.ts";
import { initialValues } from "../src/train/variables.ts";
import { type Mode, trainedNumbers, training } from "./training.ts";
import { wideResnetModel } from "./wide_resnet_model.ts";
import { serve } from "./worker.ts";

const options = parseArgs(Deno.args, {
  string: [
    "sharing",
    "task",
    "mode",
    "engine",
    "light",
    "booster",
    "width",
    "batch",
    "graph",
    "device",
  ],
  boolean: ["no-tf32"],
  default: {
    sharing: "interval",
    light: "16",
    booster: "40",
    width: "1",
    batch: "128",
    task: "step",
    mode: "captured",
    engine: "native",
    device: "cpu",
  },
});
const batch = Number(options.batch), width = Number(options.width);
// A batch of one row, as in a service that answers each request separately.
const served = options.task.startsWith("infer") && batch === 1;
const threads = served ? { threads: 1 } : {};
if (options["no-tf32"]) Deno.env.set("NVIDIA_TF32_OVERRIDE", "0");
const { detail } = await openEngine(options.engine as EngineChoice, () => {}, {
  ...threads,
  device: options.device as DeviceChoice,
});

const model = wideResnetModel({
  sharing: options.sharing,
  light: Number(options.light),
  booster: Number(options.booster),
  width,
  nets: options.task === "alone" ? ["light"] : ["light", "booster"],
});

const image = tf.randomNormal([batch, 32, 32, 3], 0, 1, "float32", 1);
const values = initialValues(model.variables, 1);
if (options.task.startsWith("infer")) {
  await serve(inference(options.task === "infer-light" ? "light" : "booster"), { detail });
} else {
  await serve(train(), { detail, parameters: trainedNumbers(model) });
}

function train(): () => number {
  const classes = tf.randomUniform([batch], 0, 10, "int32", 2);
  const batches = [{ features: { image }, label: classes }];
  return training(model, values, batches, 0.1, options.mode as Mode, options.graph);
}

function inference(net: NetName): () => void {
  const compute = captureInference(model.pair, net, values);
  return () => {
    const { logits } = compute.call({ features: { image } });
    logits.dataSync();
    logits.dispose();
  };
}
