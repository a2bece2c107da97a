import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import * as ops from "../../src/engine/ops.ts";
import { forEachEngine, forNative } from "../support/engines.ts";

/** Runs some work while reading any tensor's values throws. */
function withoutReading(work: () => void): void {
  const { readSync, read } = tf.backend();
  const refuse = () => {
    throw new Error("a tensor's values were read");
  };
  tf.backend().readSync = refuse;
  tf.backend().read = refuse;
  try {
    work();
  } finally {
    Object.assign(tf.backend(), { readSync, read });
  }
}

/** A small net of all operations; the loss is a scalar. */
function loss(variables: tf.NamedTensorMap, ids: tf.Tensor, seed: tf.Scalar): tf.Scalar {
  const { maps, kernel, scale, offset, mean, variance, table } = variables;
  const parameters = { scale, offset, mean, variance } as ops.BatchNormParameters;
  let y = ops.conv2d(maps as tf.Tensor4D, kernel as tf.Tensor4D, { stride: 2, padding: 1 });
  y = ops.relu(ops.batchNorm(y, parameters, { training: true }).y);
  y = ops.dropout(ops.scaleGradient(y, 0.5), 0.5, seed);
  const rows = ops.batchNorm(
    ops.embedding(table as tf.Tensor2D, ids),
    parameters,
    { training: false },
  ).y;
  const logits = tf.add(tf.mean(y, [1, 2]), rows) as tf.Tensor2D;
  const hint = tf.squaredDifference(logits, ops.stopGradient(logits));
  return tf.addN([
    tf.mean(ops.softmaxCrossEntropy(logits, ids as tf.Tensor1D)),
    tf.mean(ops.sigmoidCrossEntropy(logits, tf.onesLike(logits))),
    tf.mean(hint),
  ]) as tf.Scalar;
}

const inputs = () => ({
  variables: {
    maps: tf.randomNormal([2, 4, 4, 2], 0, 1, "float32", 1),
    kernel: tf.randomNormal([3, 3, 2, 3], 0, 1, "float32", 2),
    scale: tf.tensor1d([1, 2, 3]),
    offset: tf.tensor1d([0, 1, 2]),
    mean: tf.tensor1d([0, 0, 0]),
    variance: tf.tensor1d([1, 1, 1]),
    table: tf.randomNormal([3, 3], 0, 1, "float32", 3),
  },
  ids: tf.tensor1d([2, 0], "int32"),
  seed: tf.scalar(1, "int32"),
});

forEachEngine("ops in a step give every variable its gradient and leave no tensors behind", () => {
  const { variables, ids, seed } = inputs();
  const names = ["maps", "kernel", "scale", "offset", "table"] as const;
  const leaves = names.map((name) => variables[name]);
  const step = () =>
    tf.tidy(() =>
      tf.engine().gradients(() => loss(variables, ids, seed), leaves, undefined, true).grads
    );
  const before = tf.memory();
  const gradients = step();
  assertEquals(tf.memory().numTensors, before.numTensors + names.length);
  for (const [i, name] of names.entries()) {
    assertEquals(gradients[i]!.shape, leaves[i]!.shape);
    assert(gradients[i]!.dataSync().some((value) => value !== 0), name);
  }
  tf.dispose(gradients);
  assertEquals(tf.memory().numTensors, before.numTensors);
  assertEquals(tf.memory().numDataBuffers, before.numDataBuffers);
});

// On wasm there is no graph to capture, and kernels read what they compute with.
forNative("ops read no tensor's values, forward or back", () => {
  const { variables, ids, seed } = inputs();
  assertThrows(() => withoutReading(() => ids.dataSync()), Error, "values were read");
  withoutReading(() =>
    tf.tidy(() => {
      const leaves = [variables.maps, variables.kernel, variables.scale, variables.table];
      tf.engine().gradients(() => loss(variables, ids, seed), leaves, undefined, true);
    })
  );
});
