import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  Decimal,
  Int,
  makeData,
  Table,
  tableFromArrays,
  tableFromIPC,
  tableToIPC,
  Vector,
} from "apache-arrow";
import { FileBlock, Footer } from "apache-arrow/ipc/metadata/file";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../../src/base/errors.ts";
import arrow from "../../../plugins/sources/arrow.ts";
import {
  ColumnError,
  verifyColumn,
  verifyType,
} from "../../../plugins/sources/record_batch_verify.ts";
import { arrowSource, expected, fixtures } from "../../support/arrow.ts";
import { withFiles } from "../../support/formats.ts";
import { exactColumns, interopFiles, interopFolder } from "../../support/interop.ts";

const rowsOf = async (path: string | string[], folder?: string) => {
  const { rowCounts, recordBatches } = await arrowSource(path, folder).open();
  const read: number[] = [];
  for await (const batch of recordBatches()) read.push(batch.numRows);
  assertEquals(read, [...rowCounts!]);
  return read;
};

const part = (...values: number[]) =>
  tableToIPC(tableFromArrays({ x: Uint8Array.from(values) }), "file");
const fixture = (name: string) => Deno.readFile(join(fixtures, name));

Deno.test("arrow reads files and streams, with the rows of each record batch", async () => {
  assertEquals(await rowsOf("types.arrow"), [3, 2]);
  assertEquals(await rowsOf("types.arrows"), [3, 2]);
  assertEquals(await rowsOf(join(fixtures, "types.arrow"), "/"), [3, 2]);
  assertEquals((await rowsOf("no_rows.arrow")).reduce((a, b) => a + b, 0), 0);
  assertEquals((await rowsOf("no_batches.arrow")).reduce((a, b) => a + b, 0), 0);
});

Deno.test("arrow provides record batches by index and in order, any number of times", async () => {
  for (const file of ["types.arrow", "types.arrows"]) {
    const { recordBatch, recordBatches } = await arrowSource(file).open();
    const first = (await recordBatch!(1)).getChild("uint8")!.toArray();
    assertEquals([...first], [3, 255]);
    for (let time = 0; time < 2; time++) {
      const values: number[] = [];
      for await (const batch of recordBatches()) values.push(...batch.getChild("uint8")!.toArray());
      assertEquals(values, [0, 1, 2, 3, 255]);
    }
    await assertRejects(() => recordBatch!(2), RangeError, "no record batch 2 among 2");
  }
});

Deno.test("arrow reads each file of a glob once, in the order of their names", async () => {
  const files = { "part-1.arrow": part(3), "part-0.arrow": part(1, 2), "other.arrow": part(9) };
  await withFiles(files, async (folder) => {
    assertEquals(await rowsOf("part-*.arrow", folder), [2, 1]);
    assertEquals(await rowsOf(["other.arrow", "part-1.arrow", "part-*.arrow"], folder), [1, 1, 2]);
    assertEquals(await rowsOf("./part-{0,1}.arrow", folder), [2, 1]);
    assertEquals(await rowsOf(join(folder, "*-0.arrow"), "/"), [2]);
    const error = await assertRejects(() => rowsOf("parts-*.arrow", folder), UserError);
    assertEquals(error.message, "no file matches parts-*.arrow");
    assertStringIncludes(error.problems[0]!.hint!, folder);
  });
});

Deno.test("arrow treats a name with brackets as a file name, not as a glob, if the file exists", async () => {
  await withFiles({ "part[1].arrow": part(1, 2, 3) }, async (folder) => {
    assertEquals(await rowsOf("part[1].arrow", folder), [3]);
  });
});

Deno.test("arrow's fingerprint is the SHA-256 of the file, and changes with any file", async () => {
  const hash = createHash("sha256").update(await fixture("types.arrow")).digest("hex");
  assertEquals((await arrowSource("types.arrow").open()).fingerprint, `sha256:${hash}`);
  const prints = new Set<string>();
  for (const second of [part(2), part(3)]) {
    await withFiles({ "0.arrow": part(1), "1.arrow": second }, async (folder) => {
      prints.add((await arrowSource("*.arrow", folder).open()).fingerprint);
      prints.add((await arrowSource(["1.arrow", "0.arrow"], folder).open()).fingerprint);
    });
  }
  assertEquals(prints.size, 4);
});

Deno.test("arrow refuses files whose columns differ, and names both files and the types", async () => {
  const texts = tableToIPC(tableFromArrays({ x: ["1"] }), "file");
  const more = tableToIPC(tableFromArrays({ x: Uint8Array.of(1), y: Uint8Array.of(1) }), "stream");
  await withFiles({ "a.arrow": part(1), "b.arrow": texts, "c.arrow": more }, async (folder) => {
    await assertRejects(
      () => rowsOf(["a.arrow", "b.arrow"], folder),
      UserError,
      "the column x differs between files: Uint8 in a.arrow, Dictionary<Int32, Utf8> in b.arrow",
    );
    await assertRejects(
      () => rowsOf(["a.arrow", "c.arrow"], folder),
      UserError,
      "the column y differs between files: a.arrow has no such column, Uint8 in c.arrow",
    );
  });
});

Deno.test("arrow names similar files if a file is missing", async () => {
  const missing = await assertRejects(() => rowsOf("typs.arrow"), UserError);
  assertEquals(missing.message, "there is no file typs.arrow");
  assertEquals(missing.problems[0]!.hint, `did you mean ${join(fixtures, "types.arrow")}?`);
  const folder = await assertRejects(() => rowsOf("nowhere/types.arrow"), UserError);
  assertStringIncludes(
    folder.problems[0]!.hint!,
    `there is no folder ${join(fixtures, "nowhere")}`,
  );
  await withFiles({}, async (folder) => {
    const error = await assertRejects(() => rowsOf("x.arrow", folder), UserError);
    assertEquals(error.problems[0]!.hint, `the folder ${folder} has no files`);
    await assertRejects(() => rowsOf(".", folder), UserError, "the folder . has no Arrow files");
  });
});

Deno.test("arrow names the format of a file that is not Arrow", async () => {
  const cases: [Uint8Array | string, string][] = [
    ["", "x is empty"],
    ["PAR1 and more of it", "x is a Parquet file"],
    ["FEA1 and more of it", "x is a Feather file of version 1"],
    ["a,b\n1,2\n", "x is a text file, perhaps CSV"],
    ['{"a": 1}\n', "x is a JSON file"],
    [Uint8Array.of(0x1f, 0x8b, 8, 0, 0), "x is compressed with gzip"],
    ["PK\x03\x04 and more of it", "x is a ZIP archive"],
    [Uint8Array.of(0x93, 78, 85, 77, 80, 89), "x is a NumPy file"],
    ["version https://git-lfs.github.com/spec/v1\n", "x is a pointer of Git LFS"],
    [
      Uint8Array.of(0, 1, 2, 250, 4, 5, 6, 7, 8),
      "(it starts with the bytes 00 01 02 fa 04 05 06 07)",
    ],
    [Uint8Array.of(1, 0), "(it starts with the bytes 01 00)"],
  ];
  for (const [content, message] of cases) {
    await withFiles({ x: content }, async (folder) => {
      await assertRejects(() => rowsOf("x", folder), UserError, message);
    });
  }
});

Deno.test("arrow refuses files that are truncated at any byte, or damaged", async () => {
  for (const name of ["types.arrow", "types.arrows"]) {
    const whole = await fixture(name);
    // A stream that ends between two messages is whole: its end mark may be left out.
    for (const part of [0.1, 0.3, 0.5, 0.7, 0.9, 0.98]) {
      const cut = whole.slice(0, Math.floor(whole.length * part) | 1);
      await withFiles({ [name]: cut }, async (folder) => {
        await assertRejects(() => rowsOf(name, folder), UserError, name);
      });
    }
  }
  const file = await fixture("types.arrow");
  file.fill(0x7f, file.length - 400, file.length - 10);
  await withFiles({ "types.arrow": file }, async (folder) => {
    await assertRejects(() => rowsOf("types.arrow", folder), UserError, "types.arrow");
  });
});

Deno.test("arrow refuses a file with a column that has no name", async () => {
  const table = tableFromArrays({ x: Uint8Array.of(1) });
  Object.assign(table.schema.fields[0]!, { name: null });
  for (const format of ["file", "stream"] as const) {
    await withFiles({ "a.arrow": tableToIPC(table, format) }, async (folder) => {
      const error = await assertRejects(() => arrowSource("a.arrow", folder).open(), UserError);
      assertStringIncludes(error.message, "cut off or damaged: a column has no name");
    });
  }
});

Deno.test("arrow reads record batches that are compressed with LZ4 and with ZSTD", async () => {
  for (const path of ["lz4.arrow", "zstd.arrows"]) {
    const { recordBatches } = await arrowSource(path).open();
    const read: Record<string, number[]> = { uint8: [], float64: [] };
    for await (const batch of recordBatches()) {
      for (const column of Object.keys(read)) {
        read[column]!.push(...batch.getChild(column)!.toArray() as number[]);
      }
    }
    for (const [column, values] of Object.entries(read)) assertEquals(values, expected[column]);
  }
});

Deno.test("arrow reports that a compressed record batch is damaged", async () => {
  for (const name of ["lz4.arrow", "zstd.arrows"]) {
    const file = await fixture(name);
    // Behind the schema and the record batch's metadata, where the first frame is.
    const magic = name.startsWith("lz4") ? [4, 34, 77, 24] : [40, 181, 47, 253];
    const start = file.findIndex((_, at) => magic.every((byte, i) => file[at + i] === byte));
    file.fill(0x55, start, start + 8);
    await withFiles({ [name]: file }, async (folder) => {
      await assertRejects(() => rowsOf(name, folder), UserError, name);
    });
  }
});

Deno.test("arrow reads files with columns that are unions, and reports damage in them", async () => {
  assertEquals(await rowsOf("unions.arrow"), [3]);
  const table = tableFromIPC(await fixture("unions.arrow"));
  const { data: [data] } = table.getChild("dense")!;
  data!.valueOffsets[2] = 7;
  assertThrows(() => verifyColumn(data!, "dense"), Error, "has a value at 7 in row 2");
});

Deno.test("arrow refuses types that cannot be read at all", async () => {
  const error = await assertRejects(() => rowsOf("list_view.arrow"), UserError);
  assertStringIncludes(error.message, "list_view.arrow cannot be read as an Arrow file");
  assertStringIncludes(error.problems[0]!.hint!, "list views");
});

Deno.test("arrow does not call integers of 128 bits damaged, which Polars writes", () => {
  const error = assertThrows(() => verifyType(new Int(true, 128 as 64), "amount"), Error);
  assertEquals(error.message, "the column amount has numbers of 128 bits");
  assert(!(error instanceof ColumnError));
});

Deno.test("arrow reads record batches at offsets beyond 2 and 4 GB of a file", async () => {
  const small = await arrowSource("types.arrow").open();
  const whole = await fixture("types.arrow");
  const view = new DataView(whole.buffer);
  const footerLength = view.getInt32(whole.length - 10, true);
  const footer = Footer.decode(whole.subarray(whole.length - 10 - footerLength, -10));
  // The same record batches with gigabytes of nothing before them; sparse, so that they take no
  // room.
  const places = [2.5e9, 5e9];
  const blocks = Array.from(footer.recordBatches());
  const moved = blocks.map((block, index) =>
    new FileBlock(block.metaDataLength, block.bodyLength, BigInt(places[index]!))
  );
  const tail = Footer.encode(
    new Footer(footer.schema, footer.version, moved, [...footer.dictionaryBatches()]),
  );
  await withFiles({ "big.arrow": whole.slice(0, -10 - footerLength) }, async (folder) => {
    const file = await Deno.open(join(folder, "big.arrow"), { write: true });
    for (const [index, { offset, metaDataLength, bodyLength }] of blocks.entries()) {
      await file.seek(places[index]!, Deno.SeekMode.Start);
      await file.write(whole.subarray(offset, offset + metaDataLength + bodyLength));
    }
    const end = new Uint8Array(tail.length + 10);
    end.set(tail);
    new DataView(end.buffer).setInt32(tail.length, tail.length, true);
    end.set(new TextEncoder().encode("ARROW1"), tail.length + 4);
    await file.write(end);
    file.close();
    const big = await arrowSource("big.arrow", folder).open();
    assertEquals(big.rowCounts, [3, 2]);
    for (const index of [1, 0]) {
      const [actual, wanted] = [await big.recordBatch!(index), await small.recordBatch!(index)];
      assertEquals(String(actual), String(wanted));
    }
    assertStringIncludes(big.fingerprint, "sha256-of-parts:");
    await big.close!();
  });
  await small.close!();
});

Deno.test("arrow refuses options that are not paths", () => {
  for (const path of ["", [], 3, undefined]) {
    assert(!arrow.options.safeParse({ path }).success, JSON.stringify(path));
  }
  assert(!arrow.options.safeParse({ path: "x", columns: [] }).success);
});

Deno.test("arrow refuses files in big-endian byte order", async () => {
  const folder = join(fixtures, "..", "formats");
  const error = await assertRejects(() => rowsOf("big_endian.arrows", folder), UserError);
  assertStringIncludes(error.message, "big_endian.arrows has big-endian byte order");
});

Deno.test("arrow reads decimals with different widths in several files", async () => {
  const file = (bits: number, words: number[]) => {
    const type = new Decimal(2, 20, bits);
    const data = makeData({ type, length: 2, nullCount: 0, data: Uint32Array.from(words) });
    return tableToIPC(new Table({ x: new Vector([data]) }), "file");
  };
  const files = {
    "0.arrow": file(128, [125, 0, 0, 0, 250, 0, 0, 0]),
    "1.arrow": file(256, [375, 0, 0, 0, 0, 0, 0, 0, 500, 0, 0, 0, 0, 0, 0, 0]),
  };
  await withFiles(files, async (folder) => {
    assertEquals((await arrowSource("*.arrow", folder).open()).rows, undefined);
    assertEquals(await exactColumns(arrowSource("*.arrow", folder)), {
      x: ["1.25", "2.50", "3.75", "5.00"],
    });
  });
});

Deno.test("arrow detects any changed byte and any truncation of LZ4 data with checksums", async () => {
  const entry = interopFiles.find(({ file }) => file === "polars_stored.arrow")!;
  const whole = await Deno.readFile(join(interopFolder, entry.file));
  const magic = [4, 34, 77, 24];
  const starts = [...whole.keys()].filter((at) => magic.every((byte, i) => whole[at + i] === byte));
  assert(starts.length >= 2);
  await withFiles({}, async (folder) => {
    const path = join(folder, "x.arrow");
    const read = () => exactColumns(arrowSource("x.arrow", folder));
    // Behind the header of the first frame, which holds nearly all of the file, in its one block.
    const size = new DataView(whole.buffer).getUint32(starts[0]! + 7, true) & 0x7fffffff;
    for (let at = starts[0]!; at < starts[0]! + 7 + 4 + size + 4; at += 41) {
      const changed = whole.slice();
      changed[at]! ^= 1 << at % 8;
      await Deno.writeFile(path, changed);
      const error = await assertRejects(
        read,
        UserError,
        "x.arrow is an Arrow file that is cut off",
      );
      assertMatch(
        error.message,
        /in record batch 0, the LZ4 data of the column \S+ cannot be decompressed/,
      );
    }
    await Deno.writeFile(path, whole);
    assertEquals(await read(), entry.columns as never);
    for (const part of [0.2, 0.5, 0.9]) {
      await Deno.writeFile(path, whole.subarray(0, Math.floor(whole.length * part)));
      await assertRejects(read, UserError, "x.arrow");
    }
  });
});

Deno.test("arrow reports a name that two columns have, in one file and in several", async () => {
  const twice = join(interopFolder, "pyarrow_same_names.arrow");
  for (const path of [twice, [twice, twice]]) {
    const dataset = await arrowSource(path).open();
    const names = dataset.schema.fields.map(({ name }) => name);
    assertEquals(names.filter((name) => name === "x").length, 2);
    await dataset.close?.();
  }
});
