import { assertEquals } from "@std/assert";
import {
  type Data,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  DurationMicrosecond,
  Field,
  Float32,
  Int8,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimestampMicrosecond,
  TimestampNanosecond,
  TimestampSecond,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { cellTexts } from "../../src/base/cell_text.ts";
import { csvLines, isNested } from "../../src/model/csv_rows.ts";

const columnOf = (type: DataType, data: ArrayLike<number | bigint>, length = data.length) =>
  makeData({ type: type as never, length, nullCount: 0, data: data as never }) as Data;

const textsOf = (data: Data) =>
  Array.from({ length: data.length }, (_, row) => cellTexts(data)(row));

Deno.test("cellTexts() keeps the point of decimals of any width and sign", () => {
  // 1.25, -0.01, and 2^64 / 100 in two's complement, least significant word first
  const words = new Uint32Array([125, 0, 0, 0, 2 ** 32 - 1, -1, -1, -1, 0, 0, 1, 0]);
  assertEquals(textsOf(columnOf(new Decimal(2, 38, 128), words, 3)), [
    "1.25",
    "-0.01",
    "184467440737095516.16",
  ]);
  const wide = new Uint32Array([125, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(textsOf(columnOf(new Decimal(0, 50, 256), wide, 1)), ["125"]);
  assertEquals(textsOf(columnOf(new Decimal(3, 50, 256), wide, 1)), ["0.125"]);
});

Deno.test("cellTexts() keeps all fractions of a second, and years that are no years of a Date", () => {
  // The seconds are those of `date -u -d TEXT +%s`.
  assertEquals(
    textsOf(columnOf(
      new TimestampMicrosecond(),
      BigInt64Array.of(1577836800123456n, -1n, 0n, 253402300799999000n, -62135596800000000n),
    )),
    [
      "2020-01-01T00:00:00.123456",
      "1969-12-31T23:59:59.999999",
      "1970-01-01T00:00:00",
      "9999-12-31T23:59:59.999",
      "0001-01-01T00:00:00",
    ],
  );
  assertEquals(
    textsOf(columnOf(new TimestampNanosecond("Europe/Berlin"), BigInt64Array.of(1n, -1000n))),
    ["1970-01-01T00:00:00.000000001Z", "1969-12-31T23:59:59.999999Z"],
  );
  assertEquals(
    textsOf(columnOf(new TimestampSecond(), BigInt64Array.of(253402300800n))),
    ["10000-01-01T00:00:00"],
  );
  assertEquals(
    textsOf(columnOf(new DateDay(), Int32Array.of(0, 2932896, -719163))),
    ["1970-01-01", "9999-12-31", "0000-12-31"],
  );
  assertEquals(
    textsOf(columnOf(new DateMillisecond(), BigInt64Array.of(86_400_000n, -86_400_000n))),
    ["1970-01-02", "1969-12-31"],
  );
  assertEquals(
    textsOf(columnOf(new TimeMicrosecond(), BigInt64Array.of(86399999999n, 3600000000n))),
    ["23:59:59.999999", "01:00:00"],
  );
  assertEquals(textsOf(columnOf(new TimeMillisecond(), Int32Array.of(1234))), ["00:00:01.234"]);
  assertEquals(
    textsOf(columnOf(new DurationMicrosecond(), BigInt64Array.of(1_500_000n, -1n))),
    ["PT1.500S", "-PT0.000001S"],
  );
});

Deno.test("csvLines() formats slices and dictionaries, and quotes a null that is alone in a line", () => {
  const dictionary = vectorFromArray(["b", "a", "b", null], new Dictionary(new Utf8(), new Int8()));
  const times = columnOf(new TimestampMicrosecond(), BigInt64Array.of(1n, 2n, 3n, 4n));
  const batchOf = (...columns: readonly Data[]) => {
    const fields = columns.map(({ type }, index) => new Field(`c${index}`, type, true));
    return new RecordBatch(
      new Schema(fields),
      makeData({
        type: new Struct(fields),
        length: columns[0]!.length,
        nullCount: 0,
        children: [...columns],
      }),
    );
  };
  const sliced = batchOf(dictionary.data[0]!, times).slice(1, 4);
  assertEquals(
    csvLines(sliced),
    "a,1970-01-01T00:00:00.000002\nb,1970-01-01T00:00:00.000003\n,1970-01-01T00:00:00.000004\n",
  );
  const alone = vectorFromArray([0.5, null, 0.1], new Float32()).data[0]!;
  assertEquals(csvLines(batchOf(alone)), '0.5\n""\n0.1\n');
  assertEquals(isNested(new Field("c", dictionary.type)), false);
});
