/**
 * Heads of gradient policies, as the package examples/packages/shake uses them.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { join } from "node:path";
import shake from "../../examples/packages/shake/mod.ts";
import kl from "../../plugins/losses/kl.ts";
import { defineGradient, type HintLoss, type PolicyHead, UserError, z } from "../../plugin.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { makeTerm } from "../../src/run/make_term.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { parametersOf } from "../../src/run/run.ts";
import { StageError } from "../../src/stages/stage_error.ts";
import { Forward } from "../../src/train/forward.ts";
import { termLoss } from "../../src/train/objective.ts";
import { disposeState, initialState, trainStep } from "../../src/train/step.ts";
import { stepInput } from "../../src/train/step_input.ts";
import { DeclaredVariables, initialValues } from "../../src/train/variables.ts";
import { assertNear } from "../reference/fixtures.ts";
import { root } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { classLabel } from "../support/labels.ts";
import { digitsPipeline } from "../support/pipelines.ts";

const use = join(root, "examples", "packages", "shake", "mod.ts");

/** The nets of a pipeline with a hint, and the variables that a step of it moves. */
async function tryStep(hint: Record<string, unknown>, phase: Record<string, unknown> = {}) {
  const plan = await readPlan(
    digitsPipeline({
      network: { use: "mlp", shared: [], light: [8], booster: [32, 24] },
      losses: [{ use: "cross-entropy", on: "light" }, hint],
      ...phase,
    }) as unknown as Pipeline,
    [],
    [use],
  );
  const data = await prepareData(plan);
  const nets = prepareNets(plan, data, netsOf(plan));
  const { variables } = nets.model;
  const state = initialState(nets.model, initialValues(variables, plan.seed));
  const batch = await data.splits.train.slice(0, 16);
  const position = { step: 0, steps: 1, epoch: 0, epochs: 1 };
  const after = trainStep(nets.model, state, stepInput(nets.model, batch, position, 0.1, 0));
  const moved = variables.filter(({ name }) => after.state.values[name] !== state.values[name]);
  disposeState(state, after.state);
  disposeState(after.state);
  after.losses.dispose();
  const alone = prepareNets(plan, data, ["light"]);
  await data.close();
  return { nets, alone, moved: moved.map(({ name }) => name) };
}

const hint = { use: "kl", temperature: 4, name: "hint" };
const hidden = "booster.hidden2";

forEachEngine("the head of a policy is trained and belongs to neither net", async () => {
  const plain = await tryStep(hint);
  const gradient = { use, features: hidden };
  const { nets, alone, moved } = await tryStep({ ...hint, gradient });
  assertEquals(moved.filter((name) => !name.startsWith("light/")), [
    "losses/hint/gradient/logits/kernel",
    "losses/hint/gradient/logits/bias",
  ]);
  assert(moved.some((name) => name.startsWith("light/")));
  assertEquals(parametersOf(nets), parametersOf(plain.nets));
  assertEquals(alone.model.variables.filter(({ owner }) => owner === "loss"), []);
});

forEachEngine("each pair of a hint over lists has a head of its own", async () => {
  const gradient = { use, features: [hidden, "booster.hidden1"], hidden: [6] };
  const logits = ["logits", "logits"];
  const { moved } = await tryStep({
    ...hint,
    from: logits.map((output) => `booster.${output}`),
    to: logits.map((output) => `light.${output}`),
    gradient,
  });
  const own = moved.filter((name) => name.startsWith("losses/"));
  const parts = ["hidden1/kernel", "hidden1/bias", "logits/kernel", "logits/bias"];
  assertEquals(
    own,
    [1, 2].flatMap((pair) => parts.map((part) => `losses/hint/${pair}/gradient/${part}`)),
  );
});

Deno.test("a head that reads an output that the compared nets do not have is a mistake of the file", async () => {
  const error = await assertRejects(
    () => tryStep({ ...hint, gradient: { use, features: "booster.hiden2" } }),
    UserError,
    "the nets have no output booster.hiden2",
  );
  const [problem] = error.problems;
  assertEquals([error.exitCode, problem!.hint!.includes("booster.hidden2")], [2, true]);
});

Deno.test("a policy with a head is refused for a loss on the label", async () => {
  await assertRejects(
    () => tryStep({ use: "cross-entropy", on: "booster", gradient: { use, features: hidden } }),
    UserError,
    "puts a head between the nets, so it only works for hint losses",
  );
});

/** The numbers of `wave()` in examples/packages/shake/reference.py. */
function wave(shape: readonly number[], seed: number, scale: number): tf.Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Array.from({ length: size }, (_, index) => scale * Math.sin(1.7 * index + seed));
  return tf.tensor(values, [...shape]);
}

const constants = { light: [4, 3], booster: [4, 3], features: [4, 5] } as const;

/** A hint term between two nets whose outputs are variables. */
function termOf(gradient: typeof shake, loss = kl) {
  const variables = new DeclaredVariables();
  const outputs = Object.fromEntries(
    Object.entries(constants).map(([name, shape]) => {
      const owner = name === "light" ? "light" as const : "booster" as const;
      const initializer = { kind: "constant", value: 0 } as const;
      return [name, variables.add({ name, shape, initializer, owner })];
    }),
  );
  const reference = (kind: "loss" | "gradient", name: string) => ({ kind, name });
  const planned = <Stage extends typeof kl | typeof shake>(stage: Stage, options: unknown) => ({
    stage,
    options: stage.options.parse(options),
    reference: reference(stage.kind, stage.name),
    resolved: {},
    from: () => ({}),
  });
  const term = makeTerm(
    {
      ...planned(loss, { temperature: 4 }),
      name: "hint",
      comparisons: [["booster.logits", "light.logits"]],
      weight: 1,
      schedule: undefined,
      gradient: planned(gradient, {}),
    } as unknown as Parameters<typeof makeTerm>[0],
    { "light.logits": [3], "booster.logits": [3], "booster.features": [5] },
    classLabel(3),
    variables,
  );
  const compute = (values: Record<string, tf.Tensor>) => {
    const forward = new Forward({
      light: (_, scope) => ({ logits: scope.read(outputs.light!) }),
      booster: (_, scope) => ({
        logits: scope.read(outputs.booster!),
        features: scope.read(outputs.features!),
      }),
    }, { values, features: {}, training: true, seed: () => tf.scalar(0, "int32") });
    return termLoss(term, forward, { label: tf.tensor1d([0, 2, 1, 1], "int32") }, new Map());
  };
  return { term, compute };
}

const head = "losses/hint/gradient/logits";

forEachEngine("the losses of shake and their gradients agree with PyTorch", () => {
  const { compute } = termOf(shake);
  const values: Record<string, tf.Tensor> = {
    light: wave(constants.light, 2, 2),
    booster: wave(constants.booster, 1, 3),
    features: wave(constants.features, 3, 1),
    [`${head}/kernel`]: wave([5, 3], 4, 1),
    [`${head}/bias`]: wave([3], 5, 1),
  };
  const names = Object.keys(values);
  const { value, grads } = tf.engine().gradients(
    () => compute(values),
    names.map((name) => values[name]!),
    undefined,
    true,
  );
  const gradients = Object.fromEntries(
    names.map((name, index) => [name, grads[index] && [...grads[index].dataSync()]]),
  );
  // As `python examples/packages/shake/reference.py` prints them.
  assertNear("loss", value.dataSync(), [10.90723], 1e-5);
  assertNear("student", gradients.light!, [
    ...[0.2727817, -0.1986061, -0.07417555, 0.01353889, 0.1142027, -0.1277416],
    ...[0.118959, 0.153366, -0.272325, -0.1274231, -0.1044692, 0.2318923],
  ], 1e-4);
  assertNear("kernel", gradients[`${head}/kernel`]!, [
    ...[-0.7028614, 0.1527827, 0.8357877, 0.7241356, -1.656165, 0.134842, 0.5162596, 0.2739927],
    ...[-0.870535, -0.85717, 1.58556, 0.08948529, -0.2953764, -0.682574, 0.8474756],
  ], 1e-4);
  assertNear("bias", gradients[`${head}/bias`]!, [-0.3663717, -0.04352408, 0.4052912], 1e-4);
  assertEquals([gradients.booster, gradients.features], [undefined, undefined]);
});

Deno.test("a head of another shape than the output for which it stands in is a mistake of the policy", () => {
  const wrong = (compute: PolicyHead["compute"], loss?: HintLoss) =>
    defineGradient({
      name: "wrong",
      summary: "A wrong head.",
      options: z.object({}),
      create: () => [{
        from: 0,
        to: 1,
        shared: 1,
        teacher: { reads: ["booster.features"], compute },
        ...(loss && { loss }),
      }],
    });
  const values = {
    light: wave(constants.light, 2, 2),
    booster: wave(constants.booster, 1, 3),
    features: wave(constants.features, 3, 1),
  };
  for (
    const [policy, message] of [
      [wrong(([features]) => features!), "computed a head of shape [4,5]; expected [4,3]"],
      [wrong(() => 3 as unknown as tf.Tensor), "computed the number 3 as the output of a head"],
      [
        wrong(([features]) => tf.slice(features!, 0, [4, 3]), (from) => from),
        "returned a tensor of shape [4,3] for a batch of 4 rows",
      ],
    ] as const
  ) {
    const { compute } = termOf(policy);
    try {
      compute(values);
    } catch (error) {
      assert(error instanceof StageError && error.message.includes(message), `${error}`);
      assert(error.message.includes("wrong"), error.message);
      continue;
    }
    throw new Error(`accepted: ${message}`);
  }
});
