import { assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import mlp from "../../../plugins/networks/mlp.ts";
import { checkStage } from "../../../testing.ts";
import { initialValues, parameterCount } from "../../../src/train/variables.ts";
import { forEachEngine } from "../../support/engines.ts";
import { assertAloneAsInRocket, both, build, forward, issuesOf, namesOf } from "./support.ts";

const image = { image: { shape: [8, 8, 1], dtype: "float32" } } as const;
const options = { shared: [16], light: [8], booster: [32, 24] };

Deno.test("mlp fulfills the contract of a network", async () => {
  await checkStage(mlp, { options: { shared: [5], light: [4], booster: [7, 6] } });
  await checkStage(mlp, {
    options: { booster: [4] },
    features: {
      age: { shape: [], dtype: "float32" },
      scores: { shape: [3], dtype: "float32" },
    },
  });
});

Deno.test("mlp declares kernels and biases from the first layer to the last, each with its owner", () => {
  const built = build(mlp, options, { features: image });
  const all = built.variables.map(({ name, shape, owner }) => `${owner} ${name} [${shape}]`);
  assertEquals(all, [
    "shared shared/dense1/kernel [64,16]",
    "shared shared/dense1/bias [16]",
    "light light/dense1/kernel [16,8]",
    "light light/dense1/bias [8]",
    "light light/head/kernel [8,10]",
    "light light/head/bias [10]",
    "booster booster/dense1/kernel [16,32]",
    "booster booster/dense1/bias [32]",
    "booster booster/dense2/kernel [32,24]",
    "booster booster/dense2/bias [24]",
    "booster booster/head/kernel [24,10]",
    "booster booster/head/bias [10]",
  ]);
  assertEquals(built.variables.every(({ trainable }) => trainable), true);
});

Deno.test("mlp has the number of parameters that follows from its layers", () => {
  const { variables } = build(mlp, options, { features: image });
  const shared = 64 * 16 + 16;
  assertEquals(parameterCount(variables, "light"), shared + (16 * 8 + 8) + (8 * 10 + 10));
  assertEquals(
    parameterCount(variables, "booster"),
    shared + (16 * 32 + 32) + (32 * 24 + 24) + (24 * 10 + 10),
  );
});

Deno.test("mlp without layers consists of two linear nets that share nothing", () => {
  const built = build(mlp, {}, { features: image, units: 1 });
  assertEquals(namesOf(built, "shared"), []);
  assertEquals(namesOf(built, "light"), ["light/head/kernel", "light/head/bias"]);
  for (const net of both) assertEquals(parameterCount(built.variables, net), 64 + 1);
});

Deno.test("mlp initializes kernels with a standard deviation of √(2 / inputs), and biases with 0", () => {
  const { variables } = build(mlp, options, { features: image });
  const starts = Object.fromEntries(variables.map(({ name, initializer }) => [name, initializer]));
  assertEquals(starts["shared/dense1/kernel"], { kind: "normal", deviation: Math.sqrt(2 / 64) });
  assertEquals(starts["light/head/kernel"], { kind: "normal", deviation: Math.sqrt(2 / 8) });
  assertEquals(starts["booster/dense2/kernel"], { kind: "normal", deviation: Math.sqrt(2 / 32) });
  for (const [name, start] of Object.entries(starts)) {
    if (name.endsWith("head/bias")) assertEquals(start, { kind: "output bias" });
    else if (name.endsWith("bias")) assertEquals(start, { kind: "constant", value: 0 });
  }
});

forEachEngine(
  "mlp without a booster declares the light net with the same initial weights as with a booster",
  () => {
    for (const some of [options, {}, { shared: [5, 4] }]) {
      assertAloneAsInRocket(
        build(mlp, some, { features: image, nets: ["light"] }),
        build(mlp, some, { features: image }),
      );
    }
  },
);

/** Two features side by side, a number and a pair of ids; weights that a person can follow. */
const worked = {
  features: {
    pair: { shape: [2], dtype: "float32" },
    count: { shape: [], dtype: "int32" },
  },
  options: { shared: [2], booster: [2] },
  values: () => ({
    "shared/dense1/kernel": tf.tensor2d([[1, 0], [0, 1], [1, -1]]),
    "shared/dense1/bias": tf.tensor1d([0, -1]),
    "light/head/kernel": tf.tensor2d([[1, -1], [0.5, 2]]),
    "light/head/bias": tf.tensor1d([0, 1]),
    "booster/dense1/kernel": tf.tensor2d([[1, -1], [1, 2]]),
    "booster/dense1/bias": tf.tensor1d([0, 0]),
    "booster/head/kernel": tf.tensor2d([[1, 0], [0, 3]]),
    "booster/head/bias": tf.tensor1d([0, -1]),
  }),
  inputs: () => ({
    pair: tf.tensor2d([[1, 2], [-3, 1], [0, 5]]),
    count: tf.tensor1d([1, 1, 2], "int32"),
  }),
} as const;

forEachEngine("mlp computes relu layers and linear heads", () => {
  const built = build(mlp, worked.options, { features: worked.features, units: 2 });
  const nets = forward(built, worked.values(), worked.inputs());
  // The shared layer: (1+1, 2−1−1), (−3+1, 1−1−1), (0+2, 5−2−1), cut at 0: (2, 0), (0, 0), (2, 2).
  const light = nets.outputs("light");
  assertEquals(Object.keys(light), ["logits"]);
  assertEquals(light.logits.arraySync(), [[2, -1], [0, 1], [3, 3]]);
  // The booster's own: (2, −2), (0, 0), (4, 2), cut at 0.
  const booster = nets.outputs("booster");
  assertEquals(Object.keys(booster), ["hidden1", "logits"]);
  assertEquals(booster.hidden1!.arraySync(), [[2, 0], [0, 0], [4, 2]]);
  assertEquals(booster.logits.arraySync(), [[2, -1], [0, -1], [4, 5]]);
});

forEachEngine("mlp computes the shared layers once for both nets", () => {
  const built = build(mlp, worked.options, { features: worked.features, units: 2 });
  let reads = 0;
  const values = new Proxy(worked.values(), {
    get: (target, name, receiver) => {
      if (name === "shared/dense1/kernel") reads++;
      return Reflect.get(target, name, receiver);
    },
  });
  const nets = forward(built, values, worked.inputs(), true);
  for (const net of both) nets.outputs(net);
  assertEquals(reads, 1);
  assertEquals(nets.updates.size, 0);
});

forEachEngine("mlp flattens images row by row", () => {
  const features = { image: { shape: [2, 1, 2], dtype: "float32" } } as const;
  const built = build(mlp, {}, { features, units: 1, nets: ["light"] });
  const values = {
    "light/head/kernel": tf.tensor2d([[1], [10], [100], [1000]]),
    "light/head/bias": tf.tensor1d([0]),
  };
  const images = tf.tensor4d([[[[1, 2]], [[3, 4]]], [[[0, 0]], [[0, 5]]]]);
  const { logits } = forward(built, values, { image: images }).outputs("light");
  assertEquals(logits.arraySync(), [[4321], [5000]]);
});

forEachEngine("mlp has the same logits in training and in evaluation", () => {
  const built = build(mlp, options, { features: image });
  const values = initialValues(built.variables, 1);
  const inputs = { image: tf.randomNormal([3, 8, 8, 1], 0, 1, "float32", 5) };
  for (const net of both) {
    const [evaluated, trained] = [false, true].map((training) =>
      forward(built, values, inputs, training).outputs(net).logits.dataSync()
    );
    assertEquals(evaluated, trained);
  }
});

Deno.test("mlp refuses layers without units, and unknown options", () => {
  for (const units of [0, -1, 1.5]) assertEquals(issuesOf(mlp, { light: [units] }).length, 1);
  assertEquals(issuesOf(mlp, { light: 8 }).length, 1);
  assertEquals(issuesOf(mlp, { hidden: [8] }).length, 1);
});
