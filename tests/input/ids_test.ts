import { assert, assertEquals, assertRejects } from "@std/assert";
import { Int32, List, Table, Utf8, vectorFromArray } from "apache-arrow";
import { Bool, Field, Int64 } from "apache-arrow";
import fc from "fast-check";
import { UserError } from "../../src/base/errors.ts";
import { hashedId } from "../../src/input/ids.ts";
import { untrainedUnknowns } from "../../src/input/unknown_ids.ts";
import { memorySource, open, valuesOf } from "../support/arrow.ts";

const strings = new List(new Field("item", new Utf8(), true));
const whole = new List(new Field("item", new Int32(), true));

/** Rows of clicks: an item, what was clicked before it, and what else the tests read. */
function clicks(
  rows: readonly (readonly [item: string, number: number, history: (string | null)[] | null])[],
) {
  return memorySource(
    new Table({
      item: vectorFromArray(rows.map(([item]) => item)),
      word: vectorFromArray(rows.map(([item]) => item), new Utf8()),
      number: vectorFromArray(rows.map(([, number]) => number), new Int32()),
      history: vectorFromArray(rows.map(([, , history]) => history), strings),
      numbers: vectorFromArray(rows.map(([, number]) => [number, number + 1]), whole),
      half: vectorFromArray(rows.map(() => 0.5)),
      clicked: vectorFromArray(rows.map((_, row) => row % 2), new Int32()),
    }),
  );
}

const train = () => clicks([["b", 7, ["a", "z"]], ["a", 5, []], ["c", 7, ["c", "b", "a"]]]);
const other = () => clicks([["c", 6, ["z"]], ["q", 5, ["a"]]]);
const label = "clicked";

Deno.test("ids: train gives ids to the sorted values of the training rows, and one more for all others", async () => {
  const features = { item: { ids: "train" }, word: { ids: "train" }, number: { ids: "train" } };
  const first = await open(train(), { features, label });
  assertEquals(first.features.item, {
    shape: [],
    dtype: "int32",
    vocabulary: ["a", "b", "c"],
    ids: { kind: "vocabulary", count: 4, name: "item", padded: false },
  });
  assertEquals(valuesOf(first, "item"), [1, 0, 2]);
  assertEquals(valuesOf(first, "word"), [1, 0, 2]);
  assertEquals([first.features.number!.vocabulary, valuesOf(first, "number")], [["5", "7"], [
    1,
    0,
    1,
  ]]);
  const second = await open(other(), { features, label }, first);
  assertEquals(second.features, first.features);
  assertEquals(valuesOf(second, "item"), [2, 3]);
  assertEquals(valuesOf(second, "number"), [2, 0]);
});

/**
 * Rows as they are drawn: an item, a number beyond 2^53, a list, and a column whose nulls drop
 * rows.
 */
interface DrawnRow {
  readonly item: string | null;
  readonly large: bigint;
  readonly tags: readonly (string | null)[] | null;
  readonly truth: boolean;
  readonly age: number | null;
}

const word = fc.constantFrom("a", "b", "c", "d", "é", "10", "9");

const drawnRow: fc.Arbitrary<DrawnRow> = fc.record({
  item: fc.option(word, { freq: 6 }),
  large: fc.bigInt({ min: 2n ** 60n, max: 2n ** 60n + 4n }),
  tags: fc.option(fc.array(fc.option(word, { freq: 6 }), { maxLength: 5 }), { freq: 6 }),
  truth: fc.boolean(),
  age: fc.option(fc.constant(1), { freq: 4 }),
});

const sourceOf = (rows: readonly DrawnRow[]) =>
  memorySource(
    new Table({
      item: vectorFromArray(rows.map(({ item }) => item), new Utf8()),
      large: vectorFromArray(rows.map(({ large }) => large), new Int64()),
      tags: vectorFromArray(rows.map(({ tags }) => tags), strings),
      truth: vectorFromArray(rows.map(({ truth }) => truth), new Bool()),
      age: vectorFromArray(rows.map(({ age }) => age), new Int32()),
      clicked: vectorFromArray(rows.map((_, row) => row % 2), new Int32()),
    }),
  );

/** What a row's values of each feature are once nulls were filled and lists cut. */
const readings: Readonly<Record<string, (row: DrawnRow) => readonly (string | undefined)[]>> = {
  item: ({ item }) => [item ?? "none"],
  large: ({ large }) => [String(large)],
  tags: ({ tags }) => {
    const kept = (tags ?? []).map((tag) => tag ?? "none").slice(-3);
    return [...kept, ...Array(3 - kept.length).fill(undefined)];
  },
  truth: ({ truth }) => [String(truth)],
};

Deno.test("minCount gives less frequent values the unknown id; each occurrence in a list counts", async () => {
  const property = fc.asyncProperty(
    fc.array(drawnRow, { minLength: 4, maxLength: 40 }),
    fc.array(drawnRow, { minLength: 1, maxLength: 10 }),
    fc.integer({ min: 1, max: 4 }),
    async (rows, later, minCount) => {
      const ids = { train: true, minCount }, nulls = { fill: "none" };
      const features = {
        item: { ids, nulls },
        large: { ids },
        tags: { ids, nulls, length: 3, keep: "last" },
        truth: { ids },
        age: { nulls: "drop" },
      };
      const stay = (all: readonly DrawnRow[]) => all.filter(({ age }) => age !== null);
      const known = Object.fromEntries(
        Object.entries(readings).map(([name, valuesOf]) => {
          const all = stay(rows).flatMap(valuesOf).filter((value) => value !== undefined);
          const often = (value: string) => all.filter((other) => other === value).length;
          const distinct = [...new Set(all)];
          return [name, {
            all,
            vocabulary: distinct.filter((value) => often(value) >= minCount).sort(),
            once: distinct.filter((value) => often(value) === 1 && minCount === 1).length,
          }];
        }),
      );
      if (stay(rows).length === 0 || stay(later).length === 0) return;
      const empty = Object.values(known).some(({ all, vocabulary }) =>
        all.length > 0 && vocabulary.length === 0
      );
      if (empty) {
        const error = await assertRejects(
          () => open(sourceOf(rows), { features, label }),
          UserError,
        );
        assert(error.message.includes(`occurs at least ${minCount} times in the training rows`));
        return;
      }
      const first = await open(sourceOf(rows), { features, label });
      const second = await open(sourceOf(later), { features, label }, first);
      for (const [name, values] of Object.entries(readings)) {
        const { vocabulary, all, once } = known[name]!;
        assertEquals(first.features[name]!.vocabulary, vocabulary);
        assertEquals(first.features[name]!.ids!.count, vocabulary.length + 1);
        const idsOf = (all: readonly DrawnRow[]) =>
          stay(all).flatMap(values).map((value) => {
            const id = value === undefined ? undefined : vocabulary.indexOf(value);
            return id === undefined ? -1 : id < 0 ? vocabulary.length : id;
          });
        assertEquals(valuesOf(first, name), idsOf(rows));
        assertEquals(valuesOf(second, name), idsOf(later));
        const unknowns = (all: readonly DrawnRow[]) =>
          idsOf(all).filter((id) => id === vocabulary.length).length;
        assertEquals(first.idCounts[name], { values: all.length, unknown: unknowns(rows), once });
        assertEquals(second.idCounts[name], {
          values: idsOf(later).filter((id) => id >= 0).length,
          unknown: unknowns(later),
          once: undefined,
        });
      }
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

Deno.test("minCount of a feature also applies to features that use its ids, whose values do not count", async () => {
  const features = {
    history: { ids: { of: "number" }, column: "numbers", length: 2 },
    number: { ids: { train: true, minCount: 2 } },
  };
  const split = await open(train(), { features, label });
  // 7 occurs twice as a number; 5, 6 and 8 are the unknown id.
  assertEquals(split.features.number!.vocabulary, ["7"]);
  assertEquals(valuesOf(split, "number"), [0, 1, 0]);
  assertEquals(valuesOf(split, "history"), [0, 1, 1, 1, 0, 1]);
  assertEquals(split.features.history!.ids?.name, "number");
});

Deno.test("minCount that no value reaches is refused with the most frequent value", async () => {
  const features = { number: { ids: { train: true, minCount: 3 } } };
  const { problems: [problem] } = await assertRejects(
    () => open(train(), { features, label }),
    UserError,
  );
  assertEquals(
    problem!.message,
    'no value of the column number occurs at least 3 times in the training rows: the most frequent one, "7", occurs 2 times',
  );
  assertEquals(problem!.hint, "write `minCount: 2` or less");
});

Deno.test("untrainedUnknowns() returns the features whose unknown id occurs in no training row", async () => {
  const features = {
    item: { ids: "train" },
    history: { ids: { of: "word" }, length: 2 },
    word: { ids: "train" },
    number: { ids: { train: true, minCount: 2 } },
    numbers: { ids: "train", length: 2 },
    hashed: { ids: { hash: 3 }, column: "item" },
  };
  const first = await open(train(), { features, label });
  const second = await open(other(), { features, label }, first);
  // z in the history trains the unknown id of words; 5 occurs once.
  assertEquals(untrainedUnknowns({ train: first, test: second }), [
    { feature: "item", splits: [{ split: "test", unknown: 1, values: 2 }] },
    { feature: "numbers", splits: [{ split: "test", unknown: 0, values: 4 }] },
  ]);
});

Deno.test("ids: { train: true } is the same as ids: train", async () => {
  const [long, short] = [{ train: true }, "train"].map((ids) =>
    open(train(), { features: { item: { ids } }, label })
  );
  assertEquals((await long!).features, (await short!).features);
});

Deno.test("ids from a list of values are the positions in the list, also for numbers", async () => {
  const features = { item: { ids: ["c", "a"] }, number: { ids: [7, 6] } };
  const split = await open(train(), { features, label });
  assertEquals(valuesOf(split, "item"), [2, 1, 0]);
  assertEquals(valuesOf(split, "number"), [0, 2, 0]);
  assertEquals(split.features.number!.ids?.count, 3);
});

Deno.test("lists of ids are padded with −1, and the first or last values of longer ones are kept", async () => {
  const history = { ids: { of: "item" }, length: 2 };
  const features = {
    history,
    item: { ids: "train" },
    last: { ...history, column: "history", keep: "last" },
  };
  const split = await open(train(), { features, label });
  assertEquals(Object.keys(split.features), ["history", "item", "last"]);
  // z is no item of the training rows.
  assertEquals(valuesOf(split, "history"), [0, 3, -1, -1, 2, 1]);
  assertEquals(valuesOf(split, "last"), [0, 3, -1, -1, 1, 0]);
  const { shape, ids } = split.features.history!;
  assertEquals([shape, ids], [[2], { kind: "vocabulary", count: 4, name: "item", padded: true }]);
  const second = await open(other(), { features, label }, split);
  assertEquals(valuesOf(second, "history"), [3, -1, 0, -1]);
});

Deno.test("a null list becomes empty if nulls are filled, and a null in a list is filled", async () => {
  const rows = clicks([["a", 1, null], ["b", 2, ["a", null]]]);
  const features = {
    history: { ids: "train", length: 3, nulls: { fill: "none" } },
  };
  const split = await open(rows, { features, label });
  assertEquals(split.features.history!.vocabulary, ["a", "none"]);
  assertEquals(valuesOf(split, "history"), [-1, -1, -1, 0, 1, -1]);
});

Deno.test("hashed ids depend only on the text of a value, not on its type or its list", async () => {
  const features = {
    number: { ids: { hash: 1000 } },
    numbers: { ids: { hash: 1000 }, length: 2 },
    item: { ids: { hash: 1000 } },
  };
  const split = await open(train(), { features, label });
  assertEquals(valuesOf(split, "number"), [7, 5, 7].map((value) => hashedId(`${value}`, 1000)));
  assertEquals(valuesOf(split, "numbers").slice(0, 2), [hashedId(7, 1000), hashedId(8, 1000)]);
  assertEquals(valuesOf(split, "item"), ["b", "a", "c"].map((value) => hashedId(value, 1000)));
  assertEquals(split.features.item!.ids?.count, 1000);
});

Deno.test("hashedId() is FNV-1a of UTF-8 with MurmurHash3's finalizer, and fills its buckets evenly", () => {
  // By tests/reference/values.py: bits(text, 1)[0] is the same hash.
  assertEquals(["", "a", "user 7", "Zürich"].map((text) => hashedId(text, 2 ** 32)), HASHES);
  const counts = new Uint32Array(16);
  for (let value = 0; value < 16_000; value++) counts[hashedId(value, 16)]!++;
  assert(counts.every((count) => count > 850 && count < 1150), `${counts}`);
});

/** As Python computes them. */
const HASHES = [2_872_998_923, 444_641_715, 205_894_786, 2_908_468_631];

Deno.test("ids: { count } uses numbers as ids, and refuses one out of range with its row", async () => {
  const split = await open(train(), { features: { number: { ids: { count: 8 } } }, label });
  assertEquals(valuesOf(split, "number"), [7, 5, 7]);
  const error = await assertRejects(
    () => open(train(), { features: { number: { ids: { count: 6 } } }, label }),
    UserError,
  );
  assertEquals(
    error.message,
    "row 0, column number: has 7; expected an id from 0 to 5 (rows count from 0)",
  );
});

Deno.test("columns that cannot become ids are refused with the place of the option", async () => {
  const cases: [Record<string, unknown>, string, string][] = [
    [
      { half: { ids: "train" } },
      "the column half has the type Float64, whose values cannot become ids",
      "half.ids",
    ],
    [
      { history: { length: 3 } },
      "the column history has `length` but no `ids`: only lists of ids can have a length",
      "history.length",
    ],
    [
      { item: { ids: "train", length: 3 } },
      "the column item has the type Dictionary<Int32, Utf8>, for which `length` cannot be used",
      "item.length",
    ],
    [
      { history: { ids: { of: "itm" } }, item: { ids: "train" } },
      'there is no feature "itm"',
      "history.ids",
    ],
    [
      { history: { ids: { of: "item" } }, item: {} },
      "the feature history uses the ids of the feature item, which does not define ids itself",
      "history.ids",
    ],
  ];
  for (const [features, message, path] of cases) {
    const error = await assertRejects(() => open(train(), { features, label }), UserError);
    const [{ message: found, place }] = error.problems as [typeof error.problems[0]];
    assertEquals(found, message);
    assertEquals(place, { file: "pipeline.yaml", path: `data.features.${path}` } as never);
  }
});

Deno.test("weights and columns of metrics are part of batches but not features", async () => {
  const split = await open(train(), {
    features: { number: {} },
    label,
    weight: "half",
    columns: ["item", "number"],
  });
  const batch = split.gather([2, 0]);
  assertEquals(Object.keys(batch.features), ["number"]);
  assertEquals([...batch.weight!.values], [0.5, 0.5]);
  // Strings are numbers here, equal for equal ones.
  assertEquals([...batch.columns!.item!.values], [2, 1]);
  assertEquals([...batch.columns!.number!.values], [7, 7]);
});

Deno.test("a weight that is negative or not a number is refused with its row", async () => {
  const table = new Table({
    x: vectorFromArray([1, 2]),
    clicked: vectorFromArray([0, 1], new Int32()),
    weight: vectorFromArray([1, -2]),
    word: vectorFromArray(["a", "b"]),
  });
  const of = (weight: string) => open(memorySource(table), { features: { x: {} }, label, weight });
  const error = await assertRejects(() => of("weight"), UserError);
  assertEquals(
    error.message,
    "row 1, column weight: the weight is -2; expected 0 or more (rows count from 0)",
  );
  const strings = await assertRejects(() => of("word"), UserError);
  assertEquals(strings.message, "the column word holds strings, which cannot be weights");
});
