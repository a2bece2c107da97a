/**
 * The program that times Rocket in the rows for wide residual nets. It uses the same protocol as
 * the peers.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import * as tf from "@tensorflow/tfjs";
import { type DeviceChoice, type EngineChoice, openEngine } from "../src/engine/engine.ts";
import crossEntropy from "../plugins/losses/cross_entropy.ts";
import mseHint from "../plugins/losses/mse_hint.ts";
import wideResnet from "../plugins/networks/wide_resnet.ts";
import sgd from "../plugins/optimizers/sgd.ts";
import type { LabelSpec } from "../src/stages/batch.ts";
import type { NetName } from "../src/stages/network.ts";
import type { Model } from "../src/train/step.ts";
import { captureInference } from "../src/train/inference.ts";
import { DeclaredVariables, initialValues } from "../src/train/variables.ts";
import { hintTerm, type Mode, taskTerm, trainedNumbers, training } from "./training.ts";
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

const label: LabelSpec = { kind: "class", classes: 10, shape: [], dtype: "int32" };
const variables = new DeclaredVariables();
const nets: NetName[] = options.task === "alone" ? ["light"] : ["light", "booster"];
const pair = wideResnet.create(
  wideResnet.options.parse({
    sharing: options.sharing,
    light: options.sharing === "bottom" ? undefined : { depth: Number(options.light), width },
    booster: { depth: Number(options.booster), width },
  }),
  {
    features: { image: { shape: [32, 32, 3], dtype: "float32" } },
    label,
    units: 10,
    nets,
    variables,
  },
);

const image = tf.randomNormal([batch, 32, 32, 3], 0, 1, "float32", 1);
const values = initialValues(variables.all, 1);
if (options.task.startsWith("infer")) {
  await serve(inference(options.task === "infer-light" ? "light" : "booster"), { detail });
} else {
  await serve(train(), { detail, parameters: trainedNumbers({ variables: variables.all }) });
}

function train(): () => number {
  const terms = nets.map((net) => taskTerm(crossEntropy, net, label, 10));
  const model: Model = {
    pair,
    variables: variables.all,
    terms: nets.length === 1 ? terms : [...terms, hintTerm(mseHint, label, 10)],
    optimizer: sgd.create(sgd.options.parse({ momentum: 0.9, weightDecay: 5e-4 }), {}),
    optimizerStage: { kind: "optimizer", name: "sgd" },
  };
  const classes = tf.randomUniform([batch], 0, 10, "int32", 2);
  const batches = [{ features: { image }, label: classes }];
  return training(model, values, batches, 0.1, options.mode as Mode, options.graph);
}

function inference(net: NetName): () => void {
  const compute = captureInference(pair, net, values);
  return () => {
    const { logits } = compute.call({ features: { image } });
    logits.dataSync();
    logits.dispose();
  };
}
