import { gzipSync } from "node:zlib";
import { dirname, join } from "node:path";
import {
  Bool,
  Field,
  FixedSizeList,
  Float32,
  Int32,
  List,
  Table,
  tableFromArrays,
  tableToIPC,
  TimestampMillisecond,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import {
  type Bytes,
  type DataCase,
  file,
  fileOf,
  fixture,
  lines,
  rows,
  text,
} from "./data_case.ts";
import type { Case } from "./pipeline_cases.ts";
import { sourceCases, sourceMends } from "./source_cases.ts";

const cut = (bytes: Bytes, part: number) => bytes.slice(0, Math.floor(bytes.length * part));
const changed = (bytes: Bytes, change: (bytes: Bytes, view: DataView) => void): Bytes => {
  const copy = bytes.slice();
  change(copy, new DataView(copy.buffer));
  return copy;
};
const footerLengthAt = (bytes: Bytes) => bytes.length - 10;

/** Where the fields of a stream's first record batch are in it, be it that of a dictionary. */
function recordBatchFields(view: DataView, dictionary = false): (field: number) => number {
  const start = 8 + view.getInt32(4, true) + 8;
  const message = start + view.getUint32(start, true);
  const fieldOf = (table: number, field: number) =>
    table + view.getUint16(table - view.getInt32(table, true) + 4 + 2 * field, true);
  const target = (at: number) => at + view.getUint32(at, true);
  const header = target(fieldOf(message, 2));
  const batch = dictionary ? target(fieldOf(header, 1)) : header;
  return (field) => fieldOf(batch, field);
}

/** A stream whose record batch says that it has other rows than its columns have. */
function streamThatSays(length: bigint): Bytes {
  return changed(file(rows, "stream"), (_, view) => {
    view.setBigInt64(recordBatchFields(view)(0), length, true);
  });
}

/** What a record batch says of its columns, 1, and of their buffers, 2: pairs of numbers. */
type Described = 1 | 2;

/** A stream whose first record batch says something else of a column or a buffer. */
function streamWith(
  bytes: Bytes,
  [described, index, part, value]: readonly [Described, index: number, part: 0 | 1, value: bigint],
  dictionary = false,
): Bytes {
  return changed(bytes, (_, view) => {
    const at = recordBatchFields(view, dictionary)(described);
    const vector = at + view.getUint32(at, true);
    view.setBigInt64(vector + 4 + 16 * index + 8 * part, value, true);
  });
}

/** Where some bytes are first. */
function find(bytes: Bytes, wanted: readonly number[], from = 0): number {
  for (let at = from; at < bytes.length; at++) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  throw new Error("these bytes are not there");
}

const lz4Magic = [4, 34, 77, 24], zstdMagic = [40, 181, 47, 253];

function* arrowCases(): Iterable<DataCase> {
  const good = file(), stream = file(rows, "stream");
  const one = (name: string, bytes: Uint8Array | string, ...words: string[]): DataCase => ({
    name: `arrow: ${name}`,
    files: { "a.arrow": bytes },
    words,
  });
  yield one("empty", "", "a.arrow is empty");
  for (const part of [0.02, 0.2, 0.5, 0.9, 0.99]) {
    yield one(`file cut off at ${part}`, cut(good, part), "a.arrow");
  }
  for (const part of [0.1, 0.4, 0.7, 0.9]) {
    yield one(`stream cut off at ${part}`, cut(stream, part), "a.arrow", "cut off or damaged");
  }
  yield one("magic at the start flipped", changed(good, (b) => b[0] = 0x42), "a.arrow");
  yield one(
    "magic at the end flipped",
    changed(good, (b) => b[b.length - 1] = 0x42),
    "whose end is missing",
  );
  yield one("magic alone", text("ARROW1"), "whose end is missing");
  yield one("two magics alone", text("ARROW1\0\0ARROW1"), "whose end is missing");
  yield one("magics and zeros", text(`ARROW1${"\0".repeat(40)}ARROW1`), "cut off or damaged");
  yield one(
    "Feather of version 1",
    text(`FEA1${"\0".repeat(40)}FEA1`),
    "Feather file of version 1",
  );
  yield one("Parquet", fixture("formats/types.parquet"), "a Parquet file");
  yield one("gzip", fixture("../../data/digits.csv.gz"), "compressed with gzip");
  yield one("text", "x,y\n1,2\n", "a text file, perhaps CSV");
  yield one("JSON", '{"x": [1, 2]}\n', "a JSON file");
  yield one(
    "HTML of a server",
    "<!DOCTYPE html><html><body>Not Found</body></html>",
    "a text file",
  );
  yield one(
    "pointer of Git LFS",
    "version https://git-lfs.github.com/spec/v1\n",
    "a pointer of Git LFS",
  );
  yield one("ZIP", text("PK\x03\x04 and more of it"), "a ZIP archive");
  yield one("NumPy", Uint8Array.of(0x93, 78, 85, 77, 80, 89, 1, 0), "a NumPy file");
  yield one("ORC", text("ORC and more of it than that"), "an ORC file");
  yield one("zeros", new Uint8Array(1000), "in an unknown format");
  yield one("ones", new Uint8Array(1000).fill(255), "a.arrow", "cut off or damaged");
  for (
    const [what, length] of [["zero", 0], ["negative", -5], ["enormous", 2 ** 31 - 1]] as const
  ) {
    yield one(
      `footer's length ${what}`,
      changed(good, (b, v) => v.setInt32(footerLengthAt(b), length, true)),
      "its footer is not at the expected position",
    );
  }
  yield one(
    "footer's length small",
    changed(good, (b, v) => v.setInt32(footerLengthAt(b), 12, true)),
    "cut off or damaged",
  );
  yield one(
    "footer of ones",
    changed(
      good,
      (b, v) =>
        b.fill(255, footerLengthAt(b) - v.getInt32(footerLengthAt(b), true), footerLengthAt(b)),
    ),
    "its metadata refers to a place outside itself",
  );
  yield one(
    "footer of zeros",
    changed(
      good,
      (b, v) =>
        b.fill(0, footerLengthAt(b) - v.getInt32(footerLengthAt(b), true), footerLengthAt(b)),
    ),
    "a.arrow",
  );
  for (
    const [what, length] of [["negative", -2], ["enormous", 2 ** 31 - 1], [
      "of a gigabyte",
      2 ** 30,
    ]] as const
  ) {
    yield one(
      `length of a stream's first message ${what}`,
      changed(stream, (_, v) => v.setInt32(4, length, true)),
      "a.arrow",
      "a message at byte 0",
    );
  }
  yield one(
    "stream's first message of ones",
    changed(stream, (b) => b.fill(255, 8, 64)),
    "its metadata refers to a place outside itself",
  );
  yield one(
    "stream without columns",
    stream.slice(8 + new DataView(stream.buffer).getInt32(4, true)),
    "it does not start with a schema",
  );
  yield one(
    "stream of an end alone",
    Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0),
    "it does not start with a schema",
  );
  yield one("record batch of more rows than its columns", streamThatSays(1000n), "a.arrow");
  yield one("record batch of 2 billion rows", streamThatSays(2n ** 31n - 1n), "a.arrow");
  yield one("record batch of 9e15 rows", streamThatSays(2n ** 53n - 1n), "a.arrow");
  yield one("big-endian", fixture("formats/big_endian.arrows"), "big-endian");
  yield one("list views", fixture("arrow/list_view.arrow"), "a.arrow");
  yield one(
    "run-end encoded columns",
    fixture("interop/pyarrow_run_end_encoded.arrow"),
    "a.arrow cannot be read as an Arrow file",
    "run-end encoded",
  );
  yield {
    ...one(
      "tensors with permuted axes",
      fixture("interop/pyarrow_permuted.arrow"),
      "the axes of the tensors in the column permuted are permuted to [1, 0]",
    ),
    features: "permuted",
    label: "number",
    at: "features",
    code: 2,
    mended: {
      "column/permuted": { files: { "a.arrow": file({ permuted: rows.x, number: rows.y }) } },
    },
  };
  const checked = fixture("interop/polars_stored.arrow");
  const block = find(checked, lz4Magic) + 7 + 4;
  for (const [what, place] of [["a value", 100], ["the last value", 300]] as const) {
    yield {
      ...one(
        `${what} of an LZ4 block with a checksum changed`,
        changed(checked, (b) => b[block + place]! ^= 1),
        "a.arrow is an Arrow file that is cut off or damaged",
        "the checksum of its block 0 is wrong",
      ),
      label: "{ column: y }",
    };
  }
  yield { ...one("no rows", fixture("arrow/no_rows.arrow"), "no"), code: 2, at: "features" };
  for (const [name, magic] of [["lz4", lz4Magic], ["zstd", zstdMagic]] as const) {
    const packed = fixture(`formats/${name}.arrow`);
    const at = find(packed, magic);
    const broken = (
      what: string,
      change: (bytes: Bytes, view: DataView) => void,
      ...words: string[]
    ) => ({
      ...one(`${name} ${what}`, changed(packed, change), ...words),
      features: "int32",
      label: "{ column: bool }",
    });
    if (name === "lz4") {
      const block = at + 7 + (packed[at + 4]! & 0x08);
      yield broken(
        "block of 2 GB",
        (_, view) => view.setUint32(block, 2 ** 31 - 1, true),
        "its block 0 declares 2147483647 bytes; at most 65536 are allowed",
      );
      yield broken(
        "block that ends behind the frame",
        (_, view) => view.setUint32(block, 65_535, true),
        "it ends within a frame",
      );
      yield broken("header changed", (b) => b[at + 5]! ^= 0x10, "the checksum of its header");
    }
    yield broken("magic flipped", (b) => b[at] = 0, "a.arrow", "cannot be decompressed");
    yield broken("frame of ones", (b) => b.fill(255, at + 4, at + 16), "a.arrow");
    yield broken(
      "length negative",
      (_, v) => v.setBigInt64(at - 8, -7n, true),
      "declares -7 bytes",
    );
    yield broken(
      "length beyond numbers",
      (_, v) => v.setBigInt64(at - 8, 2n ** 62n, true),
      "a.arrow",
    );
    yield broken(
      "length of a terabyte",
      (_, v) => v.setBigInt64(at - 8, 2n ** 40n, true),
      "declares 1099511627776 bytes, but needs ",
    );
    yield broken(
      "length of a gigabyte",
      (_, v) => v.setBigInt64(at - 8, 2n ** 30n, true),
      "declares 1073741824 bytes, but needs ",
    );
    yield broken(
      "length one too many",
      (_, v) => v.setBigInt64(at - 8, v.getBigInt64(at - 8, true) + 1n, true),
      "a.arrow",
    );
    yield broken(
      "length one too few",
      (_, v) => v.setBigInt64(at - 8, v.getBigInt64(at - 8, true) - 1n, true),
      "a.arrow",
    );
  }
  const other = (what: string, bytes: Bytes, ...words: string[]): DataCase => ({
    name: `arrow: files that differ: ${what}`,
    files: { "a.arrow": good, "b.arrow": bytes },
    source: "{ use: arrow, path: [a.arrow, b.arrow] }",
    words,
  });
  yield other(
    "a type",
    file({ ...rows, x: ["0", "1", "2", "3"] }),
    "the column x differs between files: Float32 in a.arrow, Dictionary<Int32, Utf8> in b.arrow",
  );
  yield other(
    "one more",
    file({ ...rows, z: rows.x }),
    "the column z differs between files: a.arrow has no such column",
  );
  yield other(
    "one less",
    file({ x: rows.x }),
    "the column y differs",
    "b.arrow has no such column",
  );
  yield other("the second is cut off", cut(good, 0.5), "b.arrow");
  yield other("the second is a stream that is cut off", cut(stream, 0.6), "b.arrow");
  yield other("the second is empty", new Uint8Array(), "b.arrow is empty");
  yield {
    ...other("the second is missing", good),
    files: { "a.arrow": good },
    words: ["there is no file b.arrow"],
  };
}

function* columnCases(): Iterable<DataCase> {
  const one = (
    name: string,
    bytes: Bytes,
    at: "source" | "features" | "label",
    code: 1 | 2,
    words: readonly string[],
    parts: Partial<DataCase> = {},
  ): DataCase => ({
    name: `columns: ${name}`,
    files: { "a.arrow": bytes },
    at,
    code,
    words,
    ...parts,
  });
  const anotherLabel = {
    files: { "p.yaml": (text: string) => text.replace("label: x", "label: y") },
  };
  const floats = (...x: number[]) =>
    file({ x: Float32Array.from(x), y: Int32Array.from(x, (_, row) => row % 2) });
  yield one("NaN", floats(0, NaN, 1), "features", 1, [
    "row 1 of a.arrow (train split), column x: has NaN; 1 of 3 rows has a number that is not finite",
    "`nan: missing`",
  ]);
  yield one("Infinity", floats(0, 1, Infinity), "features", 1, [
    "row 2 of a.arrow (train split), column x: has Infinity",
  ]);
  yield one("minus Infinity", floats(-Infinity, 1), "features", 1, [
    "row 0 of a.arrow (train split), column x: has -Infinity",
  ], { mended: { "column/infinite": { files: { "a.arrow": floats(0, 1) } } } });
  yield one(
    "NaN in doubles",
    file({ x: Float64Array.of(1, NaN), y: Int32Array.of(0, 1) }),
    "features",
    1,
    ["row 1 of", "has NaN"],
  );
  yield one("null", fileOf([1, null, 2], new Float32()), "features", 1, [
    "row 1 of a.arrow (train split), column x: is null; 1 of 3 rows has a null",
    "nulls: drop",
  ]);
  yield one("null in booleans", fileOf([true, null], new Bool()), "features", 1, [
    "row 1 of a.arrow (train split), column x: is null",
  ]);
  yield one("nulls alone", fileOf([null, null], new Float32()), "features", 1, [
    "row 0 of a.arrow (train split), column x: is null",
  ]);
  yield one(
    "nulls alone, dropped",
    fileOf([null, null], new Float32()),
    "source",
    1,
    ["no rows"],
    { features: "{ column: x, nulls: drop }" },
  );
  const list = new FixedSizeList(2, new Field("item", new Float32(), true));
  yield one("null in a list", fileOf([[1, 2], [3, null]], list), "features", 1, [
    "row 1 of a.arrow (train split), column x: is null",
  ]);
  yield one("null list", fileOf([[1, 2], null], list), "features", 1, [
    "row 1 of a.arrow (train split), column x: is null",
  ]);
  yield one("shape of another size", fileOf([[1, 2], [3, 4]], list), "features", 2, [
    "2 values per row, but the shape [3] has 3",
  ], { features: "{ column: x, shape: [3] }" });
  const words = ["low", "high", "low", "mid"];
  const textList = new List(new Field("item", new Utf8(), true));
  yield one("strings as floats", file({ ...rows, x: words }), "features", 2, [
    "holds strings",
    "remove `dtype`",
  ], { features: "{ column: x, dtype: float32 }" });
  yield one("fractions as ids", floats(0, 0.5), "features", 1, [
    "row 1 of a.arrow (train split), column x: has 0.5, which is not an int32 number",
  ], { features: "{ column: x, dtype: int32 }" });
  yield one(
    "large numbers as ids",
    file({ x: Float64Array.of(0, 3e9), y: Int32Array.of(0, 1) }),
    "features",
    1,
    ["3000000000, which is not an int32 number"],
    { features: "{ column: x, dtype: int32 }" },
  );
  yield one(
    "64 bits beyond a double",
    file({ x: BigInt64Array.of(0n, 2n ** 53n + 1n), y: Int32Array.of(0, 1) }),
    "features",
    1,
    ["doubles cannot represent all whole numbers exactly"],
  );
  yield one("text in a net of numbers", file({ ...rows, x: words }), "features", 2, [
    'the feature f holds text (row 0 of a.arrow (train split), column x: "low"), but the network mlp reads numbers',
    "`- { use: one-hot, feature: f }`",
  ]);
  yield one("numbers as text", file({ ...rows, x: ["1", "2.5", "-3", "NA"] }), "features", 2, [
    'row 3 of a.arrow (train split), column x: "NA"',
    "TRY_CAST(x AS DOUBLE)",
  ], {
    mended: {
      "text/missing": {
        files: {
          "a.arrow": fileOf([1, 2.5, -3, null], new Float32()),
          "p.yaml": (text) => text.replaceAll("column: x", "column: x, nulls: mean"),
        },
      },
    },
  });
  yield one("ids in a net of numbers", file({ ...rows, x: words }), "features", 2, [
    "the feature f holds ids, but the network mlp reads numbers",
    "`- { use: one-hot, feature: f }`",
  ], { features: "{ column: x, ids: train }" });
  yield one(
    "whole numbers as ids in a net of numbers",
    file({ ...rows, x: rows.y.slice() }),
    "features",
    2,
    [
      "the feature f holds ids (int32), but the network mlp reads numbers",
      "leave out `dtype: int32`",
    ],
    { features: "{ column: x, dtype: int32 }" },
  );
  yield one(
    "timestamps that float32 rounds",
    fileOf([1.7e12, 1.7e12 + 1, 0], new TimestampMillisecond()),
    "features",
    2,
    ["the feature f holds times in seconds since 1970", "`- { use: normalize, feature: f }`"],
  );
  yield one(
    "timestamps as a label",
    fileOf([1.7e12, 1.7e12 + 1, 0], new TimestampMillisecond()),
    "label",
    2,
    ["the label x has timestamps", "epoch(x)"],
    { features: "{ column: y }", label: "x", mended: { "label/time": anotherLabel } },
  );
  yield one("mean of text", file({ ...rows, x: words }), "features", 2, [
    "the column x holds text, which has no mean",
  ], { features: "{ column: x, nulls: mean }" });
  yield one("mean of nulls alone", fileOf([null, null], new Float32()), "features", 1, [
    "the feature f is null in all training rows, so it has no mean",
    "nulls: { fill: 0 }",
  ], { features: "{ column: x, nulls: mean }" });
  yield one("NaN as a null", floats(0, NaN, 1), "features", 1, [
    "row 1 of a.arrow (train split), column x: is null",
    "`nulls: mean`",
  ], { features: "{ column: x, nan: missing }" });
  yield one("padding that is a word", fileOf([["a"], ["b", "a"]], textList), "features", 2, [
    "which cannot be padded with 0",
    "`ids: train` and `length: 2`",
  ], { features: "{ column: x, shape: [2], pad: 0 }" });
  yield one("column that is missing", file({ z: rows.x, y: rows.y }), "features", 2, [
    'the data has no column "x"',
    "its columns are z, y",
  ]);
  yield one("column of another case", file({ X: rows.x, y: rows.y }), "features", 2, [
    "did you mean X?",
  ]);
  const label = (...y: number[]) =>
    file({ x: Float32Array.from(y, () => 1), y: Int32Array.from(y) });
  yield one("label negative", label(0, 1, -1), "label", 1, [
    "row 2 of a.arrow (train split), column y: the label -1 is not a class",
    "classes: [-1, 0, 1]",
  ]);
  yield one("label of -1 and 1", label(-1, 1, -1), "label", 1, [
    "row 0 of a.arrow (train split), column y: the label -1 is not a class; expected 0 or 1",
    "label: { column: y, kind: binary, classes: [-1, 1] }",
  ], { label: "{ column: y, kind: binary }" });
  yield one("label from 1", label(1, 3, 2), "label", 1, [
    "row 1 of a.arrow (train split), column y: the label 3 is not a class; expected 0 to 2",
    "label: { column: y, classes: [1, 2, 3] }",
  ], { label: "{ column: y, classes: 3 }" });
  yield one("label out of its classes", label(0, 1, 5), "label", 1, [
    "row 2 of a.arrow (train split), column y: the label 5 is not a class; expected 0 or 1",
  ], { label: "{ column: y, classes: 2 }" });
  yield one("label out of two", label(0, 1, 2), "label", 1, ["expected 0 or 1", "kind: class"], {
    label: "{ column: y, kind: binary }",
  });
  yield one("label of ids", label(...Array(70_000).keys()), "label", 2, ["too many for classes"]);
  yield one("label of one class", label(0, 0, 0), "label", 2, ["fewer than two classes"]);
  yield one("label that is a list", fileOf([[1, 2], [3, 4]], list), "label", 2, [
    "the column x has the type",
    "one number",
    "write `label: { column: x, kind: multi-label }`",
  ], { features: "{ column: y }", label: "x", mended: { "label/type": anotherLabel } });
  yield one("label NaN", file({ x: rows.x, y: Float32Array.of(0, 1, NaN, 1) }), "label", 1, [
    "row 2 of a.arrow (train split), column y: has NaN",
  ], { label: "{ column: y, kind: number }" });
  yield one(
    "label of fractions as a class",
    file({ x: rows.x, y: Float32Array.of(0, 1, 0.5, 1) }),
    "label",
    1,
    ["row 2 of a.arrow (train split), column y: the label 0.5 is not a class", "kind: number"],
    { label: "{ column: y, kind: class }" },
  );
  yield one("label of strings as a number", file({ x: rows.x, y: words }), "label", 2, [
    "has strings, but kind: number needs numbers",
  ], { label: "{ column: y, kind: number }" });
  yield one("label with a name that is none", file({ x: rows.x, y: words }), "label", 1, [
    'column y: the label "mid" is not a class; expected one of low, high',
  ], { label: "{ column: y, classes: [low, high] }" });
  yield one("label with more names than classes", file({ x: rows.x, y: words }), "label", 2, [
    "has 3 different values (high, low, mid); expected 2 classes",
  ], { label: "{ column: y, classes: 2 }" });
  yield one("label with 3 names, binary", file({ x: rows.x, y: words }), "label", 2, [
    "has 3 different values (high, low, mid); expected 2 classes",
  ], { label: "{ column: y, kind: binary }" });
  yield one("label that is missing", file({ x: rows.x, z: rows.y }), "label", 2, [
    'the data has no column "y"',
  ]);
  yield one("label with a null", fileOf([1, 0, null], new Int32()), "label", 1, [
    "row 2 of a.arrow (train split), column x: is null",
  ], { features: "{ column: y }", label: "x" });
}

function* textCases(): Iterable<DataCase> {
  const one = (
    name: string,
    bytes: Uint8Array | string,
    words: readonly string[],
    parts: Partial<DataCase> & { options?: string } = {},
  ): DataCase => ({
    name: `csv: ${name}`,
    files: { "a.csv": bytes },
    source: `{ use: csv, path: a.csv${parts.options ?? ""} }`,
    words,
    ...parts,
  });
  const body = Array.from({ length: 50 }, (_, row) => `${row},${row % 2}\n`).join("");
  yield one("empty", "", ["a.csv is empty"]);
  yield one("header alone", "x,y\n", ["the training split has no rows"], {
    at: "label",
    mended: { "data/no-rows": { files: { "a.csv": "x,y\n1,0\n2,1\n" } } },
  });
  yield one("too few values", `x,y\n${body}7\n`, ["line 52 of a.csv has 1 value; expected 2"]);
  yield one("too many values", `x,y\n${body}7,1,9\n`, [
    "line 52 of a.csv has 3 values; expected 2",
  ]);
  yield one("no number", `x,y\n${body}abc,1\n`, ['line 52 of a.csv: "abc" in the column x is no'], {
    options: ", columns: { x: float32, y: int32 }",
  });
  yield one("beyond its type", `x,y\n${body}300,1\n`, [
    'line 52 of a.csv: "300" in the column x is not a valid uint8',
  ], { options: ", columns: { x: uint8, y: int32 }" });
  yield one("quote not closed", `x,y\n${body}"7,1\n`, ["a.csv"]);
  yield one("text behind a quote", `x,y\n${body}"7"8,1\n`, ["a.csv"]);
  yield one("Latin-1", Uint8Array.of(...text(`x,y\n${body}`), 0xe9, 44, 49, 10), ["a.csv"]);
  yield one(
    "UTF-16 that is cut off",
    Uint8Array.of(0xff, 0xfe, ...[...`x,y\n${body}7`].flatMap((c) => [c.charCodeAt(0), 0]), 7),
    ["a.csv", "not valid utf-16le"],
  );
  yield one("text for missing numbers among codes", `x,y\n007,1\nNA,0\n+3,0\n5,1\n`, [
    'the feature f holds text (row 1 of a.csv (train split), column x: "NA"), but the network mlp reads numbers',
    '`nullValues: ["", "NA"]` and `columns: { x: float64 }` in the sources of data',
  ], { at: "features", code: 2 });
  yield one("text for missing numbers", `x,y\n0.5,1\nNA,0\n-3.0,0\n`, [
    'the feature f holds text (row 1 of a.csv (train split), column x: "NA"), but the network mlp reads numbers',
    '`nullValues: ["", "NA"]` in the sources of data',
    "`nulls: mean`",
  ], { at: "features", code: 2 });
  yield one("nulls in two columns", `x,y\n1,\n,1\n2,0\n`, [
    "row 1 of a.csv (train split), column x: is null; 1 of 3 rows has a null",
    "row 0 of a.csv (train split), column y: is null; 1 of 3 rows has a null",
  ], { at: "features" });
  yield one("null", `x,y\n1,0\n,1\n`, ["row 1 of a.csv (train split), column x: is null"], {
    at: "features",
  });
  const given = (name: string, type: string, value: string) =>
    one(`${value} as ${type}${name}`, `x,y\n${body}"${value}",1\n`, [
      `line 52 of a.csv: ${JSON.stringify(value)} in the column x is not a valid ${type}`,
      "columns: { x: ",
    ], { options: `, columns: { x: ${type} }` });
  for (const value of ["nan", "inf", "1e400", "0x10", "1_000", "1,5"]) {
    yield given("", "float64", value);
  }
  yield given("", "float32", "1e39");
  for (const value of ["1.5", "2147483648", "1e3", "true"]) yield given("", "int32", value);
  yield given("", "int64", "9223372036854775808");
  for (const value of ["1", "t", "yes"]) {
    yield one(`${value} as bool`, `x,y\ntrue,0\n${value},1\n`, [
      `line 3 of a.csv: "${value}" in the column x is not a valid bool`,
    ], { options: ", columns: { x: bool }" });
  }
  yield one("a time as a date", `x,y\n2026-01-01,0\n2026-01-01 12:00:00,1\n`, [
    'line 3 of a.csv: "2026-01-01 12:00:00" in the column x is not a valid date',
  ], { options: ", columns: { x: date }" });
  yield one("a time zone", `x,y\n2026-01-01,0\n2026-01-01T12:00:00Z,1\n`, [
    'line 3 of a.csv: "2026-01-01T12:00:00Z" in the column x is not a valid timestamp',
  ], { options: ", columns: { x: timestamp }" });
  yield one("beyond float64", `x,y\n0.5,0\n1e999,1\n`, [
    'line 3 of a.csv: "1e999" in the column x exceeds the range of float64',
  ]);
  yield one("whole numbers that decimals round", `x,y\n0.5,0\n9007199254740993,1\n`, [
    'line 3 of a.csv: the column x has decimals and is read as float64, which cannot represent the integer "9007199254740993"',
    "columns: { x: float64 }",
  ]);
  yield {
    ...one("beyond its type, in the second file", "", [
      'line 3 of b.csv: "2.5" in the column x is not a valid int8',
    ]),
    files: { "a.csv": "x,y\n1,0\n", "b.csv": "x,y\n1,0\n2.5,1\n" },
    source: "{ use: csv, path: '*.csv', columns: { x: int8 } }",
  };
  yield one("no such column to type", `x,y\n${body}`, ["a.csv has no column z"], {
    options: ", columns: { z: float32 }",
  });
  yield one("two columns of one name", `x,x,y\n1,2,0\n3,4,1\n`, [
    "a.csv has two columns called x",
  ]);
  for (const delimiter of [";", "|", "\t"]) {
    yield one(
      `another delimiter, ${JSON.stringify(delimiter)}`,
      `x;y\n1;0\n`.replaceAll(";", delimiter),
      [
        "a.csv has only one column",
        `write delimiter: ${JSON.stringify(delimiter)}`,
      ],
    );
  }
  yield one("column missing", `z,y\n${body}`, ['the data has no column "x"'], {
    at: "features",
    code: 2,
  });
  yield one("label out of classes", `x,y\n${body}5,9\n`, [
    "row 50 of a.csv (train split), column y: the label 9 is not a class; expected 0 or 1",
  ], { at: "label", label: "{ column: y, classes: 2 }" });
  yield one("zeros", new Uint8Array(4096), ['no column "x"'], { at: "features", code: 2 });
  yield one("a line of 16 MB", `x,y\n${"9".repeat(2 ** 24)},1\n`, ["a.csv"]);
  yield one("a Parquet file", fixture("formats/types.parquet"), ["a.csv"]);
  const marked = `"a\nb",y\n${body}`;
  yield one("a first name of two lines after a byte order mark", `\ufeff${marked}`, [
    "a.csv starts with a byte order mark",
  ], { mended: { "csv/mark": { files: { "a.csv": marked.replace("a\nb", "x") } } } });
  yield one("a gzip that is cut off", cut(fixture("../../data/digits.csv.gz"), 0.5), ["a.csv.gz"], {
    files: { "a.csv.gz": cut(fixture("../../data/digits.csv.gz"), 0.5) },
    source: "{ use: csv, path: a.csv.gz }",
  });
  // The header has a comment, which DuckDB does not read.
  const packed = new Uint8Array(gzipSync(`x,y\n${body}`));
  const commented = Uint8Array.from([...packed.subarray(0, 10), 97, 0, ...packed.subarray(10)]);
  commented[3] = 16;
  yield one("a gzip with a comment", "", ["a.csv.gz has a header of gzip that DuckDB"], {
    files: { "a.csv.gz": commented },
    source: "{ use: csv, path: a.csv.gz }",
    mended: { "csv/gzip-header": { files: { "a.csv.gz": packed } } },
  });
  yield one("a gzip that is none", "x", ["a.csv.gz"], {
    files: { "a.csv.gz": `x,y\n${body}` },
    source: "{ use: csv, path: a.csv.gz }",
  });
  yield one("files of other columns", "", ["b.csv"], {
    files: { "a.csv": `x,y\n${body}`, "b.csv": `x,z\n${body}` },
    source: "{ use: csv, path: [a.csv, b.csv] }",
  });
  yield {
    ...one("TSV with commas", "", ['write delimiter: ","']),
    files: { "a.tsv": `x,y\n${body}` },
    source: "{ use: csv, path: a.tsv }",
  };
}

function* tableCases(): Iterable<DataCase> {
  const good = fixture("formats/types.parquet");
  const one = (name: string, bytes: Uint8Array | string, ...words: string[]): DataCase => ({
    name: `parquet: ${name}`,
    files: { "a.parquet": bytes },
    source: "{ use: parquet, path: a.parquet }",
    features: "int32",
    label: "bool",
    words: ["a.parquet", ...words],
  });
  yield one("empty", "", "is empty");
  yield {
    ...one(
      "NUL in a name",
      fixture("formats/nul_name.parquet"),
      "the character U+0000 in its name",
    ),
    mended: { "parquet/nul": { files: { "a.parquet": good } } },
  };
  for (const name of ["encrypted", "encrypted_column"]) {
    yield {
      ...one(name, fixture(`formats/${name}.parquet`), "is encrypted", "without encryption"),
      mended: { "parquet/encrypted": { files: { "a.parquet": good } } },
    };
  }
  for (const part of [0.01, 0.5, 0.99]) {
    yield one(`cut off at ${part}`, cut(good, part), "not a Parquet file, or its end is missing");
  }
  yield one("magic flipped", changed(good, (b) => b[b.length - 2] = 0x42), "not a Parquet file");
  yield one("magic alone", "PAR1");
  yield one("two magics", "PAR1PAR1");
  yield one("text", "x,y\n1,2\n");
  yield one("Arrow", file());
  yield one("encrypted", changed(good, (b) => b.set(text("PARE"), b.length - 4)));
  for (const length of [0, 1, 2 ** 31 - 1, 2 ** 32 - 1]) {
    yield one(
      `footer's length ${length}`,
      changed(good, (b, v) => v.setUint32(b.length - 8, length, true)),
    );
  }
  yield one(
    "footer of ones",
    changed(
      good,
      (b, v) => b.fill(255, b.length - 8 - v.getUint32(b.length - 8, true), b.length - 8),
    ),
  );
  yield one(
    "footer of zeros",
    changed(
      good,
      (b, v) => b.fill(0, b.length - 8 - v.getUint32(b.length - 8, true), b.length - 8),
    ),
  );
  yield one(
    "pages of ones",
    changed(good, (b, v) => b.fill(255, 4, b.length - 8 - v.getUint32(b.length - 8, true))),
  );
  const lossy = fixture("interop/pyarrow_lossy.parquet");
  const altered = (column: string, ...words: string[]): DataCase => ({
    ...one(`${column} whose values DuckDB would change`, lossy, ...words),
    features: column,
    label: "id",
  });
  yield altered("amount", "DECIMAL(50,2) cannot be read", "pyarrow.feather");
  yield altered("amounts", "DECIMAL(76,70) cannot be read");
  yield altered("record", "DECIMAL(39,0) cannot be read");
  yield altered("moment", "TIMESTAMP with a time zone and nanoseconds cannot be read");
  const sql = (
    name: string,
    query: string,
    words: readonly string[],
    parts: Partial<DataCase> = {},
  ): DataCase => ({
    name: `sql: ${name}`,
    files: { "a.csv": "x,y\n1,0\n2,1\n" },
    source: `{ use: sql, tables: { t: a.csv }, query: ${JSON.stringify(query)} }`,
    words,
    ...parts,
  });
  if (Deno.build.os !== "windows") {
    yield sql("with a backslash and a wildcard in the name of a file", "FROM t", [
      "DuckDB would read another file",
      "rename the file",
    ], {
      files: { "a\\*.csv": "x,y\n1,0\n2,1\n" },
      source: '{ use: sql, tables: { t: "*.csv" }, query: FROM t }',
    });
  }
  yield sql("with U+0000", "SELECT x, y FROM t -- \0", ["contains the character U+0000"]);
  yield sql("misspelled keyword", "SELEC x, y FROM t", ["the query"]);
  yield sql("no such column", "SELECT z, y FROM t", [
    "the query cannot be run at line 1, column 8",
  ]);
  yield sql("no such table", "SELECT x, y FROM tt", [
    "the query cannot be run",
    "the names under tables are t",
  ]);
  yield sql("two statements", "SELECT x, y FROM t; SELECT 1", ["the query"]);
  yield sql("that writes", "CREATE TABLE z AS FROM t", ["the query"]);
  yield sql("that deletes", "DROP TABLE t", ["the query"]);
  yield sql("that reads a file", "SELECT * FROM read_csv('/etc/passwd')", [
    "it calls read_csv, but a query may read files only as tables",
  ]);
  yield sql("that fetches", "SELECT * FROM 'https://example.org/a.parquet'", ["the query"]);
  yield sql("that casts what it cannot", "SELECT CAST('x' AS INTEGER) AS x, y FROM t", [
    "the query cannot be run",
  ]);
  yield sql("of no rows", "SELECT x, y FROM t WHERE x > 9", ["no rows"], { at: "label" });
  yield sql("of an interval", "SELECT INTERVAL 1 DAY AS x, y FROM t", [
    "the column x has DuckDB's type INTERVAL",
  ]);
  yield sql("not closed", "SELECT x, y FROM (t", ["the query cannot be run"]);
  yield { ...sql("empty", " ", ["the query"]) };
  yield {
    ...sql("database that is none", "FROM t", ["a.db is not a DuckDB database"]),
    files: { "a.db": "x".repeat(9000) },
    source: "{ use: sql, database: a.db, query: FROM t }",
  };
  yield {
    ...sql("database with a log", "FROM t", [
      "a.db has changes that are only in its log a.db.wal",
      "run CHECKPOINT",
    ]),
    files: { "a.db": fixture("formats/tables.duckdb"), "a.db.wal": "x" },
    source: "{ use: sql, database: a.db, query: FROM t }",
  };
  yield {
    ...sql("database that is cut off", "FROM t", ["a.db"]),
    files: { "a.db": cut(fixture("formats/tables.duckdb"), 0.1) },
    source: "{ use: sql, database: a.db, query: FROM t }",
  };
}

/** Files whose rows would be read one by one. */
function* rowCases(): Iterable<DataCase> {
  const count = 5000;
  const many = file({
    x: Float32Array.from({ length: count }, (_, row) => row),
    y: Int32Array.from({ length: count }, (_, row) => row % 2),
  }, "stream");
  const nullable = new Uint8Array(tableToIPC(
    new Table({
      x: vectorFromArray(
        Array.from({ length: count }, (_, row) => row === 7 ? null : row),
        new Float32(),
      ),
      y: vectorFromArray(Array.from({ length: count }, (_, row) => row % 2), new Int32()),
    }),
    "stream",
  )) as Bytes;
  const words = new Uint8Array(tableToIPC(
    tableFromArrays({ x: Float32Array.of(1, 2, 3), y: ["a", "b", "a"] }),
    "stream",
  )) as Bytes;
  const one = (name: string, bytes: Bytes, ...words: string[]): DataCase => ({
    name: `rows: ${name}`,
    files: { "a.arrow": bytes },
    memory: "10kB",
    words: ["a.arrow is an Arrow stream that is cut off or damaged", ...words],
  });
  const beyond = "but the body has";
  yield one("values behind the body", streamWith(many, [2, 1, 0, 2n ** 20n]), beyond);
  yield one("values behind the file", streamWith(many, [2, 1, 0, 2n ** 40n]), beyond);
  yield one("values before the body", streamWith(many, [2, 1, 0, -64n]), beyond);
  yield one("values before the body, of the label", streamWith(many, [2, 3, 0, -64n]), beyond);
  yield one("values of enormous length", streamWith(many, [2, 1, 1, 2n ** 52n]), beyond);
  yield one("values of negative length", streamWith(many, [2, 1, 1, -1n]), beyond);
  yield one("values of no length", streamWith(many, [2, 1, 1, 0n]), "0 of the 5000 values");
  yield one("values too short by one", streamWith(many, [2, 1, 1, 4n * 4999n]), "4999 of the 5000");
  yield one(
    "rows beyond the values",
    streamWith(many, [1, 0, 0, 10_000n]),
    "the record batch has 5000",
  );
  const odd = tableToIPC(tableFromArrays(rows), "stream");
  const schema = new DataView(odd.buffer, odd.byteOffset);
  yield one(
    "numbers of 33 bits",
    changed(odd as Bytes, (_, view) => {
      // A table of a column's type: its width, 32 bits, and whether it is signed.
      for (let at = 8; at < 8 + schema.getInt32(4, true) - 4; at += 4) {
        if (view.getInt32(at, true) === 32) view.setInt32(at, 33, true);
      }
    }),
    "numbers of 33 bits",
  );
  yield one("nulls that are none", streamWith(many, [1, 0, 1, 3n]), "the column x");
  yield one("nulls more than rows", streamWith(nullable, [1, 0, 1, 9999n]), "the column x");
  yield one("nulls of a negative number", streamWith(nullable, [1, 0, 1, -1n]), "marks 1");
  yield one("nulls that are kept secret", streamWith(nullable, [1, 0, 1, 0n]), "marks 1");
  yield one("nulls that are fewer", streamWith(nullable, [1, 0, 1, 2n]), "marks 1");
  yield one(
    "nulls without room",
    streamWith(nullable, [2, 0, 1, 8n]),
    "has a null bitmap that is too short",
  );
  yield {
    ...one("words behind their body", streamWith(words, [2, 2, 0, 2n ** 30n], true), beyond),
    memory: "512MB",
  };
}

/** Dictionaries that are not what their columns say. */
function* dictionaryCases(): Iterable<DataCase> {
  const good = fixture("interop/pyarrow_rows.arrow");
  const one = (name: string, bytes: Bytes, features: string, ...words: string[]): DataCase => ({
    name: `dictionaries: ${name}`,
    files: { "a.arrow": bytes },
    features,
    label: "flag",
    words: ["a.arrow is an Arrow file that is cut off or damaged", ...words],
  });
  const int64s = (...values: number[]) => values.flatMap((value) => [value, 0, 0, 0, 0, 0, 0, 0]);
  const indices = find(good, int64s(1, 2, 1));
  for (
    const [name, index] of [["behind", 4n], ["far behind", 2n ** 62n], ["before", -1n]] as const
  ) {
    for (const memory of ["512MB", "10kB"]) {
      yield {
        ...one(
          `an index ${name} the dictionary, with ${memory}`,
          changed(good, (_, view) => view.setBigInt64(indices + 8, index, true)),
          "by_int64",
          `the column by_int64 has the index ${index} in row 1, but its dictionary has 4 values`,
        ),
        memory,
      };
    }
  }
  const offsets = find(good, [0, 5, 9, 14, 17].flatMap((end) => [end, 0, 0, 0]));
  yield one(
    "a word that ends before it starts",
    changed(good, (_, view) => view.setInt32(offsets + 8, 2, true)),
    "by_int64",
    "the column by_int64 (its dictionary) has a value that ends before it starts",
  );
  yield one(
    "a word that ends behind all words",
    changed(good, (_, view) => view.setInt32(offsets + 16, 999, true)),
    "by_int64",
    "the column by_int64 (its dictionary) has a value that ends at 999",
  );
}

/**
 * The bad data files of the corpus.
 *
 * @param folder A folder to make them in.
 */
export function* dataCases(folder: string): Iterable<Case> {
  let number = 0;
  const mends = sourceMends();
  for (
    const cases of [
      sourceCases(),
      arrowCases(),
      columnCases(),
      rowCases(),
      dictionaryCases(),
      textCases(),
      tableCases(),
    ]
  ) {
    for (const one of cases) {
      const own = join(folder, String(number++));
      Deno.mkdirSync(own);
      for (const [name, content] of Object.entries(one.files)) {
        const path = join(own, name);
        Deno.mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
        if (name.endsWith("/")) continue;
        Deno.writeFileSync(path, typeof content === "string" ? text(content) : content);
      }
      Deno.writeTextFileSync(join(own, "p.yaml"), pipelineOf(one));
      const at = `${lines[one.at ?? "source"]}:`;
      yield {
        name: one.name,
        args: ["check", "--engine", "wasm", "--quiet", "p.yaml"],
        folder: own,
        expected: { code: one.code ?? 1, words: [`p.yaml:${at}`, ...one.words] },
        mended: { ...one.mended, ...mends.get(one.name) },
        before: one.before,
      };
      mends.delete(one.name);
    }
  }
  if (mends.size > 0) throw new Error(`there are no cases ${[...mends.keys()].join(", ")}`);
}

function pipelineOf(
  { source, features = "{ column: x }", label = "y", memory }: DataCase,
): string {
  const use = source ?? "{ use: arrow, path: a.arrow }";
  const feature = features.startsWith("{") ? `{ f: ${features} }` : `{ ${features}: }`;
  return `name: bad
seed: 1
data:
  train: ${use}
  test: ${use}
  features: ${feature}
  label: ${label}
${memory ? `  memory: ${memory}\n` : ""}network: { use: mlp, light: [4], booster: [8] }
losses: [{ use: ${/kind: number/.test(label) ? "mean-squared-error" : "cross-entropy"}, on: light }]
optimizer: { use: sgd, learningRate: 0.1 }
train: { epochs: 1, batch: 2 }
`;
}
