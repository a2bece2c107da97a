import {
  type layers,
  type Net,
  tf,
  UserError,
  type Variable,
  type VariableSpec,
} from "@rocket-launching/rocket/plugin";
import { checkStage, onEachEngine } from "@rocket-launching/rocket/testing";
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import depthwiseNet from "./mod.ts";

type Layer = layers.Layer;
type Scope = Parameters<Layer>[1];

const features = { image: { shape: [8, 8, 2], dtype: "float32" } } as const;
const label = { kind: "class", classes: 3, shape: [], dtype: "int32" } as const;

/** Builds a net, and collects its variables. */
function build(options: unknown, inputs: Parameters<typeof depthwiseNet.create>[1]["features"]) {
  const declared: Variable[] = [];
  const { light } = depthwiseNet.create(depthwiseNet.options.parse(options), {
    features: inputs,
    label,
    units: 3,
    nets: ["light"],
    variables: {
      add(spec: VariableSpec): Variable {
        const variable = { trainable: true, table: false, ...spec };
        declared.push(variable);
        return variable;
      },
    },
  });
  return { net: light as Net, declared };
}

/** The numbers of `wave()` in reference.py. */
function wave(shape: readonly number[], seed: number, scale: number): tf.Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const values = Array.from({ length: size }, (_, index) => scale * Math.sin(1.7 * index + seed));
  return tf.tensor(values, [...shape]);
}

/** The value of a variable in reference.py. */
function valueOf({ name, shape }: Variable): tf.Tensor {
  if (name.endsWith("/mean")) return tf.zeros([...shape]);
  if (name.endsWith("/variance")) return tf.ones([...shape]);
  if (name === "light/head/kernel") return wave(shape, 90, 0.5);
  if (name === "light/head/bias") return wave(shape, 91, 0.2);
  const [, index, pointwise] = /^light\/(?:stem|block(\d+)\/(?:depthwise|(pointwise)))\//.exec(
    name,
  )!;
  const seed = index === undefined ? 10 : 10 + 10 * Number(index) + (pointwise ? 5 : 0);
  if (name.endsWith("/kernel")) return wave(shape, seed, 0.5);
  return name.endsWith("/scale")
    ? tf.add(1, wave(shape, seed + 1, 0.5))
    : wave(shape, seed + 2, 0.2);
}

function scopeOf(values: ReadonlyMap<string, tf.Tensor>, training: boolean): Scope {
  const scope: Scope = {
    training,
    read: ({ name }) => values.get(name)!,
    lookup: noTables,
    lookupColumns: noTables,
    update() {},
    shared: (_name, compute) => compute(scope),
    seed: () => tf.scalar(0, "int32"),
  };
  return scope;
}

function noTables(): never {
  throw new Error("there are no tables");
}

function assertNear(actual: ArrayLike<number>, expected: readonly number[]): void {
  assertEquals(actual.length, expected.length);
  for (const [index, value] of expected.entries()) {
    assertAlmostEquals(actual[index]!, value, 2e-6 + 2e-5 * Math.abs(value));
  }
}

Deno.test("depthwise-net fulfills the contract of a network", async () => {
  await checkStage(depthwiseNet, {
    options: { stem: 4, light: { blocks: [[4, 2]] }, booster: { blocks: [[4, 1], [6, 2]] } },
  });
});

Deno.test("depthwise-net computes what PyTorch computes with the layers of the MobileNet paper", () =>
  onEachEngine(() => {
    tf.tidy(() => {
      const options = { stem: 4, light: { blocks: [[6, 2], [5, 1]] } };
      const { net, declared } = build(options, features);
      const values = new Map(declared.map((variable) => [variable.name, valueOf(variable)]));
      const image = wave([2, 8, 8, 2], 5, 1);
      const run = (training: boolean, values: ReadonlyMap<string, tf.Tensor>) =>
        net({ image }, scopeOf(values, training));

      const { logits, ...maps } = run(false, values);
      // As `python reference.py` prints them.
      assertNear(
        logits.dataSync(),
        [0.0999854, -0.0765136, -0.0802687, 0.103236, -0.0772459, -0.0833311],
      );
      assertEquals(
        Object.fromEntries(Object.entries(maps).map(([name, { shape }]) => [name, shape])),
        { block1: [2, 4, 4, 6], block2: [2, 4, 4, 5], features: [2, 5] },
      );
      assertNear(
        run(true, values).logits.dataSync(),
        [-0.0384549, 0.176501, -0.00702737, 0.0512055, 0.0323943, -0.0595532],
      );
      for (
        const [layer, norm, sum] of [
          ["stem", 1.3137, 0.82003],
          ["block1/depthwise", 0.212547, 0.137343],
          ["block2/pointwise", 0.543518, -0.20541],
        ] as const
      ) {
        const name = `light/${layer}/kernel`;
        const gradient = tf.grad((kernel: tf.Tensor) => {
          const { logits } = run(true, new Map(values).set(name, kernel));
          return tf.sum(tf.mul(logits, wave([2, 3], 3, 1)));
        })(values.get(name)!);
        assertNear(tf.norm(gradient).dataSync(), [norm]);
        assertNear(tf.sum(gradient).dataSync(), [sum]);
      }
    });
  }));

Deno.test("depthwise-net has 9c + cd weights in a block, and a width multiplier", () => {
  const count = (options: unknown) =>
    build(options, features).declared.filter(({ trainable }) => trainable)
      .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  const size = (stem: number, to: number) =>
    (9 * 2 * stem + 2 * stem) + (9 * stem + 2 * stem) + (stem * to + 2 * to) + (to * 3 + 3);
  assertEquals(count({ stem: 4, light: { blocks: [[6, 2]] } }), size(4, 6));
  assertEquals(count({ stem: 4, light: { width: 1.5, blocks: [[6, 2]] } }), size(6, 9));
});

Deno.test("depthwise-net refuses features that are not one image", () => {
  const image = { shape: [8, 8, 1], dtype: "float32" } as const;
  const vector = { shape: [6], dtype: "float32" } as const;
  const cases = [
    [{ a: image, b: image }, {}, "depthwise-net reads a single feature, but there are 2"],
    [{ a: image }, { feature: "b" }, 'there is no feature "b"'],
    [{ a: vector }, {}, "the feature a has rows of shape [6]"],
  ] as const;
  for (const [features, options, message] of cases) {
    assertThrows(() => build(options, features), UserError, message);
  }
});
