import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { tableFromArrays } from "apache-arrow";
import fc from "fast-check";
import { StageError } from "../../src/stages/stage_error.ts";
import type { Batch, ColumnSpec } from "../../src/stages/batch.ts";
import type { ApplyContext, Transform, TransformStage } from "../../src/stages/transform.ts";
import { UserError } from "../../plugin.ts";
import cast from "../../plugins/transforms/cast.ts";
import horizontalFlip from "../../plugins/transforms/horizontal_flip.ts";
import normalize from "../../plugins/transforms/normalize.ts";
import oneHot from "../../plugins/transforms/one_hot.ts";
import randomCrop from "../../plugins/transforms/random_crop.ts";
import rename from "../../plugins/transforms/rename.ts";
import scale from "../../plugins/transforms/scale.ts";
import type { Split, StoredSplit } from "../../src/input/split.ts";
import {
  type BatchPosition,
  type PlannedTransform,
  TransformChain,
} from "../../src/input/transforms.ts";
import { memorySource, open } from "../support/arrow.ts";

type Features = Readonly<Record<string, ColumnSpec>>;

const x: Features = { x: { shape: [], dtype: "float32" } };
const image: Features = { x: { shape: [2, 3, 1], dtype: "float32" } };
const place = { file: "pipeline.yaml", line: 7, column: 9 };

/** A transform of a pipeline. */
function planned(transform: Transform, on: "training" | "all" = "all"): PlannedTransform {
  return { stage: { kind: "transform", name: "tried", place }, transform, on };
}

/** A chain of built-in transforms, each with its options and perhaps `on`. */
function chain(
  first: Features,
  ...entries: [stage: TransformStage, options: unknown, on?: "training" | "all"][]
): TransformChain {
  let features = first;
  return new TransformChain(entries.map(([stage, options, on = stage.on]) => {
    const transform = stage.create(stage.options.parse(options), { features });
    features = transform.features;
    return { stage: { kind: "transform", name: stage.name, place }, transform, on };
  }));
}

/** Rows of the feature `x`, a number each by default. */
function rows(values: Batch["label"]["values"], shape: readonly number[] = []): Batch {
  const size = values.length / shape.reduce((product, length) => product * length, 1);
  return {
    size,
    features: { x: { values, shape } },
    label: { values: new Int32Array(size), shape: [] },
  };
}

const at = (position: Partial<BatchPosition> = {}): BatchPosition => ({
  seed: 1,
  epoch: 1,
  batch: 0,
  training: true,
  ...position,
});

/** A transform as its options, and what it computes in float64. */
interface Computed {
  readonly entry: [stage: TransformStage, options: unknown];
  readonly of: (value: number) => number;
}

const large = fc.double({ min: -1e9, max: 1e9, noNaN: true });

const computed: fc.Arbitrary<Computed> = fc.oneof(
  fc.record({ by: fc.double({ min: 0.1, max: 10, noNaN: true }), offset: large }).map((
    options,
  ) => ({
    entry: [scale, options] as Computed["entry"],
    of: (value: number) => value * options.by + options.offset,
  })),
  fc.record({ mean: large, std: fc.double({ min: 0.1, max: 10, noNaN: true }) }).map((options) => ({
    entry: [normalize, options] as Computed["entry"],
    of: (value: number) => (value - options.mean) * (1 / options.std),
  })),
  fc.constant({
    entry: [cast, { dtype: "float32", feature: "x" }] as Computed["entry"],
    of: (value: number) => value,
  }),
);

Deno.test("apply() computes in float64 and rounds once, after the last transform", () => {
  fc.assert(
    fc.property(
      fc.array(computed, { minLength: 1, maxLength: 4 }),
      fc.array(fc.double({ min: 1.7e9, max: 1.7e9 + 1000, noNaN: true }), { minLength: 1 }),
      fc.boolean(),
      (transforms, values, goesOn) => {
        const chained = chain(x, ...transforms.map(({ entry }) => entry));
        const { features } = new TransformChain(chained.planned, undefined, { goesOn })
          .apply(rows(Float64Array.from(values)), at());
        const exact = values.map((value) => transforms.reduce((now, { of }) => of(now), value));
        assertEquals([...features.x!.values], goesOn ? exact : exact.map(Math.fround));
      },
    ),
    { numRuns: 200 },
  );
});

const split = (values: ArrayLike<number>): Promise<StoredSplit> =>
  open(
    memorySource(
      tableFromArrays({ x: Float32Array.from(values), y: new Int32Array(values.length) }),
    ),
    { features: { x: {} }, label: { column: "y", classes: 2 } },
  );

Deno.test("TransformChain applies transforms in order", () => {
  const both = chain(x, [scale, { by: 2 }], [scale, { by: 1, offset: 10 }]);
  assertEquals(
    both.apply(rows(Uint8Array.of(1, 2)), at()).features.x!.values,
    Float32Array.of(12, 14),
  );
  const turned = chain(x, [scale, { by: 1, offset: 10 }], [scale, { by: 2 }]);
  assertEquals(turned.apply(rows(Uint8Array.of(1)), at()).features.x!.values, Float32Array.of(22));
});

Deno.test("TransformChain has the features that its last transform returns", () => {
  const ids: Features = { x: { shape: [], dtype: "int32" } };
  assertEquals(chain(ids, [oneHot, { count: 3 }], [rename, { names: { x: "z" } }]).features, {
    z: {
      shape: [3],
      dtype: "float32",
      places: [{ size: 3, ids: { kind: "count", name: "x", count: 3 } }],
    },
  });
  assertEquals(new TransformChain([]).features, undefined);
});

Deno.test("TransformChain without transforms returns rows unchanged", () => {
  const batch = rows(Float32Array.of(1, 2));
  assert(new TransformChain([]).apply(batch, at()) === batch);
});

Deno.test("TransformChain applies augmentation only to training batches", () => {
  const batch = rows(Uint8Array.of(1, 2, 3, 4, 5, 6), [2, 3, 1]);
  const mirrored = Uint8Array.of(3, 2, 1, 6, 5, 4);
  const augmenting = chain(image, [horizontalFlip, { probability: 1 }]);
  assertEquals(augmenting.apply(batch, at()).features.x!.values, mirrored);
  const untouched = augmenting.apply(batch, at({ training: false }));
  assertEquals(untouched.features.x!.values, batch.features.x!.values);
  const always = chain(image, [horizontalFlip, { probability: 1 }, "all"]);
  for (const training of [true, false]) {
    assertEquals(always.apply(batch, at({ training })).features.x!.values, mirrored);
  }
});

Deno.test("TransformChain draws different random numbers for each seed, epoch, batch and position in the chain", () => {
  const rowCount = 50;
  const batch = rows(new Uint8Array(6 * rowCount).map((_, index) => index % 6), [2, 3, 1]);
  const cropped = (position: Partial<BatchPosition>, place = 0) => {
    const before = Array.from(
      { length: place },
      () => [rename, { names: {} }] as [TransformStage, unknown],
    );
    const { x } =
      chain(image, ...before, [randomCrop, { pad: 1 }]).apply(batch, at(position)).features;
    return x!.values.join(" ");
  };
  const all = [
    cropped({}),
    cropped({ seed: 2 }),
    cropped({ epoch: 2 }),
    cropped({ batch: 1 }),
    // Epoch 1 with batch 11 and epoch 11 with batch 1 are not the same.
    cropped({ epoch: 1, batch: 11 }),
    cropped({ epoch: 11, batch: 1 }),
    cropped({}, 1),
    cropped({}, 2),
  ];
  assertEquals(new Set(all).size, all.length);
  assertEquals(cropped({}), all[0]);
  assertEquals(cropped({ epoch: 11, batch: 1 }), all[5]);
  assertEquals(cropped({}, 2), all[7]);
});

Deno.test("TransformChain draws the same random numbers for a batch regardless of earlier batches", () => {
  const batch = rows(new Uint8Array(60).map((_, index) => index % 6), [2, 3, 1]);
  const one = chain(image, [randomCrop, { pad: 1 }], [horizontalFlip, {}]);
  for (let index = 0; index < 5; index++) one.apply(batch, at({ batch: index }));
  const other = chain(image, [randomCrop, { pad: 1 }], [horizontalFlip, {}]);
  assertEquals(one.apply(batch, at({ batch: 5 })), other.apply(batch, at({ batch: 5 })));
});

Deno.test("TransformChain measures on all training rows after earlier transforms", async () => {
  // 0 to 2999 doubled: a mean of 2999, and 4 · (3000² − 1) / 12 as variance.
  const train = await split(Array.from({ length: 3000 }, (_, row) => row));
  const transforms = chain(x, [scale, { by: 2 }], [normalize, {}]);
  const [first, second] = (await transforms.measure(train)).transforms as [
    null,
    Record<string, Record<string, number[]>>,
  ];
  assertEquals(first, null);
  assertEquals(second.x!.mean!.map((mean) => Number(mean.toFixed(9))), [2999]);
  const deviation = Math.sqrt((3000 ** 2 - 1) / 3);
  assertEquals(second.x!.std![0]!.toFixed(6), deviation.toFixed(6));
  const { values } = transforms.apply(rows(Float32Array.of(1499.5, 0)), at()).features.x!;
  assertEquals([values[0], values[1]!.toFixed(4)], [0, (-2999 / deviation).toFixed(4)]);
});

Deno.test("TransformChain measures rows without augmentation, unless it applies to all rows", async () => {
  const shift = planned({
    features: x,
    apply: (batch) => {
      const values = Float32Array.from(batch.features.x!.values, (value) => value + 100);
      return { ...batch, features: { x: { values, shape: [] } } };
    },
  });
  const train = await split([1, 3]);
  for (const [on, mean] of [["training", 2], ["all", 102]] as const) {
    const measuring = planned(normalize.create(normalize.options.parse({}), { features: x }));
    const transforms = new TransformChain([{ ...shift, on }, measuring]);
    assertEquals(await transforms.measure(train), {
      nulls: {},
      transforms: [null, { x: { mean: [mean], std: [1] } }],
    });
  }
});

Deno.test("TransformChain restores the statistics of an earlier run", async () => {
  const entries = [[scale, { by: 2 }], [normalize, {}]] as [TransformStage, unknown][];
  const earlier = chain(x, ...entries), later = chain(x, ...entries);
  const measured = await earlier.measure(await split([1, 2, 6]));
  later.restore(JSON.parse(JSON.stringify(measured)));
  const batch = rows(Float32Array.of(3, 4));
  assertEquals(later.apply(batch, at()), earlier.apply(batch, at()));
});

Deno.test("TransformChain refuses augmentation that changes shapes, before anything is measured", async () => {
  const train = await split([1, 2]);
  const widening: Transform = {
    features: { x: { shape: [2], dtype: "float32" } },
    apply: (batch) => batch,
  };
  const error = await assertRejects(
    () => new TransformChain([planned(widening, "training")]).measure(train),
    StageError,
    "is applied to training rows only but changes the features from x float32 [] to x float32 [2]",
  );
  assertEquals(error.problems[0]!.place, place);
  const cropping = chain(image, [randomCrop, { to: [1, 1] }]);
  const images: Split = Object.create(train, { features: { value: image } });
  await assertRejects(
    () => cropping.measure(images),
    StageError,
    "from x float32 [2, 3, 1] to x float32 [1, 1, 1]",
  );
});

Deno.test("TransformChain refuses measured values that JSON cannot represent", async () => {
  const train = await split([1, 2]);
  const lost = [
    NaN,
    { least: [Infinity] },
    Float32Array.of(1),
    undefined,
    new Map([["a", 1]]),
    () => 1,
  ];
  const loop: unknown[] = [];
  loop.push(loop);
  for (const measured of [...lost, { mean: undefined }, [new Set([1])], loop]) {
    const transform = planned({
      features: x,
      apply: (batch) => batch,
      measure: () => Promise.resolve(measured),
      restore() {},
    });
    const error = await assertRejects(
      () => new TransformChain([transform]).measure(train),
      StageError,
      "which cannot be stored as JSON",
      Deno.inspect(measured),
    );
    assertEquals(
      error.problems[0]!.hint,
      "measure() returns plain numbers, strings, arrays and objects",
    );
  }
});

/** Expects a transform to be blamed for what it returns. */
function assertBlamed(
  apply: (batch: Batch, context: ApplyContext) => unknown,
  message: string,
  features: Features = x,
): void {
  const transform = planned({ features, apply } as Transform);
  const error = assertThrows(
    () => new TransformChain([transform]).apply(rows(Float32Array.of(1, 2, 3)), at()),
    StageError,
    message,
  );
  assertStringIncludes(error.message, 'the transform stage "tried" ');
  assertEquals(error.problems[0]!.place, place);
  assert(error.problems[0]!.hint);
}

Deno.test("TransformChain names the transform that returns no batch, another number of rows, or no label", () => {
  assertBlamed(() => undefined, "returned nothing from apply()");
  assertBlamed(() => null, "returned null from apply()");
  assertBlamed((batch) => ({ ...batch, features: undefined }), "from apply()");
  assertBlamed((batch) => ({ ...batch, features: null }), "from apply()");
  assertBlamed((batch) => ({ ...batch, size: 2 }), "returned 2 rows for a batch of 3 rows");
  assertBlamed(({ label: _, ...batch }) => batch, "returned a batch without the label");
  assertBlamed(
    (batch) => ({ ...batch, label: { values: Int32Array.of(1), shape: [] } }),
    "returned a batch without the label",
  );
});

Deno.test("TransformChain names the transform whose features differ from its declaration", () => {
  const with_ = (values: unknown, shape: number[] = []) => (batch: Batch) => ({
    ...batch,
    features: { x: { values, shape } },
  });
  assertBlamed((batch) => ({ ...batch, features: {} }), "returned no feature x");
  assertBlamed(with_([1, 2, 3]), "returned no feature x");
  assertBlamed(with_(Float32Array.of(1, 2)), "returned 2 values of the shape [] as x for 3 rows");
  assertBlamed(with_(Float32Array.of(1, 2, 3), [1]), "returned 3 values of the shape [1] as x");
  assertBlamed(with_(Int32Array.of(1, 2, 3)), "returned the feature x in a Int32Array");
  assertBlamed((batch) => batch, "returned the feature x in a Float32Array", {
    x: { shape: [], dtype: "int32" },
  });
});

Deno.test("TransformChain names the transform that returns a number that is not finite, and the row", () => {
  const shift = planned(scale.create({ by: 1, offset: -2 }, { features: x }));
  const divide = planned({
    features: x,
    apply: (batch) => {
      const values = Float32Array.from(batch.features.x!.values, (value) => 1 / value);
      return { ...batch, features: { x: { values, shape: [] } } };
    },
  });
  const transforms = new TransformChain([
    { ...shift, stage: { ...shift.stage, name: "shift" } },
    { ...divide, stage: { ...divide.stage, name: "divide" } },
    { ...shift, stage: { ...shift.stage, name: "last" } },
  ]);
  const error = assertThrows(
    () => transforms.apply(rows(Float32Array.of(1, 2, 3)), at()),
    StageError,
    'the transform stage "divide" returned Infinity in the feature x for row 1 of a batch',
  );
  assertEquals(
    error.problems[0]!.hint,
    "a transform must return finite numbers: check it for divisions by 0",
  );
});

Deno.test("TransformChain names the transform that throws; a UserError gets the stage's place", () => {
  assertBlamed(() => {
    throw new TypeError("no idea");
  }, "failed in apply(): TypeError: no idea");
  const refusing = planned({
    features: x,
    apply() {
      throw new UserError("the id 7 is out of range", { hint: "write count" });
    },
  });
  const error = assertThrows(
    () => new TransformChain([refusing]).apply(rows(Float32Array.of(1)), at()),
    UserError,
    "the id 7 is out of range",
  );
  assertEquals(error.problems, [{
    message: "the id 7 is out of range",
    place,
    hint: "write count",
  }]);
});
