import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { registerWasmKernels } from "../../../src/engine/kernels/wasm.ts";
import * as ops from "../../../src/engine/ops.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";
import { finiteDifference, relativeError } from "../../support/numbers.ts";

/** Different numbers, 0.25 apart from each other and all below `top`, in no order. */
function distinct(shape: number[], top: number): tf.Tensor {
  const size = tf.util.sizeFromShape(shape);
  // 37 divides none of the sizes used, so every multiple comes up once.
  const values = Array.from({ length: size }, (_, i) => top - ((i * 37) % size + 1) * 0.25);
  return tf.tensor(values, shape);
}

const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, "float32", seed);

/** A function of one tensor, with the tensor to take its gradient at. */
type Case = readonly [title: string, f: (x: tf.Tensor) => tf.Tensor, x: () => tf.Tensor];

const maps = (x: tf.Tensor) => x as tf.Tensor4D;
const volumes = (x: tf.Tensor) => x as tf.Tensor5D;

const POOLS: Case[] = (["same", "valid"] as const).flatMap((pad) =>
  ([[2, 2], [3, 2], [2, 1]] as const).flatMap(([size, stride]): Case[] => {
    const title = `with a window of ${size}, stride ${stride}, padding ${pad}`;
    return [
      [
        `maxPool() of numbers below 0 ${title}`,
        (x) => tf.maxPool(maps(x), size, stride, pad),
        () => distinct([2, 6, 5, 2], -1),
      ],
      [
        `avgPool() ${title}`,
        (x) => tf.avgPool(maps(x), size, stride, pad),
        () => distinct([2, 6, 5, 2], 5),
      ],
    ];
  })
);

const CONVOLUTIONS: Case[] = (["same", "valid"] as const).flatMap((pad) =>
  ([1, 2] as const).flatMap((stride): Case[] => {
    const title = `with stride ${stride}, padding ${pad}`;
    return [
      [
        `conv2d() to its input ${title}`,
        (x) => tf.conv2d(maps(x), maps(normal([3, 2, 2, 3], 1)), stride, pad),
        () => normal([2, 6, 5, 2], 2),
      ],
      [
        `conv2d() to its kernel ${title}`,
        (kernel) => tf.conv2d(maps(normal([2, 6, 5, 2], 1)), maps(kernel), stride, pad),
        () => normal([3, 2, 2, 3], 2),
      ],
      [
        `depthwiseConv2d() to its input ${title}`,
        (x) => tf.depthwiseConv2d(maps(x), maps(normal([3, 3, 2, 2], 1)), stride, pad),
        () => normal([2, 6, 6, 2], 2),
      ],
      [
        `depthwiseConv2d() to its kernel ${title}`,
        (kernel) => tf.depthwiseConv2d(maps(normal([2, 6, 6, 2], 1)), maps(kernel), stride, pad),
        () => normal([3, 3, 2, 2], 2),
      ],
      [
        `conv3d() to its input ${title}`,
        (x) => tf.conv3d(volumes(x), volumes(normal([2, 2, 2, 2, 2], 1)), stride, pad),
        () => normal([1, 3, 4, 4, 2], 2),
      ],
    ];
  })
);

const PRODUCTS: Case[] = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB): Case[] => {
    const title = `with transposeA ${transposeA}, transposeB ${transposeB}`;
    const left = transposeA ? [4, 3] : [3, 4];
    const right = transposeB ? [5, 4] : [4, 5];
    return [
      [
        `matMul() to its left factor ${title}`,
        (a) => tf.matMul(a, normal(right, 1), transposeA, transposeB),
        () => normal(left, 2),
      ],
      [
        `matMul() of batches to its right factor ${title}`,
        (b) => tf.matMul(normal([2, ...left], 1), b, transposeA, transposeB),
        () => normal([2, ...right], 2),
      ],
    ];
  })
);

const OTHERS: Case[] = [
  [
    "gather() of rows",
    (x) => tf.gather(x, tf.tensor2d([[4, 0], [4, 1]], [2, 2], "int32")),
    () => normal([5, 3], 1),
  ],
  [
    "gather() of columns",
    (x) => tf.gather(x, tf.tensor1d([2, 2, 0], "int32"), 1),
    () => normal([4, 3], 1),
  ],
  [
    "unsortedSegmentSum()",
    (x) => tf.unsortedSegmentSum(x, tf.tensor1d([1, 0, 1, 2], "int32"), 4),
    () => normal([4, 3], 1),
  ],
  [
    "maxPool3d() of numbers below 0",
    (x) => tf.maxPool3d(volumes(x), 2, 2, "same"),
    () => distinct([1, 3, 4, 4, 2], -1),
  ],
  [
    "avgPool3d()",
    (x) => tf.avgPool3d(volumes(x), 2, 2, "same"),
    () => distinct([1, 3, 4, 4, 2], 5),
  ],
  [
    "dilation2d() of numbers below 0",
    (x) => tf.dilation2d(maps(x), tf.fill([2, 2, 2], -0.1) as tf.Tensor3D, 1, "valid"),
    () => distinct([1, 4, 5, 2], -1),
  ],
];

for (const [title, f, x] of [...POOLS, ...CONVOLUTIONS, ...PRODUCTS, ...OTHERS]) {
  forEachEngine(`${title} has the gradient of a finite difference`, () => {
    const at = x();
    const weighted = (x: tf.Tensor) => {
      const y = f(x);
      return tf.mul(y, normal(y.shape, 9));
    };
    const gradient = tf.grad(weighted)(at);
    const error = relativeError(gradient.dataSync(), finiteDifference(weighted, at));
    assert(error < 1e-3, `off by ${error}`);
    assertEquals(leftBehind(() => tf.tidy(() => tf.grad(weighted)(at))), 0);
  });
}

forEachEngine("cast() to bool is true for all numbers except 0", () => {
  const x = tf.tensor1d([0, 0.25, -3, 256, 0]);
  assertEquals([...tf.cast(x, "bool").dataSync()], [0, 1, 1, 1, 0]);
  assertEquals([...tf.cast(tf.tensor1d([0, 256], "int32"), "bool").dataSync()], [0, 1]);
});

forEachEngine("cast() to int32 truncates the fraction", () => {
  const x = tf.tensor1d([1.9, -1.9, 0.5]);
  assertEquals([...tf.cast(x, "int32").dataSync()].map((n) => n + 0), [1, -1, 0]);
});

forEachEngine("maxPool3d() finds the largest of numbers below 0", () => {
  const y = tf.maxPool3d(
    tf.reshape(tf.range(-8, 0), [1, 2, 2, 2, 1]) as tf.Tensor5D,
    2,
    2,
    "valid",
  );
  assertEquals([...y.dataSync()], [-1]);
});

forEachEngine("einsum() sums products over the axes that the result does not name", () => {
  const a = tf.tensor2d([[1, 2, 3], [4, 5, 6]]);
  const b = tf.tensor2d([[1, 0], [0, 1], [10, 100]]);
  assertEquals(tf.einsum("ij,jk->ik", a, b).arraySync(), [[31, 302], [64, 605]]);
  assertEquals(tf.einsum("ij,jk->ki", a, b).arraySync(), [[31, 64], [302, 605]]);
  assertEquals(tf.einsum("ij->j", a).arraySync(), [5, 7, 9]);
  assertEquals(tf.einsum("ij->ji", a).arraySync(), [[1, 4], [2, 5], [3, 6]]);
  assertEquals(leftBehind(() => tf.einsum("ij,jk->ki", a, b)), 0);
});

forEachEngine("unsortedSegmentSum() ignores slices with a negative id", () => {
  const x = tf.tensor2d([[1, 2], [10, 20], [100, 200]]);
  const sums = tf.unsortedSegmentSum(x, tf.tensor1d([1, -1, 1], "int32"), 2);
  assertEquals(sums.arraySync(), [[0, 0], [101, 202]]);
});

forEachEngine("clone() shares the values and outlives its origin", () => {
  const before = tf.memory().numDataBuffers;
  const x = tf.tensor1d([1, 2]);
  const copy = tf.clone(x);
  assertEquals(tf.memory().numDataBuffers, before + 1);
  x.dispose();
  assertEquals([...copy.dataSync()], [1, 2]);
  copy.dispose();
  assertEquals(tf.memory().numDataBuffers, before);
});

Deno.test("registerWasmKernels() does nothing the second time", () => {
  const kernels = () => tf.getKernelsForBackend("wasm").map(({ kernelFunc }) => kernelFunc);
  registerWasmKernels();
  const first = kernels();
  registerWasmKernels();
  assert(kernels().every((kernel, i) => kernel === first[i]));
});

/** A small net with all kinds of layers, on images of two classes and an id each. */
function createNet() {
  const variables = {
    kernel1: tf.mul(normal([3, 3, 1, 4], 11), 0.3),
    kernel2: tf.mul(normal([3, 3, 4, 6], 12), 0.2),
    scale: tf.ones([4]),
    offset: tf.zeros([4]),
    table: tf.mul(normal([3, 6], 13), 0.1),
    head: tf.mul(normal([6, 2], 14), 0.3),
  };
  const statistics = { mean: tf.zeros<tf.Rank.R1>([4]), variance: tf.ones<tf.Rank.R1>([4]) };
  // Class 1 is brighter on the right, class 0 on the left.
  const classes = Array.from({ length: 12 }, (_, i) => i % 2);
  const side = tf.tidy(() =>
    tf.mul(
      tf.sub(tf.reshape(tf.tensor1d(classes), [12, 1, 1, 1]), 0.5),
      tf.reshape(tf.linspace(-2, 2, 8), [1, 1, 8, 1]),
    )
  );
  const images = tf.add(normal([12, 8, 8, 1], 15), side) as tf.Tensor4D;
  const ids = tf.tensor1d(classes.map((_, i) => i % 3), "int32");
  const labels = tf.tensor1d(classes, "int32");
  const loss = (v: typeof variables): tf.Scalar => {
    let x: tf.Tensor = ops.conv2d(images, v.kernel1 as tf.Tensor4D, { padding: 1 });
    const parameters = { scale: v.scale, offset: v.offset, ...statistics };
    x = ops.batchNorm(x, parameters as ops.BatchNormParameters, { training: true }).y;
    // Smooth, so that finite differences hold.
    x = tf.avgPool(tf.softplus(x) as tf.Tensor4D, 2, 2, "valid");
    x = ops.conv2d(x as tf.Tensor4D, v.kernel2 as tf.Tensor4D, { stride: 2, padding: 1 });
    x = tf.add(tf.mean(tf.tanh(x), [1, 2]), ops.embedding(v.table as tf.Tensor2D, ids));
    return tf.mean(ops.softmaxCrossEntropy(tf.matMul(x, v.head) as tf.Tensor2D, labels));
  };
  return { variables, loss };
}

forEachEngine("a net of convolution, batch norm, pooling and embedding has true gradients", () => {
  const { variables, loss } = createNet();
  for (const name of Object.keys(variables) as (keyof typeof variables)[]) {
    const f = (x: tf.Tensor) => loss({ ...variables, [name]: x });
    const indices = [0, 1, 2, 3, 5, variables[name].size - 1].filter((i) =>
      i < variables[name].size
    );
    const gradient = tf.grad(f)(variables[name]).dataSync();
    const expected = finiteDifference(f, variables[name], indices);
    // A gradient is small here, and a loss in float32 has steps of 1e-7.
    const error = relativeError(indices.map((i) => gradient[i]!), expected);
    assert(error < 5e-3, `${name} is off by ${error}`);
  }
});

forEachEngine("a net of convolution, batch norm, pooling and embedding learns", () => {
  const { variables, loss } = createNet();
  let current = variables;
  const losses: number[] = [];
  const tensors: number[] = [];
  for (let step = 0; step < 30; step++) {
    const names = Object.keys(current) as (keyof typeof current)[];
    const next = tf.tidy(() => {
      const leaves = names.map((name) => current[name]);
      const { value, grads } = tf.engine().gradients(() => loss(current), leaves);
      losses.push((value as tf.Scalar).dataSync()[0]!);
      return names.map((name, i) => [name, tf.sub(current[name], tf.mul(grads[i]!, 0.5))] as const);
    });
    tf.dispose(current);
    current = Object.fromEntries(next) as typeof current;
    tensors.push(tf.memory().numTensors);
  }
  assert(losses.at(-1)! < losses[0]! / 4, `${losses[0]} to ${losses.at(-1)}`);
  assertEquals(tensors.at(-1), tensors[0]);
});
