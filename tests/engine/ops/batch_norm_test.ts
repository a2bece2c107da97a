import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { batchNorm, type BatchNormParameters } from "../../../src/engine/ops.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";
import { finiteDifference, relativeError } from "../../support/numbers.ts";

/** Values, weights of their sum, and parameters of which PyTorch's results are below. */
function example() {
  return {
    x: tf.tensor2d([[1, -2], [0.5, 3], [2, 0.25], [-1.5, 1]]),
    weights: tf.tensor2d([[1, 2], [-1, 0.5], [0.5, -1], [2, 1.5]]),
    parameters: {
      scale: tf.tensor1d([1.5, -0.5]),
      offset: tf.tensor1d([0.25, -1]),
      mean: tf.tensor1d([0.5, -0.5]),
      variance: tf.tensor1d([2, 0.5]),
    },
  };
}

/** torch.nn.BatchNorm1d on the example: results, and gradients of the weighted sum of y. */
const PYTORCH = {
  training: {
    y: [
      0.83834660,
      -0.28367317,
      0.25,
      -1.68138409,
      2.01503992,
      -0.91264307,
      -2.10338640,
      -1.12229967,
    ],
    dx: [
      0.69017434,
      -0.18499669,
      -1.91212642,
      -0.08652446,
      0.59965634,
      0.50925136,
      0.62229580,
      -0.23773022,
    ],
    dScale: [-2.15727091, -1.64231026],
    dOffset: [2.5, 3],
    mean: [0.5, -0.39375],
    variance: [2.01666665, 0.87656248],
  },
  evaluation: {
    y: [
      0.78032875,
      0.06064951,
      0.25,
      -3.47484875,
      1.84098625,
      -1.53032470,
      -1.87131500,
      -2.06064939,
    ],
    dx: [
      1.06065750,
      -1.41419947,
      -1.06065750,
      -0.35354987,
      0.53032875,
      0.70709974,
      2.12131500,
      -1.06064963,
    ],
    dScale: [-1.94453883, 0.35354987],
    dOffset: [2.5, 3],
    mean: [0.5, -0.5],
    variance: [2, 0.5],
  },
};

for (const mode of ["training", "evaluation"] as const) {
  const training = mode === "training";

  forEachEngine(`batchNorm() equals PyTorch in ${mode}`, () => {
    const { x, weights, parameters } = example();
    const expected = PYTORCH[mode];
    const result = batchNorm(x, parameters, { training });
    const gradients = tf.grads((x, scale, offset) =>
      tf.mul(
        batchNorm(
          x as tf.Tensor2D,
          { ...parameters, scale: scale as tf.Tensor1D, offset: offset as tf.Tensor1D },
          { training },
        ).y,
        weights,
      )
    )([x, parameters.scale, parameters.offset]);
    const actual = {
      y: result.y,
      dx: gradients[0]!,
      dScale: gradients[1]!,
      dOffset: gradients[2]!,
      mean: result.mean,
      variance: result.variance,
    };
    for (const [name, tensor] of Object.entries(actual)) {
      const error = relativeError(tensor.dataSync(), expected[name as keyof typeof expected]);
      assert(error < 1e-5, `${name} is off by ${error}`);
    }
  });

  forEachEngine(`batchNorm() has the gradients of a finite difference on maps in ${mode}`, () => {
    const x = tf.randomNormal([2, 3, 4, 3], 1, 2, "float32", 1);
    const weights = tf.randomNormal(x.shape, 0, 1, "float32", 2);
    const parameters = threeChannels();
    const through = (name?: "scale" | "offset") => (value: tf.Tensor) => {
      const result = name === undefined
        ? batchNorm(value, parameters, { training, epsilon: 0.01 })
        : batchNorm(x, { ...parameters, [name]: value }, { training, epsilon: 0.01 });
      return tf.mul(result.y, weights);
    };
    const cases = [
      [through(), x],
      [through("scale"), parameters.scale],
      [through("offset"), parameters.offset],
    ] as const;
    for (const [f, at] of cases) {
      const error = relativeError(tf.grad(f)(at).dataSync(), finiteDifference(f, at));
      assert(error < 1e-3, `${error}`);
    }
  });

  forEachEngine(`batchNorm() leaves no tensors behind in ${mode}`, () => {
    const { x, parameters } = example();
    const work = () => {
      const { y, mean, variance } = batchNorm(x, parameters, { training });
      return training ? [y, mean, variance] : y;
    };
    assertEquals(leftBehind(work), 0);
    assertEquals(leftBehind(() => tf.grad((x) => batchNorm(x, parameters, { training }).y)(x)), 0);
  });
}

forEachEngine("batchNorm() returns the given running statistics in evaluation", () => {
  const { x, parameters } = example();
  const result = batchNorm(x, parameters, { training: false });
  assert(result.mean === parameters.mean);
  assert(result.variance === parameters.variance);
});

forEachEngine(
  "batchNorm() replaces the running statistics at a momentum of 1, keeps them at 0",
  () => {
    const { x, parameters } = example();
    const all = batchNorm(x, parameters, { training: true, momentum: 1 });
    // Deviations from 0.5: 0.5, 0, 1.5, −2; from 0.5625: −2.5625, 2.4375, −0.3125, 0.4375.
    const variance = [6.5 / 3, (6.56640625 + 5.94140625 + 0.09765625 + 0.19140625) / 3];
    assert(relativeError(all.mean.dataSync(), [0.5, 0.5625]) < 1e-6);
    assert(relativeError(all.variance.dataSync(), variance) < 1e-6);
    const none = batchNorm(x, parameters, { training: true, momentum: 0 });
    assert(relativeError(none.mean.dataSync(), [0.5, -0.5]) < 1e-6);
    assert(relativeError(none.variance.dataSync(), [2, 0.5]) < 1e-6);
  },
);

forEachEngine("batchNorm() normalizes a batch of one to the offset", () => {
  const { parameters } = example();
  const { y, variance } = batchNorm(tf.tensor2d([[7, -3]]), parameters, { training: true });
  assert(relativeError(y.dataSync(), [0.25, -1]) < 1e-6);
  assert(relativeError(variance.dataSync(), [1.8, 0.45]) < 1e-6);
});

forEachEngine("batchNorm() passes no gradient to the running statistics", () => {
  const { x, parameters } = example();
  const gradient = tf.engine().gradients(
    () => {
      const result = batchNorm(x, parameters, { training: true });
      return tf.addN([tf.sum(result.y), tf.sum(result.mean)]) as tf.Scalar;
    },
    [x, parameters.mean],
    undefined,
    true,
  );
  assert(gradient.grads[0] !== undefined);
  assert(gradient.grads[1] ?? null === null);
});

Deno.test("batchNorm() names the parameter with the wrong shape", () => {
  const { x, parameters } = example();
  const wrong: BatchNormParameters = { ...parameters, offset: tf.tensor1d([1, 2, 3]) };
  assertThrows(
    () => batchNorm(x, wrong, { training: true }),
    RangeError,
    "offset must have the shape [2] because the last axis of x [4,2] is the channels; got [3]",
  );
});

Deno.test("batchNorm() rejects options out of range", () => {
  const { x, parameters } = example();
  for (const options of [{ epsilon: 0 }, { momentum: 1.5 }, { momentum: NaN }]) {
    assertThrows(() => batchNorm(x, parameters, { training: true, ...options }), RangeError);
  }
});

function threeChannels(): BatchNormParameters {
  return {
    scale: tf.tensor1d([1.5, 0.5, -1]),
    offset: tf.tensor1d([0.1, 0.2, 0.3]),
    mean: tf.tensor1d([1, 2, 3]),
    variance: tf.tensor1d([1, 2, 0.5]),
  };
}
