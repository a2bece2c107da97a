import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { lacksBfloat16, thisMachine } from "../../src/engine/bfloat16.ts";
import { CapturedFunction, type CaptureReport } from "../../src/engine/capture/capture.ts";
import { type LowInput, lowPrecisionInputs } from "../../src/engine/capture/precision.ts";
import * as ops from "../../src/engine/ops.ts";
import { currentContext } from "../../src/engine/tensorflow.ts";
import { forEachEngine, forNative } from "../support/engines.ts";

/** Calls a captured function with a number of inputs, one after the other. */
function callWith(
  captured: CapturedFunction<{ x: tf.Tensor }, { y: tf.Tensor }>,
  inputs: readonly number[][],
): number[][] {
  return inputs.map((values) => {
    const x = tf.tensor1d(values);
    const { y } = captured.call({ x });
    const result = [...y.dataSync()];
    tf.dispose([x, y]);
    return result;
  });
}

const numbers = [[1, 2], [3, 4], [5, 6], [-7, 8]];

forEachEngine("CapturedFunction computes the same in every call", () => {
  const captured = new CapturedFunction(({ x }: { x: tf.Tensor }) => ({
    y: tf.add(tf.square(x), tf.mul(x, 3)),
  }));
  assertEquals(
    callWith(captured, numbers),
    numbers.map((list) => list.map((value) => value * value + 3 * value)),
  );
  captured.dispose();
});

forNative("CapturedFunction replays a graph from the third call on", () => {
  const reports: CaptureReport[] = [];
  let runs = 0;
  const captured = new CapturedFunction(({ x }: { x: tf.Tensor }) => {
    runs++;
    return { y: tf.exp(x) };
  }, { report: (report) => reports.push(report) });
  callWith(captured, numbers);
  assertEquals(runs, 2);
  assertEquals(reports.map(({ captured }) => captured), [true]);
  captured.dispose();
});

forNative("CapturedFunction has a graph for each shape of its inputs", () => {
  const reports: CaptureReport[] = [];
  const captured = new CapturedFunction(
    ({ x }: { x: tf.Tensor }) => ({ y: tf.sum(x) }),
    { report: (report) => reports.push(report) },
  );
  const sums = callWith(captured, [[1, 2], [1, 2], [1, 2, 3], [1, 2, 3], [4, 5], [4, 5, 6]]);
  assertEquals(sums, [[3], [3], [6], [6], [9], [15]]);
  assertEquals(reports.length, 2);
  captured.dispose();
});

forNative(
  "CapturedFunction runs a function that reads values op by op, and names the stage",
  () => {
    const reports: CaptureReport[] = [];
    const captured = new CapturedFunction(({ x }: { x: tf.Tensor }) => {
      const most = Math.max(...tf.mul(x, 2).dataSync());
      return { y: tf.div(x, most) };
    }, { report: (report) => reports.push(report), origin: () => "the loss stage mine" });
    assertEquals(callWith(captured, [[1, 2], [1, 4], [1, 8]]), [
      [0.25, 0.5],
      [0.125, 0.5],
      [0.0625, 0.5],
    ]);
    assertEquals(reports.length, 1);
    assertEquals(reports[0]!.captured, false);
    assertEquals(reports[0]!.origin, "the loss stage mine");
  },
);

forNative("CapturedFunction runs a function that differs between two calls op by op", () => {
  const reports: CaptureReport[] = [];
  let calls = 0;
  const captured = new CapturedFunction(
    ({ x }: { x: tf.Tensor }) => ({ y: tf.add(x, calls++) }),
    { report: (report) => reports.push(report) },
  );
  assertEquals(callWith(captured, [[0], [0], [0], [0]]), [[0], [1], [2], [3]]);
  assertEquals(reports.map(({ captured }) => captured), [false]);
});

forNative(
  "CapturedFunction keeps large constants of equal numbers out of the graph's bytes",
  () => {
    const reports: CaptureReport[] = [];
    const captured = new CapturedFunction(
      ({ x }: { x: tf.Tensor }) => ({ y: tf.add(tf.zeros([1000, 1000]), x) }),
      { report: (report) => reports.push(report) },
    );
    for (let call = 0; call < 3; call++) {
      const { y } = captured.call({ x: tf.scalar(call) });
      assertEquals(tf.tidy(() => tf.mean(y).dataSync()[0]), call);
      y.dispose();
    }
    assert(reports[0]!.graph!.constantBytes < 1000);
    captured.dispose();
  },
);

forNative("CapturedFunction draws new numbers in each call if the seed is an input", () => {
  const captured = new CapturedFunction(({ x, seed }: { x: tf.Tensor; seed: tf.Scalar }) => ({
    y: ops.dropout(x, 0.5, seed),
  }));
  const x = tf.ones([64]);
  const draw = (seed: number) => {
    const { y } = captured.call({ x, seed: tf.scalar(seed, "int32") });
    return y.dataSync().join();
  };
  const draws = [1, 2, 3, 4, 5].map(draw);
  assertEquals(new Set(draws).size, 5);
  assertEquals(draw(4), draws[3]);
  captured.dispose();
});

forNative("CapturedFunction captures gradients with their saved tensors", () => {
  const captured = new CapturedFunction(({ x }: { x: tf.Tensor }) => ({
    y: tf.grad((x) => tf.sum(tf.mul(tf.sin(x), ops.stopGradient(x))))(x),
  }));
  const results = callWith(captured, numbers);
  numbers.flat().forEach((value, index) =>
    assertAlmostEquals(results.flat()[index]!, Math.cos(value) * value, 1e-5)
  );
  captured.dispose();
});

forNative("CapturedFunction leaves no tensors behind and frees its graphs", () => {
  const graphs = () => currentContext()!.functions;
  const tensors = tf.memory().numTensors, before = graphs();
  const captured = new CapturedFunction(({ x }: { x: tf.Tensor }) => ({ y: tf.relu(x) }));
  callWith(captured, [...numbers, ...numbers]);
  assertEquals(graphs(), before + 1);
  captured.dispose();
  assertEquals(graphs(), before);
  assertEquals(tf.memory().numTensors, tensors);
});

forNative("CapturedFunction in bfloat16 is close to float32, and returns float32", async () => {
  if (lacksBfloat16(await thisMachine())) return;
  const x = tf.randomNormal([4, 8, 8, 16], 0, 1, "float32", 1);
  const kernel = tf.randomNormal([3, 3, 16, 16], 0, 0.1, "float32", 2);
  const run = (input: { x: tf.Tensor; kernel: tf.Tensor }) => {
    const loss = (kernel: tf.Tensor) =>
      tf.mean(tf.square(ops.relu(ops.conv2d(input.x as tf.Tensor4D, kernel as tf.Tensor4D, {
        stride: 1,
        padding: 1,
      }))));
    return { y: loss(input.kernel), gradient: tf.grad(loss)(input.kernel) };
  };
  const exact = run({ x, kernel });
  const captured = new CapturedFunction(run, { precision: "bfloat16" });
  let low = captured.call({ x, kernel });
  for (let call = 0; call < 2; call++) low = captured.call({ x, kernel });
  assertEquals(low.gradient.dtype, "float32");
  const [a, b] = [exact.gradient.dataSync(), low.gradient.dataSync()];
  const error = Math.hypot(...a.map((value, index) => value - b[index]!)) / Math.hypot(...a);
  // A bfloat16 has 8 bits: near, and not equal.
  assert(error > 1e-6 && error < 0.01, `the gradient is off by ${error}`);
  captured.dispose();
});

/** Inputs of shapes of 4 axes, those in bfloat16 already marked by `true`. */
const maps = (...low: boolean[]): LowInput[] => low.map((low) => ({ shape: [2, 4, 4, 8], low }));
const map = [2, 4, 4, 8];

Deno.test("lowPrecisionInputs() keeps weights, statistics and small tensors in float32", () => {
  assertEquals(lowPrecisionInputs("FusedBatchNormV3", map, maps(false, false)), [0]);
  assertEquals(lowPrecisionInputs("AddV2", map, maps(false, false)), undefined);
  assertEquals(lowPrecisionInputs("AddV2", map, maps(true, false)), [0, 1]);
  assertEquals(lowPrecisionInputs("Relu", [2, 8], maps(true)), undefined);
});

Deno.test("lowPrecisionInputs() lets ops that only move numbers follow their input", () => {
  for (const op of ["Reshape", "Slice"]) {
    assertEquals(lowPrecisionInputs(op, map, maps(true, false)), [0]);
    assertEquals(lowPrecisionInputs(op, map, maps(false, false)), undefined);
  }
  assertEquals(lowPrecisionInputs("PadV2", map, maps(true, false, false)), [0, 2]);
});

Deno.test("lowPrecisionInputs() multiplies large matrices in bfloat16", () => {
  const product = (m: number, k: number, n: number) =>
    lowPrecisionInputs("BatchMatMulV2", [1, m, n], [
      { shape: [1, m, k], low: false },
      { shape: [1, k, n], low: false },
    ]);
  assertEquals(product(128, 64, 128), [0, 1]);
  assertEquals(product(128, 64, 127), undefined);
});

forNative("CapturedFunction with XLA computes the same numbers, with their gradient", () => {
  const run = ({ x, w }: { x: tf.Tensor; w: tf.Tensor }) => {
    const loss = (w: tf.Tensor) => tf.mean(ops.relu(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D)));
    const { value, grad } = tf.valueAndGrad(loss)(w);
    return { value, grad };
  };
  const x = tf.randomNormal([24, 5], 0, 1, "float32", 1);
  const w = tf.randomNormal([5, 3], 0, 1, "float32", 2);
  const results = [false, true].map((xla) => {
    const reports: CaptureReport[] = [];
    const captured = new CapturedFunction(run, {
      xla,
      rows: ({ x }) => [x],
      report: (report) => reports.push(report),
    });
    const { value, grad } = captured.call({ x, w });
    const numbers = [...value.dataSync(), ...grad.dataSync()];
    captured.dispose();
    tf.dispose([value, grad]);
    assertEquals(reports.map(({ captured }) => captured), [true]);
    return numbers;
  });
  const [plain, compiled] = results as [number[], number[]];
  compiled.forEach((value, index) => assertAlmostEquals(value, plain[index]!, 1e-6));
  tf.dispose([x, w]);
});
