import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { tableFromArrays } from "apache-arrow";
import { UserError } from "../../src/base/errors.ts";
import type { StoredSplit } from "../../src/input/split.ts";
import { arrowSource, memorySource, open } from "../support/arrow.ts";

/** A split whose only column is the label `y`. */
function labelled(
  y: unknown,
  options: Record<string, unknown> = {},
  like?: StoredSplit,
): Promise<StoredSplit> {
  const table = tableFromArrays({ y: y as unknown[] });
  return open(memorySource(table), { label: { column: "y", ...options } }, like);
}

const labels = (split: StoredSplit) => Array.from(split.slice(0, split.rows).label.values);

Deno.test("openSplit() uses whole numbers as classes, in order", async () => {
  for (const y of [Uint8Array.of(2, 0, 1), Int32Array.of(2, 0, 1), BigInt64Array.of(2n, 0n, 1n)]) {
    const split = await labelled(y);
    assertEquals(split.label, { shape: [], dtype: "int32", kind: "class", classes: 3 });
    assert(split.slice(0, 3).label.values instanceof Int32Array);
    assertEquals(labels(split), [2, 0, 1]);
  }
  const large = 2n ** 60n;
  const cases: [unknown, string[], number[]][] = [
    [Int32Array.of(3, 1, 2), ["1", "2", "3"], [2, 0, 1]],
    [Uint8Array.of(0, 7, 3, 7), ["0", "3", "7"], [0, 2, 1, 2]],
    [BigInt64Array.of(large + 1n, large, 5n), ["5", `${large}`, `${large + 1n}`], [2, 1, 0]],
  ];
  for (const [y, vocabulary, classes] of cases) {
    const split = await labelled(y);
    assertEquals([split.label.vocabulary, split.label.classes], [vocabulary, vocabulary.length]);
    assertEquals(labels(split), classes);
    assertEquals(labels(await labelled(y, {}, split)), classes);
  }
});

Deno.test("openSplit() numbers classes by the order of a list of values", async () => {
  const cases: [unknown, Record<string, unknown>, number[]][] = [
    [Int32Array.of(-1, 1, -1), { kind: "binary", classes: [-1, 1] }, [0, 1, 0]],
    [Int32Array.of(-1, 1, -1), { kind: "binary", classes: [1, -1] }, [1, 0, 1]],
    [Float64Array.of(-1, 1), { kind: "binary", classes: [-1, 1] }, [0, 1]],
    [Float32Array.of(1, 3, 2), { kind: "class", classes: [1, 2, 3] }, [0, 2, 1]],
    [Float32Array.of(0.5, 1.5), { kind: "class", classes: [0.5, 1.5] }, [0, 1]],
    [BigInt64Array.of(1n, 3n, 2n), { classes: [1, 2, 3] }, [0, 2, 1]],
    [[true, false], { kind: "binary", classes: [true, false] }, [0, 1]],
    [["1", "2", "10"], { classes: [1, 2, 10] }, [0, 1, 2]],
    [["no", "yes"], { kind: "binary", classes: ["yes", "no"] }, [1, 0]],
  ];
  for (const [y, options, expected] of cases) {
    const train = await labelled(y, options);
    assertEquals(labels(train), expected, JSON.stringify(options));
    assertEquals(train.label.vocabulary, (options.classes as unknown[]).map(String));
    assertEquals(labels(await labelled(y, options, train)), expected);
  }
});

Deno.test("openSplit() suggests lists of classes that it accepts", async () => {
  const cases: [unknown, Record<string, unknown>, string][] = [
    [Int32Array.of(-1, 1), { kind: "binary" }, "kind: binary, classes: [-1, 1]"],
    [Uint8Array.of(1, 2, 2), { kind: "binary" }, "kind: binary, classes: [1, 2]"],
    [Float32Array.of(-1, 1), { kind: "binary" }, "kind: binary, classes: [-1, 1]"],
    [Int32Array.of(0, -1, 1), {}, "classes: [-1, 0, 1]"],
    [Uint8Array.of(1, 3, 2), { classes: 3 }, "classes: [1, 2, 3]"],
    [Uint8Array.of(4, 4), {}, "classes: [4, 5]"],
  ];
  for (const [y, options, hinted] of cases) {
    const error = await assertRejects(() => labelled(y, options), UserError);
    assertStringIncludes(error.problems[0]!.hint!, `label: { column: y, ${hinted} }`);
    const classes = JSON.parse(/classes: (\[.*?\])/.exec(hinted)![1]!);
    const split = await labelled(y, { ...options, classes });
    assertEquals(split.label.vocabulary, classes.map(String));
  }
});

Deno.test("openSplit() uses booleans as two classes", async () => {
  const split = await labelled([true, true]);
  assertEquals([split.label.kind, split.label.classes, labels(split)], ["class", 2, [1, 1]]);
});

Deno.test("openSplit() uses strings as classes, sorted or in a given order", async () => {
  const split = await labelled(["dog", "cat", "dog"]);
  assertEquals(split.label, {
    shape: [],
    dtype: "int32",
    kind: "class",
    classes: 2,
    vocabulary: ["cat", "dog"],
  });
  assertEquals(labels(split), [1, 0, 1]);
  const given = await labelled(["dog", "cat"], { classes: ["dog", "cat", "eel"] });
  assertEquals([given.label.classes, labels(given)], [3, [0, 1]]);
  await assertRejects(
    () => labelled(["dog", "fox"], { classes: ["dog", "cat"] }),
    UserError,
    'row 1, column y: the label "fox" is not a class; expected one of dog, cat',
  );
});

Deno.test("openSplit() accepts names for classes that are numbers", async () => {
  const split = await labelled(Uint8Array.of(1, 0), { classes: ["cat", "dog", "eel"] });
  assertEquals([split.label.classes, split.label.vocabulary], [3, ["cat", "dog", "eel"]]);
});

Deno.test("openSplit() uses floats as numbers to predict", async () => {
  const split = await labelled(Float64Array.of(0.5, -2));
  assertEquals(split.label, { shape: [], dtype: "float32", kind: "number", classes: 0 });
  assert(split.slice(0, 1).label.values instanceof Float32Array);
  assertEquals(labels(split), [0.5, -2]);
  assertEquals(labels(await labelled(Uint8Array.of(7), { kind: "number" })), [7]);
});

Deno.test("openSplit() uses floats as classes if the pipeline says so and they are whole", async () => {
  assertEquals(labels(await labelled(Float64Array.of(1, 0), { kind: "class" })), [1, 0]);
  await assertRejects(
    () => labelled(Float64Array.of(0.5), { kind: "class" }),
    UserError,
    "row 0, column y: the label 0.5 is not a class; expected whole numbers from 0",
  );
});

Deno.test("openSplit() converts binary labels of any type to floats", async () => {
  const columns = [Uint8Array.of(1, 0), Float32Array.of(1, 0), [true, false], ["yes", "no"]];
  for (const y of columns) {
    const split = await labelled(y, { kind: "binary" });
    assertEquals([split.label.kind, split.label.classes, split.label.dtype], [
      "binary",
      2,
      "float32",
    ]);
    assertEquals(labels(split), [1, 0]);
    assert(split.slice(0, 1).label.values instanceof Float32Array);
  }
});

Deno.test("openSplit() refuses labels out of range, naming the row", async () => {
  const cases: [unknown, Record<string, unknown>, string][] = [
    [
      Int32Array.of(0, 1, -1),
      {},
      "row 2, column y: the label -1 is not a class; expected whole numbers from 0 ",
    ],
    [
      Uint8Array.of(0, 12),
      { classes: 10 },
      "row 1, column y: the label 12 is not a class; expected 0 to 9 ",
    ],
    [
      Uint8Array.of(0, 2),
      { kind: "binary" },
      "row 1, column y: the label 2 is not a class; expected 0 or 1 ",
    ],
    [
      Uint8Array.of(5),
      { classes: ["a", "b"] },
      "row 0, column y: the label 5 is not a class; expected 0 or 1 ",
    ],
  ];
  for (const [y, options, message] of cases) {
    const error = await assertRejects(() => labelled(y, options), UserError, message);
    assertEquals([error.exitCode, error.problems[0]!.place?.path], [1, "data.label"]);
  }
});

Deno.test("openSplit() checks other splits against the classes of the training split", async () => {
  const train = await labelled(Uint8Array.of(0, 1, 2));
  assertEquals((await labelled(Uint8Array.of(0, 0), {}, train)).label.classes, 3);
  await assertRejects(
    () => labelled(Uint8Array.of(0, 3), {}, train),
    UserError,
    "row 1, column y: the label 3 is not a class; expected 0 to 2, as in the training split",
  );
  const binary = await labelled(["yes", "no"], { kind: "binary" });
  assertEquals(labels(await labelled(["yes"], { kind: "binary" }, binary)), [1]);
  const named = await labelled(Uint8Array.of(0, 1), { classes: ["a", "b"] });
  const other = await labelled(Uint8Array.of(1), { classes: ["a", "b"] }, named);
  assertEquals(other.label.vocabulary, ["a", "b"]);
  const numbers = await labelled(Float32Array.of(0.5));
  assertEquals(labels(await labelled(Float32Array.of(2.5), {}, numbers)), [2.5]);
});

Deno.test("openSplit() refuses labels that are not compatible with their options", async () => {
  const cases: [unknown, Record<string, unknown>, string][] = [
    [["a", "b"], { kind: "number" }, "has strings, but kind: number needs numbers"],
    [Float32Array.of(1), { classes: 3 }, "has kind number, which cannot have `classes`"],
    [
      Uint8Array.of(0, 1),
      { kind: "binary", classes: 3 },
      "is binary, which means 2 classes, but `classes` has 3",
    ],
    [["a", "b", "c"], { kind: "binary" }, "has 3 different values (a, b, c); expected 2 classes"],
    [["a", "b", "c"], { classes: 2 }, "has 3 different values (a, b, c); expected 2 classes"],
    [Uint8Array.of(0, 0), {}, "has fewer than two classes"],
    [["a"], {}, "has fewer than two classes"],
    [
      Int32Array.from({ length: 70_000 }, (_, y) => y),
      {},
      "has more than 65536 different values, too many",
    ],
  ];
  for (const [y, options, message] of cases) {
    const error = await assertRejects(() => labelled(y, options), UserError, message);
    assertEquals(error.exitCode, 2);
  }
  const error = await assertRejects(
    () => open(arrowSource("types.arrow"), { label: "list" }),
    UserError,
  );
  assertStringIncludes(error.message, "the column list has the type List<");
});

Deno.test("openSplit() fills and drops nulls of the label", async () => {
  const file = arrowSource("nulls.arrow");
  const dropped = await open(file, { label: { column: "string", nulls: "drop" } });
  assertEquals([labels(dropped), dropped.label.vocabulary], [[1, 0, 1], ["a", "b"]]);
  const filled = await open(file, { label: { column: "int", nulls: { fill: 0 } } });
  assertEquals([labels(filled), filled.label.vocabulary], [[1, 0, 2, 3], ["0", "5", "7", "8"]]);
  const refused = await assertRejects(() => open(file, { label: "int" }), UserError);
  assertEquals(
    refused.message,
    "row 1 of nulls.arrow, column int: is null; 1 of 4 rows has a null (rows count from 0)",
  );
});
