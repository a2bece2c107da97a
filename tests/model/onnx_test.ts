import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { openEngine } from "../../src/engine/engine.ts";
import { NoGraph, recordGraph } from "../../src/engine/symbolic/record.ts";
import { loadOnnxRuntime } from "../../src/run/model/onnx_runtime.ts";
import { modelToOnnx, type OnnxModel } from "../../src/model/onnx/model_to_onnx.ts";
import { canRunSavedModel } from "../../src/engine/saved_model.ts";
import { computeSavedModel } from "../../src/model/saved_model/compute_saved_model.ts";
import {
  modelToSavedModel,
  type TensorFlowModel,
} from "../../src/model/saved_model/model_to_saved_model.ts";
import { writeOnnxFile } from "../../src/model/write_onnx.ts";
import type { ModelFile } from "../../src/run/model/model_file.ts";
import type { ColumnSpec, LabelSpec } from "../../src/stages/batch.ts";
import type { BuiltNets, NetName, NetworkStage } from "../../src/stages/network.ts";
import { captureInference } from "../../src/train/inference.ts";
import { DeclaredVariables, initialValues, type TensorsByName } from "../../src/train/variables.ts";
import ctr from "../../plugins/networks/ctr.ts";
import dcn from "../../plugins/networks/dcn_v2.ts";
import deepfm from "../../plugins/networks/deepfm.ts";
import mlp from "../../plugins/networks/mlp.ts";
import wideResnet from "../../plugins/networks/wide_resnet.ts";
import { defineNetwork, z } from "../../plugin.ts";
import { UserError } from "../../mod.ts";
import { inFolder } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { binaryLabel, classLabel } from "../support/labels.ts";

type Features = Readonly<Record<string, ColumnSpec>>;

const ids = (name: string, count: number, padded = false) =>
  ({ kind: "count", count, name, padded }) as const;

const clicks: Features = {
  item: { shape: [], dtype: "int32", ids: ids("item", 100) },
  history: { shape: [6], dtype: "int32", ids: ids("item", 100, true) },
  tags: { shape: [3], dtype: "int32", ids: ids("tags", 9, true) },
  full: { shape: [2], dtype: "int32", ids: ids("full", 9) },
  age: { shape: [], dtype: "float32" },
  vector: { shape: [2, 2], dtype: "float32" },
};

interface Made {
  readonly pair: BuiltNets;
  readonly values: TensorsByName;
  readonly toOnnx: (net: NetName, mostBytes?: number) => OnnxModel;
  readonly toTensorFlow: (net: NetName) => TensorFlowModel;
}

/** A network with weights, of which no statistic is that of a new net. */
function made(stage: NetworkStage, options: unknown, features: Features, label: LabelSpec): Made {
  const variables = new DeclaredVariables(), nets: NetName[] = ["light", "booster"];
  const units = label.kind === "class" ? label.classes : 1;
  const context = { features, label, units, nets, variables };
  const pair = stage.create(stage.options.parse(options), context);
  let seed = 0;
  const values = Object.fromEntries(
    Object.entries(initialValues(variables.all, 1)).map(([name, value]) => {
      if (/variance$/.test(name)) {
        return [name, tf.randomUniform(value.shape, 0.5, 1.5, "float32", ++seed)];
      }
      const drawn = /\/(mean|offset|bias|alpha)$/.test(name);
      return [name, drawn ? tf.randomNormal(value.shape, 0, 0.3, "float32", ++seed) : value];
    }),
  );
  const model = {
    features: [],
    inputs: Object.entries(features).map(([name, spec]) => ({ name, spec, of: [name] })),
    label: {
      type: { text: "Int32", family: "whole numbers" },
      spec: label,
      options: { column: "y" },
    },
    network: { use: stage.name, units },
    transforms: [],
    nulls: { fills: {} },
  } as unknown as ModelFile;
  const reference = { kind: "network" as const, name: stage.name };
  const request = (net: NetName) => ({
    ...{ model, net, transforms: [], inputs: "features" as const },
    nets: { pair, variables: variables.all, stage: reference },
    weights: new Map(
      Object.entries(values).map(([name, value]) => [name, value.dataSync<"float32">()]),
    ),
  });
  const toOnnx = (net: NetName, mostBytes?: number) =>
    modelToOnnx({ ...request(net), place: { dataFile: "net.data", mostBytes } });
  const toTensorFlow = (net: NetName) => modelToSavedModel(request(net));
  return { pair, values, toOnnx, toTensorFlow };
}

/** Values of features: each length of a list, also none. */
function valuesOf(features: Features, rows: number) {
  return Object.fromEntries(
    Object.entries(features).map(([name, { shape, dtype, ids }]) => {
      const size = shape.reduce((a, b) => a * b, 1), length = rows * size;
      const id = (_: unknown, index: number) => {
        const row = Math.floor(index / size);
        return ids?.padded && index % size >= row % (size + 1) ? -1 : index * 31 % ids!.count;
      };
      const values = dtype === "int32"
        ? Int32Array.from({ length }, id)
        : Float32Array.from({ length }, (_, index) => Math.sin(1.3 * index));
      return [name, { values, shape: [rows, ...shape], dtype }];
    }),
  );
}

/**
 * The greatest distance of a net's logits in ONNX Runtime, relative to the largest one; and in
 * TensorFlow, where that is the engine.
 */
async function distance(
  folder: string,
  { pair, values, toOnnx, toTensorFlow }: Made,
  features: Features,
  { net = "light", mostBytes }: { net?: NetName; mostBytes?: number } = {},
): Promise<number> {
  const path = join(folder, "net.onnx"), file = toOnnx(net, mostBytes);
  await writeOnnxFile(path, file);
  const { InferenceSession, Tensor } = await loadOnnxRuntime();
  const session = await InferenceSession.create(path);
  const given = valuesOf(features, 8);
  const inference = captureInference(pair, net, values);
  const tensors = Object.fromEntries(
    Object.entries(given).map(([name, { values, shape, dtype }]) => [
      name,
      tf.tensor(values.slice(), shape, dtype),
    ]),
  );
  const expected = inference.call({ features: tensors }).logits.dataSync<"float32">();
  const feeds = Object.fromEntries(
    Object.entries(given).map(([name, { values, shape, dtype }]) => [
      name,
      new Tensor(dtype as "float32", values as Float32Array, shape),
    ]),
  );
  const { logits } = await session.run(feeds);
  await session.release();
  inference.dispose();
  const all = [logits!.data as Float32Array];
  if (canRunSavedModel()) {
    const arrays = Object.entries(given).map(([name, { values, shape, dtype }]) => ({
      ...{ name, type: dtype, data: values, shape: shape.slice(1) },
    }));
    all.push(await computeSavedModel(toTensorFlow(net).builder, 8, arrays));
  }
  const top = expected.reduce((top, logit) => Math.max(top, Math.abs(logit)), 0);
  return Math.max(...all.map((actual) => {
    assertEquals(actual.length, expected.length);
    return Math.max(...expected.map((logit, index) => Math.abs(logit - actual[index]!)));
  })) / top;
}

const attention = (activation: string) => ({ attention: { to: "item", hidden: [5], activation } });

const cases: readonly [name: string, NetworkStage, unknown, Features, LabelSpec][] = [
  ["mlp", mlp, { shared: [16], light: [8], booster: [32] }, {
    x: { shape: [4, 5], dtype: "float32" },
  }, classLabel(10)],
  ...["interval", "bottom", "none"].map((sharing) =>
    [
      `wide-resnet ${sharing}`,
      wideResnet,
      { sharing, booster: { depth: 16 }, ...sharing !== "bottom" && { light: { depth: 10 } } },
      { image: { shape: [8, 4, 2], dtype: "float32" } },
      classLabel(3),
    ] as [string, NetworkStage, unknown, Features, LabelSpec]
  ),
  ...(["relu", "prelu", "dice"] as const).flatMap((activation) =>
    [true, false].map((batchNorm) =>
      [
        `ctr ${activation}${batchNorm ? " with batch norm" : ""}`,
        ctr,
        {
          ...{ embedding: 4, shared: [8], light: { hidden: [6] }, booster: { hidden: [9] } },
          ...{ activation, batchNorm, dropout: 0.1 },
          features: {
            history: batchNorm ? attention(activation) : { pooling: "sum" },
            tags: { pooling: "mean", size: 3 },
          },
        },
        clicks,
        binaryLabel,
      ] as [string, NetworkStage, unknown, Features, LabelSpec]
    )
  ),
  ["ctr separate", ctr, { sharing: "separate", embedding: 4 }, clicks, binaryLabel],
  [
    "deepfm",
    deepfm,
    { embedding: 4, features: { history: attention("dice") }, booster: { hidden: [5] } },
    clicks,
    binaryLabel,
  ],
  ...["stacked", "parallel"].map((structure) =>
    [
      `dcn-v2 ${structure}`,
      dcn,
      { structure, light: { rank: 2, hidden: [5] }, booster: { cross: 3, hidden: [6] } },
      clicks,
      binaryLabel,
    ] as [string, NetworkStage, unknown, Features, LabelSpec]
  ),
];

forEachEngine(
  "modelToOnnx() and modelToSavedModel() compute each network as the engine does",
  async () => {
    await inFolder(async (folder) => {
      for (const [name, stage, options, features, label] of cases) {
        const network = made(stage, options, features, label);
        for (const net of ["light", "booster"] as const) {
          const far = await distance(folder, network, features, { net });
          assert(far <= 1e-5, `${name}, ${net}: ${far}`);
        }
      }
    });
  },
);

Deno.test("modelToOnnx() puts weights that are too many for the file beside it", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const network = made(ctr, { embedding: 8 }, clicks, binaryLabel);
    assertEquals(network.toOnnx("light").data, []);
    const far = await distance(folder, network, clicks, { mostBytes: 1000 });
    assert(far <= 1e-5, `${far}`);
    const { bytes, data } = network.toOnnx("light", 1000);
    assert(data.length > 0 && bytes.length < network.toOnnx("light").bytes.length);
    assert(data.every(({ offset }) => offset % 4096 === 0));
  });
});

/** A network whose light net computes something unusual. */
const unusual = (light: (x: tf.Tensor) => tf.Tensor): NetworkStage =>
  defineNetwork({
    name: "unusual",
    summary: "Computes what a test wants.",
    options: z.object({}),
    create: () => ({
      light: ({ x }) => ({ logits: light(x!) }),
      booster: ({ x }) => ({ logits: x! }),
    }),
  });

const three: Features = { x: { shape: [3], dtype: "float32" } };

forEachEngine(
  "modelToOnnx() and modelToSavedModel() know operations that no built-in network has",
  async () => {
    const image: Features = { x: { shape: [6, 7, 2], dtype: "float32" } };
    const map = (x: tf.Tensor) => x as tf.Tensor4D;
    const kernel = () =>
      tf.tensor4d(Array.from({ length: 24 }, (_, index) => Math.cos(index)), [2, 3, 2, 2]);
    const around: tf.backend_util.ExplicitPadding = [[0, 0], [1, 0], [2, 1], [0, 0]];
    const flat = (x: tf.Tensor) => tf.reshape(x, [x.shape[0]!, -1]);
    const operations: [string, Features, (x: tf.Tensor) => tf.Tensor][] = [
      ["a convolution", image, (x) => flat(tf.conv2d(map(x), kernel(), [2, 1], "same"))],
      ["a depthwise one", image, (x) => flat(tf.depthwiseConv2d(map(x), kernel(), 1, "valid"))],
      ["a max pool", image, (x) => flat(tf.maxPool(map(x), [3, 2], 2, "same"))],
      ["a mean pool", image, (x) => flat(tf.avgPool(map(x), 2, 2, "valid"))],
      ["a padded one", image, (x) => flat(tf.conv2d(map(x), kernel(), 1, around))],
      [
        "a bilinear resize",
        image,
        (x) => flat(tf.image.resizeBilinear(map(x), [3, 5], false, true)),
      ],
      ["slices", image, (x) => flat(tf.reverse(tf.slice(x, [0, 1, 2, 0], [-1, 3, -1, 1]), 1))],
      ["a product of batches", image, (x) => flat(tf.matMul(x, x, true, false))],
      ["a choice", three, (x) => tf.where(tf.greater(x, 0), tf.exp(x), tf.square(x))],
      ["a sum", three, (x) => tf.addN([x, tf.leakyRelu(x, 0.3), tf.clipByValue(x, -0.5, 0.5)])],
      ["a mean of squares", three, (x) => tf.sub(x, tf.mean(tf.squaredDifference(x, 2), 1, true))],
      ["parts", three, (x) => tf.concat(tf.unstack(tf.stack([x, tf.log1p(tf.abs(x))], 1), 1), 1)],
      ["rows", three, (x) => tf.mul(x, tf.ones([x.shape[0]!, 1]))],
      ["probabilities", three, (x) => tf.add(tf.softmax(x), tf.logSoftmax(x))],
      ["a repetition", three, (x) => tf.tile(tf.elu(x), [1, 2])],
      [
        "a root",
        three,
        (x) => tf.rsqrt(tf.add(tf.softplus(x), tf.prelu(x, tf.tensor1d([0, 0, 0])))),
      ],
    ];
    await inFolder(async (folder) => {
      for (const [name, features, light] of operations) {
        const x = valuesOf(features, 2).x!;
        const units = light(tf.tensor(x.values, x.shape)).shape[1]!;
        const far = await distance(
          folder,
          made(unusual(light), {}, features, classLabel(units)),
          features,
        );
        assert(far <= 1e-5, `${name}: ${far}`);
      }
    });
  },
);

Deno.test("modelToOnnx() names the stage whose operation ONNX cannot express", async () => {
  await tf.setBackend("cpu");
  const refused = (light: (x: tf.Tensor) => tf.Tensor, message: RegExp) => {
    const network = made(unusual(light), {}, three, classLabel(3));
    const { message: told } = assertThrows(() => network.toOnnx("light"), UserError);
    assert(message.test(told), told);
  };
  refused(
    (x) => tf.cumsum(x, 1),
    /the network unusual cannot be part of an exported graph: it uses the operation Cumsum/,
  );
  refused((x) => tf.mul(x, x.dataSync()[0]!), /it reads the values of a tensor/);
  refused(
    (x) => tf.mul(x, tf.range(0, x.shape[0]!).reshape([-1, 1])),
    /it uses the operation Range|the values of a constant in it depend/,
  );
  assertEquals(tf.getBackend(), "cpu");
});

Deno.test("recordGraph() returns sizes as functions of the number of rows, and computes nothing", async () => {
  await tf.setBackend("cpu");
  const form = { shape: [2, 3], dtype: "float32" } as const;
  const { calls, outputs } = recordGraph({ x: form }, ({ x }) => ({ y: tf.reshape(x!, [-1, 3]) }));
  assertEquals(calls.map(({ kernel }) => kernel), ["Reshape"]);
  assertEquals(outputs.y!.shape, [{ fixed: 0, perRow: 2 }, { fixed: 3, perRow: 0 }]);
  assertThrows(
    () => recordGraph({ x: form }, ({ x }) => ({ y: x!.shape[0]! > 1500 ? tf.relu(x!) : x! })),
    NoGraph,
    "it performs different operations for different numbers of rows",
  );
});
