import { tf, UserError, z } from "@rocket-launching/rocket/plugin";
import { checkStage, onEachEngine } from "@rocket-launching/rocket/testing";
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import focalLoss from "./mod.ts";

type Label = Parameters<typeof focalLoss.create>[1]["label"];
type Loss = (logits: tf.Tensor, label: tf.Tensor) => tf.Tensor;

const binary: Label = {
  kind: "binary",
  classes: 2,
  shape: [],
  dtype: "float32",
};
const classes: Label = { kind: "class", classes: 3, shape: [], dtype: "int32" };

const logitsOf = {
  binary: [-3, -0.5, 0, 0.4, 2, 5],
  class: [2, -1, 0.5, 0, 0, 0, -2, 3, 1, 0.3, -0.6, 4],
};
const labelsOf = { binary: [1, 0, 1, 0, 1, 0], class: [0, 2, 0, 2] };

/** Losses of rows and gradients of their mean, as `python reference.py` prints them. */
const references = [{
  label: binary,
  options: { gamma: 2, alpha: 0.25 },
  losses: [0.6915701, 0.05068012, 0.0433217, 0.2454369, 0.0004508907, 3.704941],
  gradient: [
    -0.04694791,
    0.01724212,
    -0.01242862,
    0.05965551,
    -0.0002029558,
    0.1307725,
  ],
}, {
  label: binary,
  options: { gamma: 0.5 },
  losses: [2.975418, 0.2912935, 0.4901291, 0.7064447, 0.04382288, 4.989933],
  gradient: [
    -0.1667112,
    0.05377276,
    -0.07934761,
    0.1008311,
    -0.01007588,
    0.1677793,
  ],
}, {
  label: classes,
  options: {},
  losses: [0.01109275, 0.4882721, 5.072459, 3.860812e-05],
  gradient: [
    ...[
      -0.006821169,
      0.001244355,
      0.005576813,
      0.07772638,
      0.07772638,
      -0.1554528,
    ],
    ...[
      -0.2605644,
      0.2295043,
      0.03106003,
      2.000913e-05,
      8.135105e-06,
      -2.814423e-05,
    ],
  ],
}, {
  label: classes,
  options: { gamma: 1, alpha: [0.2, 0.3, 0.5] },
  losses: [0.01034757, 0.3662041, 1.020513, 0.0005744114],
  gradient: [
    ...[
      -0.004330687,
      0.0007900278,
      0.003540659,
      0.04303628,
      0.04303628,
      -0.08607256,
    ],
    ...[
      -0.05091696,
      0.04484751,
      0.00606945,
      0.0001990324,
      8.092054e-05,
      -0.0002799529,
    ],
  ],
}];

function create(
  options: unknown,
  label: Label,
  shape = [label.kind === "class" ? 3 : 1],
): Loss {
  const variables = {
    add: () => {
      throw new Error("focal-loss has no variables");
    },
  };
  const parsed = focalLoss.options.parse(options);
  return focalLoss.create(parsed, {
    label,
    shapes: [shape],
    variables,
  }) as Loss;
}

/** The loss of each row, and the gradient of the mean. */
function compute(
  options: unknown,
  label: Label,
  values: number[],
  labels: number[],
) {
  const loss = create(options, label);
  const units = label.kind === "class" ? 3 : 1;
  return tf.tidy(() => {
    const logits = tf.tensor2d(values, [labels.length, units]);
    const target = tf.tensor1d(labels, label.dtype);
    const gradient = tf.grad((logits: tf.Tensor) => tf.mean(loss(logits, target)))(logits);
    return {
      losses: [...loss(logits, target).dataSync()],
      gradient: [...gradient.dataSync()],
    };
  });
}

function assertNear(
  actual: readonly number[],
  expected: readonly number[],
): void {
  assertEquals(actual.length, expected.length);
  for (const [index, value] of expected.entries()) {
    assertAlmostEquals(actual[index]!, value, 1e-6 + 1e-5 * Math.abs(value));
  }
}

Deno.test("focal-loss fulfills the contract of a loss", async () => {
  await checkStage(focalLoss);
  await checkStage(focalLoss, {
    options: { gamma: 0.5, alpha: 0.25 },
    label: binary,
  });
});

Deno.test("focal-loss and its gradient agree with PyTorch on equations 4 and 5 of the paper", () =>
  onEachEngine(() => {
    for (const { label, options, losses, gradient } of references) {
      const { kind } = label as { kind: "binary" | "class" };
      const actual = compute(options, label, logitsOf[kind], labelsOf[kind]);
      assertNear(actual.losses, losses);
      assertNear(actual.gradient, gradient);
    }
  }));

Deno.test("focal-loss with gamma 0 is the cross-entropy", () => {
  // −log of ¾ and of ¼, the sigmoids of ± log 3.
  const { losses } = compute({ gamma: 0 }, binary, [Math.log(3), Math.log(3)], [
    1,
    0,
  ]);
  assertNear(losses, [Math.log(4 / 3), Math.log(4)]);
});

Deno.test("focal-loss and its gradient stay finite for large logits", () =>
  onEachEngine(() => {
    const two = compute({ gamma: 0.5 }, binary, [1000, -1000, 1000], [0, 0, 1]);
    assertNear(two.losses, [1000, 0, 0]);
    assertNear(two.gradient, [1 / 3, 0, 0]);
    const three = compute({}, classes, [1000, -1000, 0, 1000, -1000, 0], [1, 0]);
    assertNear(three.losses, [2000, 0]);
    assertNear(three.gradient, [0.5, -0.5, 0, 0, 0, 0]);
  }));

Deno.test("focal-loss refuses labels, outputs, and factors that do not fit", () => {
  const number: Label = {
    kind: "number",
    classes: 0,
    shape: [],
    dtype: "float32",
  };
  const cases: [unknown, Label, number[], string][] = [
    [
      {},
      number,
      [1],
      "focal-loss needs a label of kind binary or class, not a number",
    ],
    [{}, classes, [4], "focal-loss compares logits [batch, 3]; got [batch, 4]"],
    [
      { alpha: 0.25 },
      classes,
      [3],
      "`alpha` is a list for a label of kind class",
    ],
    [
      { alpha: [1, 2] },
      classes,
      [3],
      "`alpha` has 2 factors; the label has 3 classes",
    ],
    [
      { alpha: 2 },
      binary,
      [1],
      "`alpha` of a binary label is a number from 0 to 1; got 2",
    ],
  ];
  for (const [options, label, shape, message] of cases) {
    assertThrows(() => create(options, label, shape), UserError, message);
  }
  assertThrows(() => focalLoss.options.parse({ gamma: -1 }), z.ZodError);
});
