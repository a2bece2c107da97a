import { assert, assertEquals } from "@std/assert";
import {
  type DataType,
  Dictionary,
  Field,
  Int32,
  LargeUtf8,
  makeVector,
  Utf8,
  Utf8View,
  vectorFromArray,
} from "apache-arrow";
import { createRandom } from "../../src/base/random.ts";
import { ColumnReader } from "../../src/input/columns.ts";
import { NumberMemo, TextMemo } from "../../src/input/memo.ts";

const encoder = new TextEncoder();

Deno.test("TextMemo and NumberMemo return the id of an equal value, or none", () => {
  const random = createRandom(4), texts = new TextMemo(), numbers = new NumberMemo();
  const ids = new Map<string, number>(), numberIds = new Map<number, number>();
  let remembered = 0;
  for (let count = 0; count < 30_000; count++) {
    const value = random.integer(-3000, 3000) * (count % 3 === 0 ? 2 ** 33 : 1);
    const text = count % 500 === 0 ? "x".repeat(300) + value : `ä${value}`;
    const id = ids.get(text) ?? ids.size;
    ids.set(text, id);
    const numberId = numberIds.get(value) ?? numberIds.size;
    numberIds.set(value, numberId);
    const bytes = encoder.encode(`..${text}.`), end = bytes.length - 1;
    const found = texts.get(bytes, 2, end), own = numbers.get(value);
    assert(found === -1 || found === id);
    assert(own === -1 || own === numberId);
    if (found >= 0 && own >= 0) remembered++;
    if (found < 0) texts.set(bytes, 2, end, id);
    if (own < 0) numbers.set(value, numberId);
  }
  assert(remembered > 15_000);
});

Deno.test("TextMemo.fill() remembers texts of any length, and says if it remembers all of them", () => {
  const texts = ["", "a", "abcd", "abcde", "abcdefgh", "abcdefghi", "ä", "東京都", "\0", "\0\0"];
  for (let number = 0; number < 40_000; number++) texts.push(`u${number}`, `user number ${number}`);
  const memo = new TextMemo(), long = "x".repeat(300);
  const idOf = (text: string) => {
    const bytes = encoder.encode(`.${text}`);
    return memo.get(bytes, 1, bytes.length);
  };
  memo.fill(texts);
  assertEquals(memo.other, texts.length);
  texts.forEach((text, id) => assertEquals(idOf(text), id, text));
  for (const other of ["b", "abc", "abcdf", "abcdefgj", "abcdefghj", "u40000", "\0\0\0", long]) {
    assertEquals(idOf(other), -1, other);
  }
  const lossy = new TextMemo();
  lossy.fill(["a", long]);
  assertEquals(lossy.other, -1);
});

/** Reads texts as ids of a list. */
function idsOf(type: DataType, batches: readonly (readonly (string | null)[])[]): number[][] {
  const known = ["", "a", "\ufeffa", "ä", "a".repeat(40)];
  const reader = new ColumnReader(new Field("text", type, true), {
    column: "text",
    options: { nulls: { fill: "ä" }, shape: [] },
    ids: { options: known, name: "text", borrowed: false },
    place: () => undefined,
  });
  return batches.map((texts) => [...reader.read(vectorFromArray(texts, type).data[0]!).values]);
}

Deno.test("a column of text has the same ids, whatever its type, in each record batch", () => {
  const batches = [["a", "ä", "zz", null, ""], ["\ufeffa", "a", "zz", "a".repeat(40)]];
  for (const type of [new Utf8(), new LargeUtf8(), new Utf8View()]) {
    assertEquals(idsOf(type, batches), [[1, 3, 5, 3, 0], [2, 1, 5, 4]], String(type));
  }
  const dictionary = new Dictionary(new Utf8(), new Int32());
  assertEquals(idsOf(dictionary, batches), [[1, 3, 5, 3, 0], [2, 1, 5, 4]]);
});

Deno.test("whole numbers of 64 bits have the ids of their values, also beyond 2⁵³", () => {
  const limits = [-1n, 0n, 2n ** 31n, -(2n ** 33n), 2n ** 53n - 1n, 2n ** 53n + 1n, -(2n ** 63n)];
  const options = limits.map(String);
  const data = makeVector(BigInt64Array.from([...limits, 5n, ...limits])).data[0]!;
  const reader = new ColumnReader(new Field("n", data.type, true), {
    column: "n",
    options: { nulls: "error", shape: [] },
    ids: { options, name: "n", borrowed: false },
    place: () => undefined,
  });
  const order = limits.map((_, id) => id);
  assertEquals([...reader.read(data).values], [...order, limits.length, ...order]);
});
