import { assert, assertEquals } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { sumByRow } from "../../src/engine/tables.ts";
import { sumOfSquares } from "../../src/engine/squares.ts";
import { CapturedFunction } from "../../src/engine/capture/capture.ts";
import type { Variable } from "../../src/stages/network.ts";
import { clipGradients } from "../../src/train/clip.ts";
import type { Gradients } from "../../src/train/gradients.ts";
import { type ClippingReference, readClippingReference } from "../reference/fixtures.ts";
import { referenceUniform } from "../reference/values.ts";
import { forEachEngine, forNative } from "../support/engines.ts";
import { relativeError } from "../support/numbers.ts";

const reference = await readClippingReference();

function variablesOf({ owners, shapes, rows, size }: ClippingReference): Variable[] {
  return Object.entries(owners).map(([name, owner]) => ({
    name,
    owner,
    shape: shapes[name] ?? [rows, size],
    initializer: { kind: "constant", value: 0 },
    trainable: true,
    table: name === "table",
  }));
}

/** The gradients before they are clipped. */
function gradientsOf({ ids, shapes, rows, size }: ClippingReference): Gradients {
  const factors = (name: string, shape: readonly number[]) =>
    tf.tensor(referenceUniform(`clipping/${name}`, shape, -2, 2), [...shape]);
  return {
    gradients: Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, factors(name, shape)]),
    ),
    rows: new Map([[
      "table",
      sumByRow(
        tf.tensor1d([...ids], "int32"),
        factors("table", [ids.length, size]) as tf.Tensor2D,
        tf.zeros([rows, size]),
      ),
    ]]),
  };
}

/** A table's gradient with all its rows. */
function dense({ rows, size }: ClippingReference, { gradients, rows: touched }: Gradients) {
  const table = Array<number>(rows * size).fill(0);
  const { ids, values } = touched.get("table")!;
  const flat = values.dataSync();
  ids.dataSync().forEach((id, index) => {
    for (let i = 0; i < size; i++) table[id * size + i] = flat[index * size + i]!;
  });
  return { ...gradients, table: { dataSync: () => table } };
}

for (const { norm, per, total, gradients } of reference.cases) {
  forEachEngine(`clipGradients() to ${norm} per ${per} is PyTorch's clip_grad_norm_`, () => {
    tf.tidy(() => {
      const before = gradientsOf(reference);
      const clipped = clipGradients(before, variablesOf(reference), { norm, per });
      assert(relativeError(clipped.norm.dataSync(), [total]) < 1e-5);
      const after: Record<string, { dataSync(): ArrayLike<number> } | undefined> = dense(
        reference,
        clipped,
      );
      assertEquals(Object.keys(after).sort(), Object.keys(gradients).sort());
      for (const [name, expected] of Object.entries(gradients)) {
        assert(relativeError(after[name]!.dataSync(), expected) < 1e-5, name);
      }
    });
  });
}

forEachEngine("clipGradients() without a limit measures gradients and does not change them", () => {
  tf.tidy(() => {
    const before = gradientsOf(reference);
    const { norm, ...after } = clipGradients(before, variablesOf(reference), undefined);
    assert(relativeError(norm.dataSync(), [reference.cases[0]!.total]) < 1e-5);
    for (const [name, gradient] of Object.entries(before.gradients)) {
      assertEquals(after.gradients[name]!.dataSync(), gradient!.dataSync());
    }
  });
});

forEachEngine(
  "clipGradients() does not change gradients of 0, and an empty list has the norm 0",
  () => {
    tf.tidy(() => {
      const [, matrix] = variablesOf(reference);
      const zeros = { gradients: { [matrix!.name]: tf.zeros([2, 2]) }, rows: new Map() };
      const { norm, gradients } = clipGradients(zeros, [matrix!], { norm: 1, per: "all" });
      assertEquals([...norm.dataSync()], [0]);
      assertEquals([...gradients[matrix!.name]!.dataSync()], [0, 0, 0, 0]);
      const none = clipGradients({ gradients: {}, rows: new Map() }, [matrix!], undefined);
      assertEquals([...none.norm.dataSync()], [0]);
    });
  },
);

forEachEngine("sumOfSquares() is NaN or infinite if any number is", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    for (const place of [0, 2, 1234]) {
      tf.tidy(() => {
        const values = new Float32Array(1235);
        values[place] = bad;
        const [sum] = sumOfSquares([tf.ones([3]), tf.tensor1d(values)]).dataSync();
        assert(!Number.isFinite(sum!));
      });
    }
  }
});

forEachEngine("sumOfSquares() adds up tensors of any shapes", () => {
  tf.tidy(() => {
    const tensors = [tf.scalar(3), tf.fill([2, 3, 4], 0.5), tf.zeros([0, 7]), tf.range(0, 1000)];
    // Squares of 0 to 999.
    const expected = 9 + 24 / 4 + 999 * 1000 * 1999 / 6;
    assert(relativeError(sumOfSquares(tensors).dataSync(), [expected]) < 1e-6);
  });
});

forNative("a captured step clips as an eager one does", () => {
  const variables = variablesOf(reference), clip = { norm: 0.5, per: "owner" } as const;
  const shapes = Object.values(reference.shapes);
  const reports: boolean[] = [];
  type Input = { gradients: tf.Tensor[] };
  const run = ({ gradients }: Input) => {
    const named = Object.keys(reference.shapes).map((name, i) => [name, gradients[i]!] as const);
    const all = { gradients: Object.fromEntries(named), rows: new Map() };
    const { norm, gradients: clipped } = clipGradients(all, variables, clip);
    return { norm, clipped: named.map(([name]) => clipped[name]!) };
  };
  const captured = new CapturedFunction(run, {
    report: ({ captured }) => void reports.push(captured),
  });
  tf.tidy(() => {
    const input = { gradients: shapes.map((shape) => tf.fill([...shape], 0.7)) };
    const numbers = ({ norm, clipped }: ReturnType<typeof run>) =>
      [norm, ...clipped].map((tensor) => [...tensor.dataSync()]);
    const eager = numbers(run(input));
    for (let call = 0; call < 3; call++) assertEquals(numbers(captured.call(input)), eager);
  });
  captured.dispose();
  assertEquals(reports, [true]);
});
