import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { RecordBatch } from "apache-arrow";
import fc from "fast-check";
import { gzipSync } from "node:zlib";
import { UserError } from "../../../plugin.ts";
import csv from "../../../plugins/sources/csv.ts";
import { sourceOf, withFiles } from "../../support/formats.ts";

type Options = Readonly<Record<string, unknown>>;
type Files = Readonly<Record<string, string | Uint8Array>>;

interface Read {
  /** The types of the columns. */
  readonly types: Readonly<Record<string, string>>;
  /** The values as Arrow keeps them: whole numbers of 64 bits, dates and times as integers. */
  readonly values: Readonly<Record<string, unknown[]>>;
}

async function read(files: Files, options: Options = {}): Promise<Read> {
  let read: Read | undefined;
  await withFiles(files, async (folder) => {
    const path = Object.keys(files);
    const dataset = await sourceOf(csv, { path, ...options }, folder).open();
    try {
      const { fields } = dataset.schema;
      const values = Object.fromEntries(fields.map(({ name }) => [name, [] as unknown[]]));
      for await (const batch of dataset.recordBatches()) {
        fields.forEach(({ name }, index) => values[name]!.push(...rawOf(batch, index)));
      }
      const types = Object.fromEntries(fields.map(({ name, type }) => [name, String(type)]));
      read = { types, values };
    } finally {
      await dataset.close?.();
    }
  });
  return read!;
}

function rawOf(batch: RecordBatch, index: number): unknown[] {
  const data = batch.data.children[index]!;
  const vector = batch.getChildAt(index)!;
  const raw = /Date|Time/.test(String(data.type));
  return Array.from({ length: batch.numRows }, (_, row) => {
    if (!vector.isValid(row)) return null;
    return raw ? data.values[row] : vector.get(row);
  });
}

const column = (...texts: string[]) => ({ "x.csv": `x\n${texts.join("\n")}\n` });

async function assertRefused(files: Files, options: Options, message: string, hint = "") {
  const error = await assertRejects(() => read(files, options), UserError);
  assertEquals(error.message, message);
  assertStringIncludes(error.problems[0]!.hint ?? "", hint);
}

Deno.test("csv reads columns that are named like properties of Object.prototype", async () => {
  const names = ["constructor", "toString", "valueOf"];
  const file = { "x.csv": `${names.join()}\n1,2,a\n3,4,b\n` };
  const { types } = await read(file);
  assertEquals(types, { constructor: "Int64", toString: "Int64", valueOf: "Utf8" });
  const given = await read(file, { columns: { toString: "string" } });
  assertEquals(given.types, { constructor: "Int64", toString: "Utf8", valueOf: "Utf8" });
});

/**
 * What is found for a column of these texts: its type, and its values if they are not the texts.
 */
const found: Readonly<Record<string, [texts: string[], type: string, values?: unknown[]]>> = {
  "whole numbers": [["0", "-7", "9223372036854775807"], "Int64", [0n, -7n, 2n ** 63n - 1n]],
  "whole numbers of 64 bits without a sign": [
    ["1", "18446744073709551615"],
    "Uint64",
    [1n, 2n ** 64n - 1n],
  ],
  "whole numbers beyond 64 bits": [["1", "18446744073709551616"], "Utf8"],
  "whole numbers that need a sign and 64 bits": [["-1", "18446744073709551615"], "Utf8"],
  "whole numbers and decimals": [["1", "0.5", "-2."], "Float64", [1, 0.5, -2]],
  "decimals in each notation": [[".5", "1e3", "-1.5E-7"], "Float64", [0.5, 1000, -1.5e-7]],
  "a zero below 0": [["1", "-0"], "Float64", [1, -0]],
  "numbers with spaces around them": [[" 7", "8 "], "Int64", [7n, 8n]],
  "numbers with zeros in front": [["007", "7"], "Utf8"],
  "numbers with a plus": [["+5", "6"], "Utf8"],
  "numbers of other notations": [["0x10", "1_000", "1"], "Utf8"],
  "0 and 1": [["0", "1", "1"], "Int64", [0n, 1n, 1n]],
  "true and false": [["true", "false"], "Bool", [true, false]],
  "TRUE and FALSE": [["TRUE", "FALSE"], "Bool", [true, false]],
  "two spellings of true": [["True", "true"], "Utf8"],
  "other words for true": [["t", "f", "yes", "no"], "Utf8"],
  "dates": [["1970-01-02", "2024-02-29"], "Date32<DAY>", [1, 19782]],
  "days that there are not": [["2023-02-29"], "Utf8"],
  "dates in another notation": [["01/02/2026", "2026/01/02"], "Utf8"],
  "dates and timestamps": [
    ["1970-01-02", "1970-01-01 00:00:01.5"],
    "Timestamp<MICROSECOND>",
    [86_400_000_000n, 1_500_000n],
  ],
  "timestamps with a T, and with zeros behind microseconds": [
    ["1970-01-01T00:01", "1970-01-01T00:00:00.000001000"],
    "Timestamp<MICROSECOND>",
    [60_000_000n, 1n],
  ],
  "timestamps with nanoseconds": [["1970-01-01 00:00:00.000000001"], "Utf8"],
  "timestamps with a time zone": [
    ["1970-01-01T00:00:00Z", "1970-01-01 02:00:00+01:00"],
    "Timestamp<MICROSECOND, UTC>",
    [0n, 3_600_000_000n],
  ],
  "timestamps with and without a time zone": [
    ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00"],
    "Utf8",
  ],
  "times": [["00:00:01", "23:59:59.5"], "Time64<MICROSECOND>", [1_000_000n, 86_399_500_000n]],
  "times of the next day": [["24:00:00"], "Utf8"],
  "numbers and text": [["1", "a", "1.0"], "Utf8"],
  "words for numbers that are none": [["nan", "inf", "1"], "Utf8"],
};

for (const [what, [texts, type, values]] of Object.entries(found)) {
  Deno.test(`csv reads ${what} as ${type}`, async () => {
    const { types, values: read_ } = await read(column(...texts));
    assertEquals([types.x, read_.x], [type, values ?? texts]);
  });
}

Deno.test("csv infers types from all rows, wherever the deciding value is", async () => {
  for (const [value, type] of [["0.5", "Float64"], ["A7", "Utf8"], ["", "Int64"]] as const) {
    const rows = Array.from({ length: 30_000 }, (_, row) => row === 29_999 ? `${value},0` : "1,0");
    const { types, values } = await read({ "x.csv": `x,y\n${rows.join("\n")}\n` });
    assertEquals(types.x, type);
    assertEquals(String(values.x!.at(-1) ?? ""), value);
  }
});

Deno.test("csv infers types from all files, except those without rows or with only nulls", async () => {
  const files = {
    "0.csv": "x,y\n",
    "1.csv": "y,x\na,1\n",
    "2.csv": "x,y\n,b\n",
    "3.csv": "x,y\n0.5,\n",
  };
  const { types, values } = await read(files);
  assertEquals(types, { x: "Float64", y: "Utf8" });
  assertEquals(values, { x: [1, null, 0.5], y: ["a", "b", null] });
  assertEquals((await read({ "0.csv": "x\n" })).types, { x: "Null" });
});

Deno.test("csv reads an empty text in quotes as a null if the column is not text", async () => {
  const quoted = { "x.csv": 'x,y\n"",""\n"1","a"\n"NA","NA"\n' };
  const { values } = await read(quoted, { nullValues: ["", "NA"] });
  assertEquals(values, { x: [null, 1n, null], y: ["", "a", "NA"] });
});

Deno.test("csv refuses numbers that float64 cannot represent, and names their line", async () => {
  await assertRefused(
    column("0.5", "1e400"),
    {},
    'line 3 of x.csv: "1e400" in the column x exceeds the range of float64',
    "columns: { x: string }",
  );
  const mixed = column("0.5", "9007199254740993");
  await assertRefused(
    mixed,
    {},
    'line 3 of x.csv: the column x has decimals and is read as float64, which cannot represent the integer "9007199254740993" exactly',
    "columns: { x: float64 }",
  );
  assertEquals((await read(mixed, { columns: { x: "float64" } })).values.x, [0.5, 2 ** 53]);
  assertEquals((await read(column("0.5", "9007199254740994"))).values.x, [0.5, 2 ** 53 + 2]);
});

/** Which texts a type that was given takes, with their values, and which it refuses. */
const given: Readonly<Record<string, [taken: Record<string, unknown>, refused: string[]]>> = {
  int32: [
    { "7": 7, "-7": -7, "+5": 5, "-0": 0, "007": 7, " 7 ": 7, "1.0": 1, "-2147483648": -(2 ** 31) },
    ["1.5", "2147483648", "1e3", "0x10", "1_000", "true", "1,0", "", "٣"].filter((it) => it),
  ],
  uint8: [{ "255": 255 }, ["300", "-1", "256", "1.01"]],
  int64: [
    { "9223372036854775807": 2n ** 63n - 1n },
    ["9223372036854775808", "0.99999999999999999999"],
  ],
  uint64: [{ "18446744073709551615": 2n ** 64n - 1n }, ["18446744073709551616", "-1"]],
  float32: [
    {
      "0.1": Math.fround(0.1),
      "1e-50": 0,
      "+5": 5,
      "007": 7,
      "3.4028235e38": 3.4028234663852886e38,
    },
    ["1e39", "nan", "inf", "0x10", "1_000", "1e", "."],
  ],
  float64: [{ "0.1": 0.1, "1e308": 1e308, "9007199254740993": 2 ** 53 }, ["1e400", "-inf", "NaN"]],
  bool: [{ "true": true, "FALSE": false, "True": true }, ["1", "0", "t", "yes", "y"]],
  date: [{ "1970-01-02": 1 }, [
    "1970-01-02 12:00:00",
    "1970-1-2",
    "1970-02-30",
    "infinity",
    "12345-01-01",
  ]],
  timestamp: [
    { "1970-01-01 00:00:01": 1_000_000n, "1970-01-02": 86_400_000_000n },
    ["1970-01-01T00:00:00Z", "1970-01-01 00:00:00.0000001", "1970-01-01 24:00:00", "epoch"],
  ],
  time: [{ "12:00": 43_200_000_000n }, ["24:00:00", "1:2:3", "12:00:00.0000001"]],
};

for (const [type, [taken, refused]] of Object.entries(given)) {
  Deno.test(`csv reads a column with the declared type ${type} exactly, or refuses it`, async () => {
    const options = { columns: { x: type } };
    const { values } = await read(column(...Object.keys(taken)), options);
    assertEquals(values.x, Object.values(taken));
    for (const text of refused) {
      // A comma needs quotes.
      const files = column(Object.keys(taken)[0]!, `"${text}"`);
      const message = `line 3 of x.csv: ${
        JSON.stringify(text)
      } in the column x is not a valid ${type}`;
      await assertRefused(files, options, message, "columns: { x: ");
    }
  });
}

Deno.test("csv names the first wrong line of each column, also after quoted line breaks and blank lines", async () => {
  const text = '\nname,x,y\n"a\nb",1,2\n\n"c ""d""\n\n",1,2\nlast,1.5,2.5\n';
  const columns = { x: "int8", y: "int8" };
  for (const end of ["\n", "\r\n"]) {
    const ended = text.replaceAll("\n", end);
    for (const [name, content] of [["x.csv", ended], ["x.csv.gz", gzipSync(ended)]] as const) {
      const error = await assertRejects(() => read({ [name]: content }, { columns }), UserError);
      assertEquals(error.problems.map(({ message }) => message), [
        `line 9 of ${name}: "1.5" in the column x is not a valid int8`,
        `line 9 of ${name}: "2.5" in the column y is not a valid int8`,
      ]);
    }
  }
  await assertRefused(
    column("1", "", "x"),
    { columns: { x: "int8" } },
    'line 4 of x.csv: "x" in the column x is not a valid int8',
  );
});

Deno.test("csv ignores invalid values in columns that are not requested", async () => {
  await withFiles({ "x.csv": "x,y\n1.5,1\n" }, async (folder) => {
    const source = sourceOf(csv, { path: "x.csv", columns: { x: "int8" } }, folder);
    const dataset = await source.open({ columns: ["y"] });
    for await (const batch of dataset.recordBatches()) assertEquals(batch.numRows, 1);
    await dataset.close!();
  });
});

Deno.test("csv names the values that are not numbers in a text column of mostly numbers", async () => {
  await withFiles({
    "0.csv": "x,y,code,given\n1,a,007,1\n2.5,b,8,2\n",
    "1.csv": "x,y,code,given\nNA,c,9,3\n4,d,1,NA\n?,e,1,4\nNA,f,1,5\n7,7,1,6\n8,8,1,7\n9,9,+5,8\n",
  }, async (folder) => {
    const columns = { given: "string" };
    const dataset = await sourceOf(csv, { path: "*.csv", columns }, folder).open();
    const nullValues = [""];
    assertEquals(Object.fromEntries(dataset.textFacts!), {
      x: {
        values: 9,
        numbers: 6,
        texts: ["NA", "?"],
        codes: false,
        first: { file: "1.csv", row: 0, line: 2 },
        nullValues,
      },
      y: { values: 9, numbers: 3, texts: [], codes: false, nullValues },
      code: { values: 9, numbers: 9, texts: [], codes: true, nullValues },
      given: { values: 9, numbers: 8, texts: ["NA"], codes: true, nullValues },
    });
    assertEquals(dataset.schema.fields.map(({ metadata }) => metadata.size), [0, 0, 0, 0]);
    await dataset.close!();
  });
});

Deno.test("csv names the delimiter that the header contains if the option is wrong", async () => {
  for (const delimiter of [";", "\t", "|"]) {
    const shown = JSON.stringify(delimiter);
    const text = `a;b;c\n1,5;2;3\n`.replaceAll(";", delimiter);
    await assertRefused(
      { "x.csv": text },
      {},
      `with the delimiter ",", x.csv has only one column, ${
        JSON.stringify(`a;b;c`.replaceAll(";", delimiter))
      }`,
      `write delimiter: ${shown}`,
    );
    assertEquals((await read({ "x.csv": text }, { delimiter })).values.c, [3n]);
  }
  await assertRefused(
    { "x.tsv": "a,b\n1,2\n" },
    {},
    'with the delimiter "\\t", x.tsv has only one column, "a,b"',
    'delimiter: ","',
  );
  // One column may well be called so.
  assertEquals((await read({ "x.csv": "a;b\n1\n" })).values, { "a;b": [1n] });
});

Deno.test("csv distinguishes names that differ in case, and refuses duplicate names", async () => {
  assertEquals((await read({ "x.csv": 'x,X,"a ""b"""\n1,2,3\n' })).values, {
    x: [1n],
    X: [2n],
    'a "b"': [3n],
  });
  await assertRefused(
    { "x.csv": "x,x\n1,2\n" },
    {},
    "x.csv has two columns called x",
    "rename one of them",
  );
});

const digits = (most: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${most}}$`));
const decimal = fc.tuple(
  fc.constantFrom("", "-"),
  fc.oneof(digits(20), fc.constant("0")),
  fc.option(digits(25), { nil: undefined }),
  fc.option(fc.integer({ min: -330, max: 300 }), { nil: undefined }),
).map(([sign, whole, part, power]) =>
  `${sign}${whole.replace(/^0+(?=.)/, "")}${part === undefined ? "" : `.${part}`}${
    power === undefined ? "" : `e${power}`
  }`
);

/** The float32 nearest to a text, by exact arithmetic: `Math.fround(Number(text))` rounds twice. */
function nearestFloat32(text: string): number {
  const first = Math.fround(Number(text));
  if (!Number.isFinite(first)) return first;
  const { numerator, denominator } = fraction(text);
  const distance = (value: number) => {
    const [n, d] = exactly(value);
    const difference = n * denominator - numerator * d;
    return [difference < 0n ? -difference : difference, d] as const;
  };
  const bits = new Int32Array(1), float = new Float32Array(bits.buffer);
  const candidates = [0, 1, -1].map((step) => {
    float[0] = first;
    bits[0]! += step;
    return float[0]!;
  }).filter(Number.isFinite);
  return candidates.reduce((best, other) => {
    const [a, da] = distance(best), [b, db] = distance(other);
    return b * da < a * db ? other : best;
  });
}

/** A finite float as a fraction. */
function exactly(value: number): [bigint, bigint] {
  let denominator = 1n;
  while (!Number.isInteger(value)) [value, denominator] = [value * 2, denominator * 2n];
  return [BigInt(value), denominator];
}

function fraction(text: string): { numerator: bigint; denominator: bigint } {
  const [mantissa, power = "0"] = text.split("e") as [string, string?];
  const [whole, part = ""] = mantissa.split(".") as [string, string?];
  const scale = Number(power) - part.length;
  const digits = BigInt(whole + part);
  return scale >= 0
    ? { numerator: digits * 10n ** BigInt(scale), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-scale) };
}

Deno.test("csv reads a decimal as the same float64 as JavaScript, and as the nearest float32", async () => {
  const texts = fc.sample(decimal, { numRuns: 4000, seed: 13 });
  // Halfway between two float32 but for the last digit: rounding twice goes wrong here.
  texts.push(
    "1.00000005960464477539062500000001",
    "1.000000059604644775390625",
    "16777217.0000001",
  );
  const wide = texts.filter((text) => Number.isFinite(Number(text)));
  const read64 = await read(column("0.5", ...wide), { columns: { x: "float64" } });
  assertEquals(read64.values.x!.slice(1), wide.map(Number));
  const narrow = wide.filter((text) => Number.isFinite(Math.fround(Number(text))));
  assert(narrow.length > 1000);
  const read32 = await read(column("0.5", ...narrow), { columns: { x: "float32" } });
  assertEquals(read32.values.x!.slice(1), narrow.map(nearestFloat32));
});

/** What a text is as a whole number, by BigInt alone. */
function wholeOf(text: string): bigint | undefined {
  return /^-?(0|[1-9][0-9]*)$/.test(text) && text !== "-0" ? BigInt(text) : undefined;
}

Deno.test("csv never changes text, whatever other values its column has", async () => {
  const cell = fc.oneof(
    fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
    fc.integer().map(String),
    decimal,
    fc.constantFrom(
      "007",
      "+5",
      "-0",
      " 7",
      "true",
      "False",
      "NA",
      "1_0",
      "0x1",
      "nan",
      "1e999",
      "é",
      "2026-01-01",
      "2026-01-01 00:00:00",
      "12:00:00",
    ),
    fc.string({ unit: "grapheme-ascii", minLength: 1 }).map((it) =>
      it.replaceAll(/["\r\n\0]/g, "")
    ),
  ).filter((it) => it !== "");
  const columns = fc.sample(fc.array(cell, { minLength: 1, maxLength: 4 }), {
    numRuns: 120,
    seed: 7,
  });
  const rows = Array.from(
    { length: 4 },
    (_, row) => columns.map((texts) => `"${texts[row % texts.length]}"`).join(),
  );
  const header = columns.map((_, index) => `c${index}`).join();
  const files = { "x.csv": `${header}\n${rows.join("\n")}\n` };
  const { types, values } = await readRefusing(files);
  let compared = 0;
  for (const [index, texts] of columns.entries()) {
    const type = types[`c${index}`];
    if (type === undefined) continue;
    compared++;
    const got = values[`c${index}`]!;
    Array.from({ length: 4 }, (_, row) => texts[row % texts.length]!).forEach((text, row) => {
      const value = got[row];
      if (type === "Utf8") assertEquals(value, text);
      else if (type === "Int64" || type === "Uint64") assertEquals(value, wholeOf(text.trim()));
      else if (type === "Float64") {
        const whole = wholeOf(text.trim());
        assertEquals(value, Number(text));
        if (whole !== undefined) assertEquals(BigInt(value as number), whole);
      } else assert(!/^-?[0-9.]+$/.test(text), `${text} became ${type}`);
    });
  }
  assert(compared > 90);
});

/** Reads a file without the columns that are refused, which the messages name. */
async function readRefusing(files: Files): Promise<Read> {
  try {
    return await read(files);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const refused = error.problems.map(({ message }) => /the column (\w+) /.exec(message)![1]!);
    const columns = Object.fromEntries(refused.map((name) => [name, "string"]));
    const { types, values } = await read(files, { columns });
    return {
      types: Object.fromEntries(Object.entries(types).filter(([name]) => !refused.includes(name))),
      values,
    };
  }
}
