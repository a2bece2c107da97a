/**
 * Training steps in bfloat16 against the same steps in float32.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { lacksBfloat16, thisMachine } from "../../src/engine/bfloat16.ts";
import { CapturedFunction } from "../../src/engine/capture/capture.ts";
import { DType, type GraphNode } from "../../src/engine/capture/graph.ts";
import type { Precision } from "../../src/engine/capture/precision.ts";
import type { RecordedGraph } from "../../src/engine/capture/recorder.ts";
import type { NetName } from "../../src/stages/network.ts";
import crossEntropy from "../../plugins/losses/cross_entropy.ts";
import mseHint from "../../plugins/losses/mse_hint.ts";
import wideResnet from "../../plugins/networks/wide_resnet.ts";
import sgd from "../../plugins/optimizers/sgd.ts";
import type { Term } from "../../src/train/objective.ts";
import { initialState, type Model, type StepOutput, trainStep } from "../../src/train/step.ts";
import { rowsOf } from "../../src/train/tensors.ts";
import { DeclaredVariables, initialValues } from "../../src/train/variables.ts";
import { forNative } from "../support/engines.ts";

const nets = ["light", "booster"] as const;
const label = { kind: "class", classes: 5, shape: [], dtype: "int32" } as const;

function rocket(): Model {
  const variables = new DeclaredVariables();
  const pair = wideResnet.create(
    wideResnet.options.parse({
      sharing: "interval",
      light: { depth: 10, width: 1 },
      booster: { depth: 16, width: 1 },
    }),
    {
      features: { image: { shape: [8, 8, 3], dtype: "float32" } },
      label,
      units: 5,
      nets,
      variables,
    },
  );
  const logits = (net: NetName) => ({ net, output: "logits" });
  const context = { label, variables: variables.ofLoss("loss") };
  const task = (net: NetName): Term => ({
    form: "task",
    name: net,
    stage: { kind: "loss", name: "cross-entropy" },
    weight: 1,
    policy: [{ from: 1, to: 1, shared: 1 }],
    compute: crossEntropy.create(crossEntropy.options.parse({}), { ...context, shapes: [[5]] }),
    on: logits(net),
  } as Term);
  const hint = {
    form: "hint",
    name: "hint",
    stage: { kind: "loss", name: "mse-hint" },
    weight: 0.03,
    policy: [{ from: 0, to: 1, shared: 1 }],
    pairs: [{
      compute: mseHint.create(mseHint.options.parse({}), { ...context, shapes: [[5], [5]] }),
      from: logits("booster"),
      to: logits("light"),
    }],
  } as Term;
  return {
    pair,
    variables: variables.all,
    terms: [task("light"), task("booster"), hint],
    optimizer: sgd.create(sgd.options.parse({ momentum: 0.9 }), {}),
    optimizerStage: { kind: "optimizer", name: "sgd" },
  };
}

/** Numbers rounded to bfloat16, the upper half of a float32. */
function rounded<T extends tf.Tensor>(tensor: T): T {
  const bits = new Uint32Array(tensor.dataSync<"float32">().slice().buffer);
  const upper = bits.map((bits) => (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000);
  return tf.tensor(new Float32Array(upper.buffer), tensor.shape) as T;
}

/**
 * One captured step from fixed weights on a fixed batch, and its graph.
 *
 * @param precision What it computes in.
 * @param prepare Changes the image and the initial weights.
 */
function step(
  precision: Precision,
  prepare: <T extends tf.Tensor>(tensor: T) => T = (tensor) => tensor,
): { output: StepOutput; graph: readonly GraphNode[] } {
  const model = rocket();
  let graph!: RecordedGraph;
  const input = {
    features: { image: prepare(tf.randomNormal([32, 8, 8, 3], 0, 1, "float32", 1)) },
    label: tf.randomUniform([32], 0, 5, "int32", 2),
    learningRate: tf.scalar(0.1),
    step: tf.scalar(1),
    scalars: {},
    seed: tf.scalar(0, "int32"),
    factors: [],
  };
  const values = Object.entries(initialValues(model.variables, 1))
    .map(([name, value]) => [name, prepare(value)] as const);
  const state = initialState(model, Object.fromEntries(values));
  type Input = { state: typeof state; input: typeof input };
  const captured = new CapturedFunction(
    ({ state, input }: Input) => trainStep(model, state, input),
    {
      precision,
      rows: ({ input }) => rowsOf(input),
      rewrite: (recorded) => graph = recorded,
    },
  );
  const output = captured.call({ state, input });
  captured.dispose();
  return { output, graph: graph.graph.all };
}

/** |a − b| / |b| over all numbers. */
function distance(a: tf.Tensor, b: tf.Tensor): number {
  const [x, y] = [a.dataSync(), b.dataSync()];
  return Math.hypot(...x.map((value, index) => value - y[index]!)) / Math.hypot(...y);
}

const hasUnits = !lacksBfloat16(await thisMachine());

forNative("a step in bfloat16 is off by what bfloat16's rounding is worth, not by more", () => {
  if (!hasUnits) return;
  const { output: exact } = step("float32"), { output: low } = step("bfloat16");
  // What rounding the weights and the image alone does to the step, all else in float32.
  const { output: nearby } = step("float32", rounded);
  const losses = distance(low.losses, exact.losses);
  assert(losses > 0 && losses < 0.01, `losses are off by ${losses}`);
  // After one step from 0, momentum is the gradient itself.
  const [slot] = Object.keys(exact.state.slots);
  const gradients = (output: StepOutput) => output.state.slots[slot!]!;
  for (const [name, gradient] of Object.entries(gradients(exact))) {
    const error = distance(gradients(low)[name]!, gradient);
    const yardstick = distance(gradients(nearby)[name]!, gradient);
    assert(error > 0 && error < 4 * yardstick, `${name}: off by ${error}, not ${yardstick}`);
  }
});

forNative("a step in bfloat16 leaves weights, momentum, statistics and losses in float32", () => {
  if (!hasUnits) return;
  const { state: { values, slots }, losses } = step("bfloat16").output;
  const tensors = [
    losses,
    ...Object.values(values),
    ...Object.values(slots).flatMap(Object.values),
  ];
  for (const tensor of tensors as tf.Tensor[]) {
    assertEquals(tensor.dtype, "float32");
  }
  // A float32 that went through a bfloat16 ends in 16 zero bits.
  const low = Object.values(values).filter((value) =>
    new Uint32Array(value.dataSync<"float32">().slice().buffer).every((bits) => !(bits & 0xffff))
  );
  const all = Object.keys(values).length;
  assert(low.length < all / 2, `${low.length} of ${all} variables are rounded`);
});

forNative("a step in bfloat16 casts at borders only", () => {
  if (!hasUnits) return;
  const { graph } = step("bfloat16");
  const nodes = new Map(graph.map((node) => [node.name, node]));
  const casts = graph.filter(({ op }) => op === "Cast");
  const above = (node: GraphNode) => nodes.get(node.inputs[0]!.split(":")[0]!)!;
  for (const cast of casts) {
    const from = above(cast);
    // Through an op that only moves numbers, a map would go to float32 and back for nothing.
    const moved = ["Reshape", "PadV2", "Slice"].includes(from.op) ? above(from) : from;
    const back = moved.op === "Cast" && moved.type("SrcT") === cast.type("DstT") &&
      moved.type("SrcT") !== moved.type("DstT");
    assert(!back, `${cast.name} undoes ${moved.name}`);
  }
  const convolutions = graph.filter(({ op }) => op.startsWith("Conv2D"));
  assert(convolutions.length > 50);
  for (
    const { name, type } of convolutions.map((node) => ({
      name: node.name,
      type: node.type("T"),
    }))
  ) {
    assertEquals(type, DType.bfloat16, name);
  }
});
