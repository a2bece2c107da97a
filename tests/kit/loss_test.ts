import {
  type HintLoss,
  type LossStage,
  ops,
  type TaskLoss,
  tf,
  UserError,
  z,
} from "../../plugin.ts";
import { defineLoss } from "../../plugin.ts";
import { checkStage } from "../../testing.ts";
import { assertBroken, named } from "./support.ts";

function hint(compute: HintLoss): LossStage {
  return defineLoss({ ...named, form: "hint", options: z.object({}), create: () => compute });
}

function task(compute: TaskLoss, kinds: readonly string[] = ["class"]): LossStage {
  return defineLoss({
    ...named,
    form: "task",
    options: z.object({}),
    create: (_options, { label }) => {
      if (!kinds.includes(label.kind)) throw new UserError(`not for a ${label.kind}`);
      return compute;
    },
  });
}

const squares = (from: tf.Tensor, to: tf.Tensor) => tf.sum(tf.square(tf.sub(from, to)), -1);

const crossEntropy: TaskLoss = (logits, label) =>
  ops.softmaxCrossEntropy(logits as tf.Tensor2D, label as tf.Tensor1D);

Deno.test("checkStage() passes losses that keep their contract", async () => {
  await checkStage(hint(squares));
  await checkStage(hint((from, to) => tf.mean(tf.abs(tf.sub(from, to)))));
  await checkStage(task(crossEntropy));
  await checkStage(task((output, label) => tf.square(tf.sub(tf.squeeze(output, [1]), label)), [
    "number",
    "binary",
  ]));
});

Deno.test("checkStage() finds a loss that does not return one number per row", async () => {
  await assertBroken(hint((from, to) => tf.square(tf.sub(from, to))), [
    "returns one loss per row, or a scalar",
    "it returned a tensor of shape [1, 3]; expected [1] or []",
  ]);
});

Deno.test("checkStage() lets a hint reject maps, unless the caller passes their shapes", async () => {
  await checkStage(hint(squares), { shapes: [[5], [5]], engines: ["wasm"] });
  await assertBroken(hint(squares), ["of shape [1, 4, 4]"], { shapes: [[4, 4, 2], [4, 4, 2]] });
});

Deno.test("checkStage() finds a loss that is not a float32 tensor", async () => {
  await assertBroken(hint(() => 1 as unknown as tf.Tensor), ["returns a tensor", "the number 1"]);
  await assertBroken(hint(() => undefined as unknown as tf.Tensor), ["it returned nothing"]);
  await assertBroken(hint((from, to) => squares(from, to).toInt()), ["returns float32", "int32"]);
});

Deno.test("checkStage() finds a loss that throws", async () => {
  await assertBroken(hint(() => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3]))), ["does not throw"]);
});

Deno.test("checkStage() finds tensors that a loss leaves behind", async () => {
  await assertBroken(hint((from, to) => tf.keep(squares(from, to)).add(1)), [
    "leaves no tensors behind",
    "one tensor left over",
  ]);
});

Deno.test("checkStage() finds a loss that disposes of its inputs", async () => {
  await assertBroken(
    hint((from, to) => {
      const loss = squares(from, to);
      from.dispose();
      return loss;
    }),
    ["does not change its inputs", "it disposed of from"],
  );
});

Deno.test("checkStage() finds a loss that is not a pure function", async () => {
  let calls = 0;
  await assertBroken(hint((from, to) => tf.mul(squares(from, to), 1 + calls++)), [
    "is a pure function",
  ]);
});

Deno.test("checkStage() finds a loss that is not finite", async () => {
  await assertBroken(hint((from, to) => tf.log(tf.sum(tf.sub(from, to), -1))), [
    "is finite",
    "NaN",
  ]);
});

Deno.test("checkStage() finds a loss that is not finite for large logits", async () => {
  const naive: TaskLoss = (logits, label) => {
    const exp = tf.exp(logits);
    const softmax = tf.div(exp, tf.sum(exp, -1, true));
    const wanted = tf.oneHot(label as tf.Tensor1D, logits.shape[1]!);
    return tf.neg(tf.sum(tf.mul(wanted, tf.log(softmax)), -1));
  };
  await assertBroken(task(naive), ["is finite; checking large logits (±100)"]);
});

Deno.test("checkStage() finds a gradient that does not agree with finite differences", async () => {
  const wrong = tf.customGrad((x) => ({
    value: tf.square(x as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => tf.mul(dy, 2),
  }));
  await assertBroken(hint((from, to) => tf.sum(wrong(tf.sub(from, to)), -1)), [
    "has gradients that agree with finite differences",
    "the gradient with respect to from",
  ]);
});

Deno.test("checkStage() finds a hint that blocks gradients", async () => {
  await assertBroken(hint((from, to) => squares(ops.stopGradient(from), to)), [
    "leave blocking to the gradient policy",
    "the gradient with respect to from",
    "its directional derivative is 0.000",
  ]);
});

Deno.test("checkStage() finds gradients that are not finite", async () => {
  const loss: HintLoss = (from, to) =>
    tf.sum(tf.sqrt(tf.relu(tf.sub(tf.abs(tf.sub(from, to)), 0.5))), -1);
  await assertBroken(hint(loss), ["has finite gradients"]);
});

/** A hint through a factor of its own, a number a unit. */
function scaled(compute: (from: tf.Tensor, to: tf.Tensor, factor: tf.Tensor) => tf.Tensor) {
  return defineLoss({
    ...named,
    form: "hint",
    options: z.object({}),
    create(_options, { shapes: [shape], variables }) {
      if (shape!.length > 1) throw new UserError("not for maps");
      const factor = variables.add({
        name: "factor",
        shape: [...shape!],
        initializer: { kind: "uniform", low: 0.5, high: 1.5 },
      });
      return (from, to, { read }) => compute(from, to, read(factor));
    },
  });
}

Deno.test("checkStage() passes a loss with variables, and one that reads the label", async () => {
  await checkStage(scaled((from, to, factor) => squares(from, tf.mul(to, factor))));
  await checkStage(defineLoss({
    ...named,
    form: "hint",
    options: z.object({}),
    create: () => (from, to, { label }) =>
      tf.mul(
        squares(tf.reshape(from, [from.shape[0]!, -1]), tf.reshape(to, [from.shape[0]!, -1])),
        tf.add(tf.square(label), 1),
      ),
  }));
});

Deno.test("checkStage() finds a variable whose gradient does not agree", async () => {
  await assertBroken(
    scaled((from, to, factor) => squares(from, tf.mul(to, ops.stopGradient(factor)))),
    ["the gradient with respect to losses/checked/factor", "its directional derivative is 0.000"],
  );
  await assertBroken(
    scaled((from, to, factor) => {
      factor.dispose();
      return squares(from, to);
    }),
    ["does not change its inputs", "it disposed of losses/checked/factor"],
  );
});

Deno.test("checkStage() finds rows whose loss depends on the others", async () => {
  await assertBroken(
    hint((from, to) => {
      const loss = squares(from, to);
      return tf.sub(loss, tf.mean(loss));
    }),
    ["gives each row a loss that does not depend on the other rows"],
  );
  await checkStage(
    hint((from, to) => {
      const loss = squares(from, to);
      return tf.mean(tf.square(tf.sub(loss, tf.mean(loss))));
    }),
    { engines: ["wasm"] },
  );
});

Deno.test("checkStage() finds a loss that rejects all samples", async () => {
  await assertBroken(task(crossEntropy, []), ["accepts at least one", "not for a binary"]);
});
