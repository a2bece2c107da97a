import { assert, assertEquals, assertThrows } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { conv2d } from "../../../src/engine/ops.ts";
import { forEachEngine, leftBehind } from "../../support/engines.ts";
import { finiteDifference, relativeError } from "../../support/numbers.ts";

interface Case {
  height: number;
  width: number;
  kernel: [number, number];
  stride: number | [number, number];
  padding: number | [number, number];
}

/** The cases of wide residual nets, and odd ones. */
const CASES: Case[] = [
  { height: 8, width: 8, kernel: [3, 3], stride: 1, padding: 1 },
  { height: 8, width: 8, kernel: [3, 3], stride: 2, padding: 1 },
  { height: 7, width: 7, kernel: [3, 3], stride: 2, padding: 1 },
  { height: 8, width: 8, kernel: [1, 1], stride: 2, padding: 0 },
  { height: 6, width: 5, kernel: [3, 3], stride: 1, padding: 0 },
  { height: 5, width: 4, kernel: [2, 2], stride: 1, padding: 1 },
  { height: 9, width: 6, kernel: [5, 3], stride: [3, 1], padding: [2, 0] },
];

/** The definition, on plain numbers. */
function reference(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  [strideY, strideX]: [number, number],
  [padY, padX]: [number, number],
): { shape: number[]; values: number[] } {
  const [batch, height, width, channels] = x.shape;
  const [kernelHeight, kernelWidth, , out] = kernel.shape;
  const images = x.arraySync();
  const weights = kernel.arraySync();
  const rows = Math.floor((height + 2 * padY - kernelHeight) / strideY) + 1;
  const columns = Math.floor((width + 2 * padX - kernelWidth) / strideX) + 1;
  const values: number[] = [];
  for (let b = 0; b < batch; b++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let o = 0; o < out; o++) {
          let sum = 0;
          for (let i = 0; i < kernelHeight; i++) {
            for (let j = 0; j < kernelWidth; j++) {
              const pixel = images[b]![row * strideY + i - padY]?.[column * strideX + j - padX];
              if (!pixel) continue;
              for (let c = 0; c < channels; c++) sum += pixel[c]! * weights[i]![j]![c]![o]!;
            }
          }
          values.push(sum);
        }
      }
    }
  }
  return { shape: [batch, rows, columns, out], values };
}

const both = (value: number | [number, number]): [number, number] =>
  typeof value === "number" ? [value, value] : value;

for (const { height, width, kernel: [kh, kw], stride, padding } of CASES) {
  const title =
    `on ${height}×${width} with a kernel ${kh}×${kw}, stride ${stride}, padding ${padding}`;
  const inputs = () => ({
    x: tf.randomNormal<tf.Rank.R4>([2, height, width, 2], 0, 1, "float32", 3),
    kernel: tf.randomNormal<tf.Rank.R4>([kh, kw, 2, 3], 0, 1, "float32", 4),
  });

  forEachEngine(`conv2d() is the sum of products ${title}`, () => {
    const { x, kernel } = inputs();
    const expected = reference(x, kernel, both(stride), both(padding));
    const actual = conv2d(x, kernel, { stride, padding });
    assertEquals(actual.shape, expected.shape);
    assert(relativeError(actual.dataSync(), expected.values) < 1e-5);
  });

  forEachEngine(`conv2d() has the gradients of a finite difference ${title}`, () => {
    const { x, kernel } = inputs();
    const toInput = (x: tf.Tensor) =>
      tf.square(conv2d(x as tf.Tensor4D, kernel, { stride, padding }));
    const toKernel = (kernel: tf.Tensor) =>
      tf.square(conv2d(x, kernel as tf.Tensor4D, { stride, padding }));
    const dx = tf.grad(toInput)(x).dataSync();
    const dKernel = tf.grad(toKernel)(kernel).dataSync();
    assert(relativeError(dx, finiteDifference(toInput, x)) < 1e-3);
    assert(relativeError(dKernel, finiteDifference(toKernel, kernel)) < 1e-3);
  });

  forEachEngine(`conv2d() leaves no tensors behind ${title}`, () => {
    const { x, kernel } = inputs();
    assertEquals(leftBehind(() => conv2d(x, kernel, { stride, padding })), 0);
    const gradient = tf.grad((x) => conv2d(x as tf.Tensor4D, kernel, { stride, padding }));
    assertEquals(leftBehind(() => gradient(x)), 0);
  });
}

Deno.test("conv2d() rejects invalid shapes and options", () => {
  const x = tf.zeros<tf.Rank.R4>([1, 2, 2, 3]);
  const kernel = tf.zeros<tf.Rank.R4>([3, 3, 3, 1]);
  assertThrows(
    () => conv2d(x, tf.zeros<tf.Rank.R4>([3, 3, 2, 1])),
    RangeError,
    "[1,2,2,3] and [3,3,2,1]",
  );
  assertThrows(() => conv2d(x, kernel), RangeError, "is larger than the maps");
  assertThrows(() => conv2d(x, kernel, { stride: 0 }), RangeError, "stride must be an integer");
  assertThrows(
    () => conv2d(x, kernel, { padding: 0.5 }),
    RangeError,
    "padding must be an integer",
  );
});
