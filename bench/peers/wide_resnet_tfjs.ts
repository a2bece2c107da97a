/**
 * The program that times stock tfjs on the same wide residual nets. It follows tfjs's
 * documentation: it runs tfjs's own ops one by one, with tfjs's own batch norm and optimizer. It
 * uses nothing from Rocket except the native addon that Rocket has set up.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import * as tf from "@tensorflow/tfjs";
import { join } from "node:path";
import { serve } from "../worker.ts";

const WIDTHS = [16, 32, 64];
const RATE = 0.1, MOMENTUM = 0.9, DECAY = 5e-4, HINT = 0.03;

type Net = "light" | "booster";

const options = parseArgs(Deno.args, {
  string: ["sharing", "task", "backend", "light", "booster", "width", "batch"],
  default: {
    sharing: "interval",
    light: "16",
    booster: "40",
    width: "1",
    batch: "128",
    task: "step",
    backend: "tensorflow",
  },
});
const batch = Number(options.batch), width = Number(options.width);
const bottom = options.sharing === "bottom";
const detail = await openBackend(options.backend);

const trained: tf.Variable[] = [];
const infers = options.task.startsWith("infer");
const nets: Net[] = options.task === "step"
  ? ["light", "booster"]
  : options.task === "infer-booster"
  ? ["booster"]
  : ["light"];
const rocket = build();
const image = tf.randomNormal<tf.Rank.R4>([batch, 32, 32, 3]);
const classes = tf.oneHot(tf.randomUniform([batch], 0, 10, "int32"), 10);
if (infers) await serve(infer, { detail });
else {
  const parameters = trained.reduce((sum, { size }) => sum + size, 0);
  await serve(trainer(), { detail, parameters });
}

/** Switches to one of tfjs's own backends and returns its name and version. */
async function openBackend(backend: string): Promise<string> {
  let detail = `tfjs ${tf.version_core}`;
  if (backend === "tensorflow") {
    Deno.env.set("TF_CPP_MIN_LOG_LEVEL", "3");
    const { setUpNative } = await import("../../src/engine/native/set_up.ts");
    const { loadNative } = await import("../../src/engine/load_native.ts");
    const built = await setUpNative({ report: () => {} });
    await loadNative(built);
    detail += `, TensorFlow ${built.tensorflow}`;
  }
  if (backend === "wasm") {
    const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
    const { packageFolder } = await import("../../src/base/machine/package_folder.ts");
    setWasmPaths(join(packageFolder("@tensorflow/tfjs-backend-wasm"), "dist", "/"));
  }
  if (!await tf.setBackend(backend)) throw new Error(`the backend ${backend} cannot be started`);
  return detail;
}

function variable(value: tf.Tensor): tf.Variable {
  const made = tf.variable(value);
  trained.push(made);
  return made;
}

/**
 * Creates a convolution without bias, with symmetric zero padding as in PyTorch and in the authors'
 * code.
 */
function convolution(size: number, from: number, to: number, stride = 1) {
  const kernel = variable(
    tf.randomNormal([size, size, from, to], 0, Math.sqrt(2 / (size * size * from))),
  ) as unknown as tf.Tensor4D;
  return (x: tf.Tensor4D): tf.Tensor4D =>
    stride === 2 && size === 3
      // tfjs has no gradient for a convolution with explicit padding, and "same" pads on one side
      // only.
      ? tf.conv2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), kernel, stride, "valid")
      : tf.conv2d(x, kernel, stride, "same");
}

/** Creates a batch norm with running statistics. */
function norm(channels: number) {
  const scale = variable(tf.randomUniform([channels])), offset = variable(tf.zeros([channels]));
  const running = {
    mean: tf.variable(tf.zeros([channels]), false),
    variance: tf.variable(tf.ones([channels]), false),
  };
  return (x: tf.Tensor4D): tf.Tensor4D => {
    let { mean, variance }: { mean: tf.Tensor; variance: tf.Tensor } = running;
    if (!infers) {
      ({ mean, variance } = tf.moments(x, [0, 1, 2]));
      running.mean.assign(tf.add(tf.mul(running.mean, 0.9), tf.mul(mean, 0.1)));
      running.variance.assign(tf.add(tf.mul(running.variance, 0.9), tf.mul(variance, 0.1)));
    }
    return tf.batchNorm(
      x,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      offset as tf.Tensor as tf.Tensor1D,
      scale as tf.Tensor as tf.Tensor1D,
      1e-5,
    );
  };
}

function each<T>(nets: readonly Net[], make: () => T): Partial<Record<Net, T>> {
  return Object.fromEntries(nets.map((net) => [net, make()]));
}

function block(from: number, to: number, stride: number, nets: readonly Net[]) {
  const conv1 = convolution(3, from, to, stride), conv2 = convolution(3, to, to);
  const shortcut = from === to ? undefined : convolution(1, from, to, stride);
  const norm1 = each(nets, () => norm(from)), norm2 = each(nets, () => norm(to));
  return (x: tf.Tensor4D, net: Net): tf.Tensor4D => {
    const active = tf.relu(norm1[net]!(x));
    const y = conv2(tf.relu(norm2[net]!(conv1(active))));
    return tf.add(y, shortcut ? shortcut(active) : x);
  };
}

function build(): (image: tf.Tensor4D, net: Net) => tf.Tensor2D {
  const channels = [16, ...WIDTHS.map((size) => size * width)];
  const blocks = (Number(options.booster) - 4) / 6, light = (Number(options.light) - 4) / 6;
  const taken = bottom ? [blocks, blocks, 0] : [light, light, light];
  const stem = convolution(3, 3, 16);
  const groups = taken.map((taken, g) =>
    Array.from({ length: nets.includes("booster") ? blocks : taken }, (_, b) =>
      block(
        channels[b === 0 ? g : g + 1]!,
        channels[g + 1]!,
        g > 0 && b === 0 ? 2 : 1,
        nets.filter((net) => net === "booster" || b < taken),
      ))
  );
  const last = (net: Net) => channels[net === "light" && bottom ? 2 : 3]!;
  const heads = Object.fromEntries(nets.map((net) => [net, {
    norm: norm(last(net)),
    kernel: variable(tf.randomNormal([last(net), 10], 0, Math.sqrt(2 / last(net)))),
    bias: variable(tf.zeros([10])),
  }]));
  return (image, net) => {
    let x = stem(image);
    groups.forEach((group, g) => {
      for (const block of group.slice(0, net === "light" ? taken[g] : undefined)) x = block(x, net);
    });
    const { norm, kernel, bias } = heads[net]!;
    const pooled = tf.mean(tf.relu(norm(x)), [1, 2]) as tf.Tensor2D;
    return tf.add(tf.matMul(pooled, kernel as tf.Tensor as tf.Tensor2D), bias);
  };
}

function trainer(): () => number {
  const optimizer = tf.train.momentum(RATE, MOMENTUM);
  const block = tf.customGrad((x) => ({
    value: (x as tf.Tensor).clone(),
    gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
  }));
  const loss = () => {
    const logits = nets.map((net) => rocket(image, net));
    const losses = logits.map((z) => tf.losses.softmaxCrossEntropy(classes, z) as tf.Scalar);
    if (logits.length === 2) {
      const [light, booster] = logits;
      const hint = tf.sum(tf.squaredDifference(block(booster!), light!)) as tf.Scalar;
      losses.push(tf.mul(hint, HINT / batch));
    }
    return tf.addN(losses) as tf.Scalar;
  };
  return () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(loss, trained);
      for (const variable of trained) {
        // tf.train.momentum does not support weight decay.
        grads[variable.name] = tf.add(grads[variable.name]!, tf.mul(variable, DECAY));
      }
      optimizer.applyGradients(
        trained.map(({ name }) => ({ name, tensor: grads[name]! })),
      );
      return value.dataSync()[0]!;
    });
}

function infer(): void {
  tf.tidy(() => {
    rocket(image, nets[0]!).dataSync();
  });
}
