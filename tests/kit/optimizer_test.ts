import { defineOptimizer, type Optimizer, type OptimizerStage, tf, z } from "../../plugin.ts";
import { checkStage } from "../../testing.ts";
import { assertBroken, named } from "./support.ts";

function optimizer(
  update: Optimizer["update"],
  slots: Readonly<Record<string, number>> = {},
): OptimizerStage {
  return defineOptimizer({ ...named, options: z.object({}), slots, create: () => update });
}

const descent: Optimizer["update"] = ({ value, gradient, learningRate }) => ({
  value: tf.sub(value, tf.mul(gradient, learningRate)),
  slots: {},
});

const momentum: Optimizer["update"] = ({ value, gradient, learningRate, slots }) => {
  const momentum = tf.add(tf.mul(slots.momentum!, 0.9), gradient);
  return { value: tf.sub(value, tf.mul(momentum, learningRate)), slots: { momentum } };
};

Deno.test("checkStage() passes optimizers that keep their contract", async () => {
  await checkStage(optimizer(descent));
  await checkStage(optimizer(momentum, { momentum: 0 }));
});

Deno.test("checkStage() finds an optimizer without slots or update()", async () => {
  const stage = { ...optimizer(descent), create: () => ({ update: descent }) };
  await assertBroken(stage, ["returns { slots, update() }"]);
  await assertBroken(optimizer(momentum, { momentum: NaN }), [
    "the initial value of each slot",
  ]);
});

Deno.test("checkStage() finds an optimizer that changes shapes", async () => {
  await assertBroken(
    optimizer((input) => ({ value: tf.reshape(descent(input).value, [-1]), slots: {} })),
    ["keeps the shape of the variable", "a variable of shape [] on wasm: the value of shape [1]"],
  );
});

Deno.test("checkStage() finds slots that are missing or not declared", async () => {
  await assertBroken(optimizer(descent, { momentum: 0 }), ["nothing as slot momentum"]);
  await assertBroken(
    optimizer((input) => ({ ...descent(input), slots: { extra: input.gradient } })),
    ["returns only the slots that it declared", "it also returned extra"],
  );
});

Deno.test("checkStage() finds an optimizer that divides by a gradient of 0", async () => {
  await assertBroken(
    optimizer(({ value, gradient, learningRate }) => ({
      value: tf.sub(value, tf.mul(tf.div(gradient, tf.abs(gradient)), learningRate)),
      slots: {},
    })),
    ["stays finite, even for a gradient of 0", "NaN"],
  );
});

Deno.test("checkStage() finds an optimizer that moves uphill or not at all", async () => {
  await assertBroken(
    optimizer(({ value, gradient, learningRate }) => ({
      value: tf.add(value, tf.mul(gradient, learningRate)),
      slots: {},
    })),
    ["moves against the gradient", "it moved uphill"],
  );
  await assertBroken(optimizer(({ value }) => ({ value: tf.clone(value), slots: {} })), [
    "it did not move",
  ]);
});

Deno.test("checkStage() finds an optimizer that keeps state outside its slots", async () => {
  let calls = 1;
  await assertBroken(
    optimizer(({ value, gradient, learningRate }) => ({
      value: tf.sub(value, tf.div(tf.mul(gradient, learningRate), calls++)),
      slots: {},
    })),
    ["keeps its state only in slots"],
  );
});

Deno.test("checkStage() finds tensors that an optimizer keeps or disposes of", async () => {
  await assertBroken(
    optimizer((input) => {
      tf.keep(tf.neg(input.gradient));
      return descent(input);
    }),
    ["leaves no tensors behind"],
  );
  await assertBroken(
    optimizer((input) => {
      const output = descent(input);
      input.gradient.dispose();
      return output;
    }),
    ["it disposed of gradient"],
  );
});

Deno.test("checkStage() finds an optimizer that is not elementwise, although it says so", async () => {
  const elementwise = (update: Optimizer["update"]) =>
    defineOptimizer({
      ...named,
      options: z.object({}),
      slots: {},
      elementwise: true,
      create: () => update,
    });
  await checkStage(elementwise(descent));
  const byNorm: Optimizer["update"] = ({ value, gradient, learningRate }) => ({
    value: tf.sub(value, tf.mul(tf.div(gradient, tf.add(tf.norm(gradient), 1)), learningRate)),
    slots: {},
  });
  await checkStage(optimizer(byNorm));
  await assertBroken(elementwise(byNorm), ["moves each number on its own if it is elementwise"]);
});
