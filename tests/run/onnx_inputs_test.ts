import { assertEquals, assertThrows } from "@std/assert";
import {
  Bool,
  type Data,
  type DataType,
  Decimal,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  Struct,
  TimestampMillisecond,
  Uint64,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { fits, type InputType, inputValues } from "../../src/run/onnx_inputs.ts";

const dataOf = (type: DataType, values: readonly unknown[]): Data =>
  vectorFromArray(values as never, type).data[0]! as Data;

function valuesOf(data: Data, type: InputType, size = 1) {
  const missing = new Uint8Array(data.length);
  const fail = (row: number, what: string): never => {
    throw new Error(`row ${row} ${what}`);
  };
  return { values: [...inputValues(data, { type, size, missing, fail })], missing: [...missing] };
}

Deno.test("inputValues() keeps whole numbers of 64 bits exactly", () => {
  const whole = [2n ** 53n + 1n, -(2n ** 63n), 7n, 2n ** 53n + 1n];
  assertEquals(valuesOf(dataOf(new Int64(), whole), "int64").values, whole);
  const entries = new Dictionary(new Int64(), new Int32());
  assertEquals(valuesOf(dataOf(entries, whole), "int64").values, whole);
  assertEquals(valuesOf(dataOf(new Float64(), [3, -1]), "int64").values, [3n, -1n]);
});

Deno.test("inputValues() refuses numbers that the type of the input would change", () => {
  const refuses = (type: DataType, values: readonly unknown[], input: InputType, words: string) =>
    assertThrows(() => valuesOf(dataOf(type, values), input), Error, words);
  refuses(
    new Uint64(),
    [1n, 2n ** 63n],
    "int64",
    "row 1 has 9223372036854775808; expected a whole",
  );
  refuses(new Utf8(), ["a", "a\0b"], "string", 'row 1 has "a\\u0000b"; expected a text without');
  refuses(new Float64(), [1.5], "int64", "row 0 has 1.5; expected a whole number of 64 bits");
  refuses(new Int64(), [2n ** 31n], "int32", "row 0 has 2147483648; expected a whole number of 32");
  refuses(new Float32(), [0.5], "int32", "row 0 has 0.5");
  refuses(new Int32(), [0, 2], "bool", "row 1 has 2; expected 0 or 1");
  refuses(new Int64(), [7n, 2n ** 53n + 1n], "float64", "row 1 has 9007199254740993; expected a");
  for (
    const [type, value] of [[new Int32(), 2 ** 24 + 1], [new Int64(), 2n ** 24n + 1n]] as const
  ) {
    refuses(type, [value], "float32", "row 0 has 16777217; expected a number that float32");
  }
  refuses(new Int64(), [2n ** 60n + 1n], "float32", "row 0 has 1152921504606846977; expected a");
  assertEquals(valuesOf(dataOf(new Int64(), [2n ** 53n, -5n]), "float64").values, [2 ** 53, -5]);
  assertEquals(valuesOf(dataOf(new Int32(), [2 ** 24, 3]), "float32").values, [2 ** 24, 3]);
  assertEquals(valuesOf(dataOf(new Int64(), [2n ** 60n]), "float32").values, [2 ** 60]);
  for (const type of ["int32", "int64", "bool"] as const) {
    assertEquals(fits(new Decimal(2, 9), type), false);
  }
  refuses(new Float64(), [1e300], "float32", "row 0 has 1e+300; expected a number that float32");
  assertEquals(valuesOf(dataOf(new Float64(), [Infinity, 0.5]), "float32").values, [Infinity, 0.5]);
});

Deno.test("inputValues() reads the values of each type that can fill an input", () => {
  assertEquals(valuesOf(dataOf(new Bool(), [true, false]), "bool").values, [1, 0]);
  assertEquals(valuesOf(dataOf(new Bool(), [true, false]), "float32").values, [1, 0]);
  const words = Uint32Array.of(1234, 0, 0, 0, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff);
  const decimals = makeData({ type: new Decimal(2, 9), length: 2, data: words });
  assertEquals(valuesOf(decimals as Data, "float64").values, [12.34, -0.01]);
  // A byte order mark is a part of a text.
  const texts = dataOf(new Utf8(), ["a", "\ufeffa", null, "a"]);
  assertEquals(valuesOf(texts, "string"), {
    values: ["a", "\ufeffa", "", "a"],
    missing: [0, 0, 1, 0],
  });
});

Deno.test("inputValues() reads lists, and marks rows with a null or NaN", () => {
  const item = (type: DataType) => new Field("item", type, true);
  const lists = dataOf(new List(item(new Float64())), [[1, 2], null, [3, NaN], [null, 4], [5, 6]]);
  assertEquals(valuesOf(lists, "float32", 2), {
    values: [1, 2, 0, 0, 0, 0, 0, 0, 5, 6],
    missing: [0, 1, 1, 1, 0],
  });
  assertThrows(() => valuesOf(lists, "float32", 3), Error, "row 0 has 2 values; expected 3");
  const pairs = new FixedSizeList(2, item(new Int32()));
  const nested = dataOf(new FixedSizeList(2, item(pairs)), [[[1, 2], [3, 4]]]);
  assertEquals(valuesOf(nested, "int32", 4).values, [1, 2, 3, 4]);
  const bytes = dataOf(new FixedSizeBinary(2), [
    Uint8Array.of(1, 2),
    null,
    Uint8Array.of(3, 4),
  ]);
  assertEquals(valuesOf(bytes, "float32", 2), {
    values: [1, 2, 0, 0, 3, 4],
    missing: [0, 1, 0],
  });
  assertEquals(valuesOf(bytes, "int64", 2).values, [1n, 2n, 0n, 0n, 3n, 4n]);
});

Deno.test("fits() refuses texts for numbers, numbers for texts, times, and structs", () => {
  assertEquals(fits(new Utf8(), "string"), true);
  assertEquals(fits(new Utf8(), "float32"), false);
  assertEquals(fits(new Int32(), "string"), false);
  assertEquals(fits(new Int32(), "bool"), true);
  assertEquals(fits(new TimestampMillisecond(), "float64"), false);
  assertEquals(fits(new Struct([new Field("x", new Int32())]), "float32"), false);
});

Deno.test("inputValues() takes no memory for rows that have other lengths, or no values", () => {
  const values = dataOf(new Float64(), [1, 2]), none = dataOf(new Float64(), [null, null]);
  const size = 2 ** 40;
  assertThrows(() => valuesOf(values, "float32", size), Error, "row 0 has 1 values; expected");
  assertThrows(() => valuesOf(none, "string", size), Error, "row 0 has no values; expected");
});
