import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { CapturedFunction, type CaptureReport } from "../../src/engine/capture/capture.ts";
import { foldBatchNorms } from "../../src/engine/capture/fold.ts";
import type { RecordedGraph } from "../../src/engine/capture/recorder.ts";
import * as ops from "../../src/engine/ops.ts";
import type { BuiltNets, Net, NetName, Variable } from "../../src/stages/network.ts";
import mlp from "../../plugins/networks/mlp.ts";
import wideResnet from "../../plugins/networks/wide_resnet.ts";
import { Forward } from "../../src/train/forward.ts";
import { captureInference } from "../../src/train/inference.ts";
import { DeclaredVariables, initialValues, type TensorsByName } from "../../src/train/variables.ts";
import { forEachEngine, forNative } from "../support/engines.ts";

const nets = ["light", "booster"] as const;

/** A small pair whose variables, running statistics too, are no longer where they started. */
function trained(kind: string): { pair: BuiltNets; values: TensorsByName } {
  const variables = new DeclaredVariables();
  const context = {
    features: { image: { shape: [8, 8, 3], dtype: "float32" } },
    label: { kind: "class", classes: 5, shape: [], dtype: "int32" },
    units: 5,
    nets,
    variables,
  } as const;
  const size = (depth: number) => ({ depth, width: 1 });
  const pair = kind === "mlp"
    ? mlp.create(mlp.options.parse({ light: [16], booster: [32, 16] }), context)
    : wideResnet.create(
      wideResnet.options.parse({
        sharing: kind,
        light: kind === "bottom" ? undefined : size(10),
        booster: size(16),
      }),
      context,
    );
  const start = initialValues(variables.all, 1);
  const values = Object.fromEntries(
    Object.entries(start).map(([name, value], index) => {
      const noise = tf.randomUniform(value.shape, 0.5, 1.5, "float32", index);
      return [name, tf.add(tf.mul(value, noise), tf.mul(noise, 0.1))];
    }),
  );
  tf.dispose(start);
  return { pair, values };
}

/** What a net says op by op, with TensorFlow's batch norms. */
function plainly(pair: BuiltNets, net: NetName, values: TensorsByName, image: tf.Tensor) {
  const seed = () => tf.scalar(0, "int32");
  return tf.tidy(() =>
    new Forward(pair, { values, features: { image }, training: false, seed })
      .outputs(net).logits.dataSync()
  );
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  const largest = Math.max(...Array.from(expected, Math.abs));
  assertEquals(actual.length, expected.length);
  for (let index = 0; index < expected.length; index++) {
    const error = Math.abs(actual[index]! - expected[index]!) / largest;
    assert(error < 2e-5, `${actual[index]} instead of ${expected[index]}`);
  }
}

for (const kind of ["interval", "bottom", "none", "mlp"]) {
  forEachEngine(`captureInference() returns the logits of the nets: ${kind}`, () => {
    for (const net of nets) {
      const { pair, values } = trained(kind);
      const reports: CaptureReport[] = [];
      const compute = captureInference(pair, net, values, (report) => reports.push(report));
      for (const rows of [1, 1, 1, 20, 3, 3, 20, 3]) {
        const image = tf.randomNormal([rows, 8, 8, 3], 0, 1, "float32", rows);
        const { logits } = compute.call({ features: { image } });
        assertClose(logits.dataSync(), plainly(pair, net, values, image));
        tf.dispose([image, logits]);
      }
      assert(reports.every(({ captured }) => captured));
      assertEquals(reports.length, tf.getBackend() === "tensorflow" ? 3 : 0);
      compute.dispose();
    }
  });
}

forNative("captureInference() keeps large tables out of the graph", () => {
  const variable = (name: string, shape: number[]): Variable => ({
    name,
    shape,
    owner: "light",
    trainable: true,
    table: false,
    initializer: { kind: "constant", value: 0 },
  });
  const table = variable("table", [2 ** 20 + 1, 16]), factor = variable("factor", [16]);
  const values = {
    table: tf.randomUniform(table.shape as [number, number], 0, 1, "float32", 1),
    factor: tf.range(0, 16),
  };
  const light: Net = ({ x }, scope) => ({
    logits: tf.mul(tf.add(scope.read(table).slice(7, 1), x!), scope.read(factor)),
  });
  const reports: CaptureReport[] = [];
  const compute = captureInference({ light }, "light", values, (report) => reports.push(report));
  const x = tf.ones([1, 16]);
  const expected = tf.tidy(() =>
    tf.mul(tf.add(values.table.slice(7, 1), x), values.factor).dataSync()
  );
  for (let call = 0; call < 3; call++) {
    assertClose(compute.call({ features: { x } }).logits.dataSync(), expected);
  }
  assert(reports[0]!.graph!.constantBytes < 1000);
  compute.dispose();
});

const kernel = tf.randomNormal([3, 3, 2, 4], 0, 1, "float32", 3) as tf.Tensor4D;
const weights = {
  kernel: [...kernel.dataSync()],
  bias: [1, -2, 3, -4],
  scale: [1, 2, -3, 0.5],
  offset: [0, 1, 2, 3],
  mean: [0.5, -0.5, 1, -1],
  variance: [1, 4, 0.25, 2],
};

/** The ops of a function's graph after folding, and how far its values are from those before. */
function folded(
  run: (x: tf.Tensor4D, norm: (y: tf.Tensor) => tf.Tensor) => tf.Tensor,
  rows = 1,
): string[] {
  const list = (name: "scale" | "offset" | "mean" | "variance") =>
    tf.keep(tf.tensor1d(weights[name]));
  const [scale, offset, mean, variance] = [
    list("scale"),
    list("offset"),
    list("mean"),
    list("variance"),
  ];
  const norm = (y: tf.Tensor) =>
    ops.batchNorm(y, { scale, offset, mean, variance }, { training: false }).y;
  let graph!: RecordedGraph;
  const compute = new CapturedFunction(({ x }: { x: tf.Tensor }) => ({
    y: run(x as tf.Tensor4D, norm),
  }), { rewrite: (recorded) => graph = foldBatchNorms(recorded) });
  const x = tf.randomNormal([rows, 4, 4, 2], 0, 1, "float32", 5) as tf.Tensor4D;
  const expected = tf.tidy(() => run(x, norm).dataSync());
  for (let call = 0; call < 3; call++) {
    assertClose(compute.call({ x }).y.dataSync(), expected);
  }
  compute.dispose();
  return graph.graph.all.map(({ op }) => op)
    .filter((op) => !["Const", "Fill", "Placeholder", "Identity", "Cast"].includes(op));
}

const conv = (x: tf.Tensor4D) => {
  const kernel = tf.tensor4d(weights.kernel, [3, 3, 2, 4]);
  return ops.conv2d(x, kernel, { padding: 1 });
};

forNative("foldBatchNorms() folds a batch norm into the convolution before it", () => {
  assertEquals(folded((x, norm) => norm(conv(x))), ["Conv2D", "BiasAdd"]);
  const depthwise = (x: tf.Tensor4D) =>
    tf.depthwiseConv2d(x, tf.tensor4d(weights.kernel.slice(0, 36), [3, 3, 2, 2]), 1, "same");
  assertEquals(folded((x, norm) => norm(depthwise(x))), ["DepthwiseConv2dNative", "BiasAdd"]);
});

forNative("foldBatchNorms() includes a convolution's bias", () => {
  const biased = (x: tf.Tensor4D) => tf.add(conv(x), tf.tensor1d(weights.bias));
  assertEquals(folded((x, norm) => norm(biased(x))), ["Conv2D", "BiasAdd"]);
});

forNative("foldBatchNorms() does not change a convolution that other nodes read", () => {
  const both = (x: tf.Tensor4D, norm: (y: tf.Tensor) => tf.Tensor) => {
    const y = conv(x);
    return tf.add(norm(y), y);
  };
  assertEquals(folded(both), ["Conv2D", "Mul", "AddV2", "Add"]);
  assertEquals(folded(both, 100), ["Conv2D", "FusedBatchNormV3", "Add"]);
});

forNative("foldBatchNorms() does not change batch norms in training", () => {
  const learning = (x: tf.Tensor4D) =>
    ops.batchNorm(conv(x), {
      scale: tf.tensor1d(weights.scale),
      offset: tf.tensor1d(weights.offset),
      mean: tf.tensor1d(weights.mean),
      variance: tf.tensor1d(weights.variance),
    }, { training: true }).y;
  assertEquals(folded(learning), ["Conv2D", "FusedBatchNormV3"]);
});
