import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { readMat } from "../../data/mat.ts";
import { UserError } from "../../src/base/errors.ts";

const file = join(import.meta.dirname!, "..", "reference", "svhn_32x32.mat");
const bytes = await Deno.readFile(file);
const size = 32 * 32 * 3 * 3;

Deno.test("readMat() reads files of SciPy, in which the first index changes fastest", async () => {
  const arrays = await readMat(bytes, "x", size + 1000);
  assertEquals([...arrays].map(([name, { shape }]) => [name, shape]), [
    ["X", [32, 32, 3, 3]],
    ["y", [3, 1]],
  ]);
  assertEquals([...arrays.get("y")!.values], [1, 10, 3]);
  const expected = Array.from({ length: size }, (_, index) => {
    const [row, column] = [index % 32, Math.floor(index / 32) % 32];
    const [channel, image] = [Math.floor(index / 1024) % 3, Math.floor(index / 3072)];
    return (7 * row + 13 * column + 71 * channel + 31 * image) % 256;
  });
  assertEquals([...arrays.get("X")!.values], expected);
});

/** An unpacked file of one variable by the format's description: doubles, named a. */
function doubles(change: (view: DataView) => void = () => {}): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(128 + 80), view = new DataView(result.buffer);
  result.set(new TextEncoder().encode("MATLAB 5.0"));
  result.set(new TextEncoder().encode("IM"), 126);
  // Tag of the matrix; flags; dimensions [1, 2]; the name, within its tag; values.
  const words = [14, 72, 6, 8, 6, 0, 5, 8, 1, 2, 1 | 1 << 16, 97, 9, 16];
  words.forEach((word, index) => view.setUint32(128 + 4 * index, word, true));
  view.setFloat64(184, 1.5, true);
  view.setFloat64(192, -2, true);
  change(view);
  return result;
}

Deno.test("readMat() reads doubles that are not compressed", async () => {
  const expected = { shape: [1, 2], values: Float64Array.of(1.5, -2) };
  assertEquals([...await readMat(doubles().subarray(0, 208), "x", 0)], [["a", expected]]);
});

/** The same variable again. */
function twice(): Uint8Array<ArrayBuffer> {
  const one = doubles(), result = new Uint8Array(one.length + 80);
  result.set(one);
  result.set(one.subarray(128, 208), 208);
  return result;
}

/** Lengths whose product is right. */
const negative = () =>
  doubles((view) => {
    view.setInt32(160, -1, true);
    view.setInt32(164, -2, true);
  });

Deno.test("readMat() rejects other files, other arrays, and incomplete files", async () => {
  const set = (at: number, value: number) => doubles((view) => view.setUint32(at, value, true));
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [new Uint8Array(), "x is not a little-endian MAT-file of version 5"],
    [new Uint8Array(500).fill(60), "x is not a little-endian MAT-file of version 5"],
    [bytes.subarray(0, 300), "x ends within a variable"],
    [bytes.subarray(0, 131), "x ends within a variable"],
    [doubles().subarray(0, 190), "x ends within a variable"],
    [set(128, 3), "x has a data element of type 3 where an array is expected"],
    [set(176, 7), "x: the variable a is not an array of bytes or doubles"],
    [set(160, 7), "x: the variable a has 2 values, but its shape [7,2] needs 14"],
    [set(160, 2 ** 32 - 1), "x: the variable a has 2 values, but its shape [-1,2] needs -2"],
    [twice(), "x has two variables with the name a"],
    [negative(), "x: the variable a has 2 values, but its shape [-1,-2] needs 2"],
    [set(180, 2 ** 32 - 1), "x ends within a variable"],
    [set(168, 9 << 16), "x ends within a variable"],
  ];
  for (const [bytes, message] of cases) {
    await assertRejects(() => readMat(bytes, "x", size + 1000), UserError, message);
  }
  const damaged = bytes.slice();
  damaged[200]! ^= 0xff;
  await assertRejects(() => readMat(damaged, "x", size + 1000), UserError);
});

Deno.test("readMat() stops unpacking at the maximum size of all variables", async () => {
  const some = await assertRejects(() => readMat(bytes, "x", size + 60), UserError);
  assertStringIncludes(some.message, "x unpacks to more than");
  const message = "x unpacks to more than 5000 bytes";
  await assertRejects(() => readMat(bytes, "x", 5000), UserError, message);
});
