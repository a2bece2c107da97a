/**
 * Rocket's side of the wide residual rows: speaks the same protocol as the peers.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "../engine/capture/capture.ts";
import { openEngine } from "../engine/engine.ts";
import crossEntropy from "../plugins/losses/cross_entropy.ts";
import mseHint from "../plugins/losses/mse_hint.ts";
import wideResnet from "../plugins/networks/wide_resnet.ts";
import sgd from "../plugins/optimizers/sgd.ts";
import type { LabelSpec } from "../pipeline/stages/batch.ts";
import type { NetName } from "../pipeline/stages/network.ts";
import { Forward } from "../train/forward.ts";
import type { Term } from "../train/objective.ts";
import { disposeState, initialState, type Model, trainStep } from "../train/step.ts";
import { rowsOf } from "../train/tensors.ts";
import { DeclaredVariables, initialValues } from "../train/variables.ts";
import { serve } from "./worker.ts";

const options = parseArgs(Deno.args, {
  string: ["sharing", "task", "mode", "engine", "light", "booster", "width", "batch"],
  default: {
    sharing: "interval",
    light: "16",
    booster: "40",
    width: "1",
    batch: "128",
    task: "step",
    mode: "captured",
    engine: "native",
  },
});
const batch = Number(options.batch), width = Number(options.width);
await openEngine(options.engine as "native", () => {});

const label: LabelSpec = { kind: "class", classes: 10, shape: [], dtype: "int32" };
const variables = new DeclaredVariables();
const nets: NetName[] = options.task === "alone" ? ["light"] : ["light", "booster"];
const pair = wideResnet.create({
  sharing: options.sharing,
  light: options.sharing === "bottom" ? undefined : { depth: Number(options.light), width },
  booster: { depth: Number(options.booster), width },
}, {
  features: { image: { shape: [32, 32, 3], dtype: "float32" } },
  label,
  units: 10,
  nets,
  variables,
});

const image = tf.randomNormal([batch, 32, 32, 3], 0, 1, "float32", 1);
const classes = tf.randomUniform([batch], 0, 10, "int32", 2);
const values = initialValues(variables.all, 1);
const run = options.task.startsWith("infer")
  ? inference(options.task === "infer-light" ? "light" : "booster")
  : training();
await serve(run);

function training(): () => void {
  const term = (net: NetName): Term => ({
    form: "task",
    name: net,
    stage: { kind: "loss", name: "cross-entropy" },
    weight: 1,
    policy: [{ from: 1, to: 1, shared: 1 }],
    compute: crossEntropy.create(crossEntropy.options.parse({}), { label, shapes: [[10]] }),
    on: { net, output: "logits" },
  } as Term);
  const hint = {
    form: "hint",
    name: "hint",
    stage: { kind: "loss", name: "mse-hint" },
    weight: 0.03,
    policy: [{ from: 0, to: 1, shared: 1 }],
    compute: mseHint.create(mseHint.options.parse({}), { label, shapes: [[10], [10]] }),
    from: { net: "booster", output: "logits" },
    to: { net: "light", output: "logits" },
  } as Term;
  const model: Model = {
    pair,
    variables: variables.all,
    terms: nets.length === 1 ? [term("light")] : [term("light"), term("booster"), hint],
    optimizer: sgd.create(sgd.options.parse({ momentum: 0.9, weightDecay: 5e-4 }), {}),
    optimizerStage: { kind: "optimizer", name: "sgd" },
  };
  type Input = { state: typeof state; input: typeof input };
  const precision = options.mode === "bfloat16" ? "bfloat16" as const : "float32" as const;
  const captured = new CapturedFunction(
    ({ state, input }: Input) => trainStep(model, state, input),
    { precision, rows: ({ input }) => rowsOf(input) },
  );
  let state = initialState(model, values);
  const input = {
    features: { image },
    label: classes,
    rate: tf.scalar(0.1),
    step: tf.scalar(1),
    seed: tf.scalar(0, "int32"),
    factors: [],
  };
  return () => {
    const output = options.mode === "eager"
      ? trainStep(model, state, input)
      : captured.call({ state, input });
    disposeState(state, output.state);
    state = output.state;
    output.losses.dataSync();
    output.losses.dispose();
  };
}

function inference(net: NetName): () => void {
  const precision = options.mode === "bfloat16" ? "bfloat16" as const : "float32" as const;
  // The weights are constants of the graph, as in a net that ships.
  const captured = new CapturedFunction(({ image }: { image: tf.Tensor }) => {
    const forward = new Forward(pair, {
      values,
      features: { image },
      training: false,
      seed: () => tf.scalar(0, "int32"),
    });
    return { logits: forward.outputs(net).logits };
  }, { precision, rows: ({ image }) => [image] });
  return () => {
    const { logits } = captured.call({ image });
    logits.dataSync();
    logits.dispose();
  };
}
