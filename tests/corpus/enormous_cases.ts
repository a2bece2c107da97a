import {
  Float32,
  Int32,
  Table,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { Builder } from "npm:flatbuffers@25.9.23";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type ChangeBuffer, packedStream } from "../support/packed_arrow.ts";
import type { Case } from "./pipeline_cases.ts";

const million = 1_000_000;

const bombs = join(import.meta.dirname!, "../fixtures/bombs");

/**
 * An Arrow stream of a million columns. In a flatbuffer tables may be named more than once, so that
 * all columns are the same one: 4 MB of metadata.
 */
function manyColumns(): Uint8Array {
  const builder = new Builder(2 ** 23);
  const name = builder.createString("x");
  builder.startObject(2);
  builder.addFieldInt16(0, 1, 0);
  const type = builder.endObject();
  builder.startObject(7);
  builder.addFieldOffset(0, name, 0);
  builder.addFieldInt8(2, 3, 0);
  builder.addFieldOffset(3, type, 0);
  const field = builder.endObject();
  builder.startVector(4, million, 4);
  for (let column = 0; column < million; column++) builder.addOffset(field);
  const fields = builder.endVector();
  builder.startObject(4);
  builder.addFieldOffset(1, fields, 0);
  const schema = builder.endObject();
  builder.startObject(5);
  builder.addFieldInt16(0, 4, 0);
  builder.addFieldInt8(1, 1, 0);
  builder.addFieldOffset(2, schema, 0);
  builder.finish(builder.endObject());
  const metadata = builder.asUint8Array();
  const length = Math.ceil(metadata.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + 8);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, -1, true);
  view.setInt32(4, length, true);
  bytes.set(metadata, 8);
  view.setInt32(8 + length, -1, true);
  return bytes;
}

/**
 * Writes an Arrow stream with one record batch of 3 GB. The file is sparse: parts that were not
 * written are read as zeros and take no space on the disk.
 */
function writeHugeBatch(path: string): void {
  const columns = new Table({
    x: vectorFromArray([0, 1], new Float32()),
    y: vectorFromArray([0, 1], new Int32()),
  });
  const bytes = tableToIPC(columns, "stream");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 8 + view.getInt32(4, true) + 8;
  const message = start + view.getUint32(start, true);
  // The fourth field of a message is the length of its body.
  const field = view.getUint16(message - view.getInt32(message, true) + 4 + 2 * 3, true);
  view.setBigInt64(message + field, 3_000_000_000n, true);
  Deno.writeFileSync(path, bytes);
  Deno.truncateSync(path, start + view.getInt32(start - 4, true) + 3_000_000_000);
}

/**
 * An LZ4 frame of zeros, 255 times as short: of blocks of 4 MB, which repeat their first byte.
 */
function zerosFrame(blocks: number): Uint8Array {
  const literals = 5, matched = 2 ** 22 - 1 - literals;
  const more = Math.floor((matched - 19) / 255);
  const block = Uint8Array.of(
    ...[0x1f, 0, 1, 0],
    ...Array<number>(more).fill(255),
    (matched - 19) % 255,
    literals << 4,
    ...Array<number>(literals).fill(0),
  );
  const frame = new Uint8Array(7 + blocks * (4 + block.length) + 4);
  // Its magic, version 1 with blocks by themselves, blocks of 4 MB, and the checksum of the two.
  frame.set([0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73]);
  const view = new DataView(frame.buffer);
  for (let index = 0, at = 7; index < blocks; index++, at += 4 + block.length) {
    view.setUint32(at, block.length, true);
    frame.set(block, at + 4);
  }
  return frame;
}

/** A stream of two rows, of which one buffer becomes 268 MB of zeros. */
function zerosStream(number: number, x: Vector): Uint8Array {
  const zeros = { said: 2 ** 28, bytes: zerosFrame(64) };
  return packedStream(new Table({ x, y: vectorFromArray([0, 1], new Int32()) }), {
    codec: "lz4",
    change: (buffer, index) => index === number ? zeros : buffer,
  });
}

/** Packed parts one after another, each of 16 MB that become 16 kB. */
function packedBomb(first: string, filling: string, parts: number): Uint8Array {
  const head = gzipSync(first), part = gzipSync(filling.repeat(2 ** 24 / filling.length));
  const bytes = new Uint8Array(head.length + parts * part.length);
  bytes.set(head);
  for (let index = 0; index < parts; index++) bytes.set(part, head.length + index * part.length);
  return bytes;
}

/** Files that are large in a way that nothing is made for. */
export function* enormousCases(folder: string): Iterable<Case> {
  let number = 0;
  const one = (
    name: string,
    file: string,
    write: (path: string) => void,
    words: readonly string[] = [file],
    query?: string,
  ): Case => {
    const own = join(folder, String(number++));
    Deno.mkdirSync(own);
    write(join(own, file));
    const format = ["csv", "parquet"].find((format) => file.includes(format)) ?? "arrow";
    const source = query === undefined
      ? `{ use: ${format}, path: ${file} }`
      : `{ use: sql, tables: { t: ${file} }, query: "${query}" }`;
    Deno.writeTextFileSync(
      join(own, "p.yaml"),
      `name: enormous
data:
  train: ${source}
  test: ${source}
  features: { ${file.includes("parquet") ? "c: { ids: train }" : "x:"} }
  label: y
network: { use: mlp, light: [4], booster: [8] }
losses: [{ use: cross-entropy, on: light }]
optimizer: { use: sgd, learningRate: 0.1 }
train: { epochs: 1, batch: 2 }
`,
    );
    return {
      name,
      args: ["check", "--engine", "wasm", "--quiet", "p.yaml"],
      folder: own,
      expected: { code: 1, words: ["p.yaml:", ...words] },
    };
  };
  const text = (content: () => string) => (path: string) => Deno.writeTextFileSync(path, content());
  yield one("Arrow of a million columns", "a.arrow", (path) => {
    Deno.writeFileSync(path, manyColumns());
  }, ["a.arrow", "columns"]);
  yield one("Arrow with a record batch of 3 GB", "a.arrow", writeHugeBatch, [
    "record batch 0 of a.arrow has a size of 3.0 GB; at most 2.1 GB can be read at once",
    "with smaller record batches",
  ]);
  const stream = (bytes: () => Uint8Array) => (path: string) => Deno.writeFileSync(path, bytes());
  yield one(
    "Arrow whose numbers LZ4 unpacks to 268 MB",
    "a.arrow",
    stream(() => zerosStream(1, vectorFromArray([0, 1], new Float32()))),
    ["in record batch 0, the column x declares 268435456 bytes, but needs 8"],
  );
  yield one(
    "Arrow whose text LZ4 unpacks to 268 MB",
    "a.arrow",
    stream(() => zerosStream(2, vectorFromArray(["a", "b"], new Utf8()))),
    ["in record batch 0, the column x declares 268435456 bytes, but needs 2"],
  );
  const many = (rows: number) =>
    stream(() => {
      const columns = new Table({
        x: vectorFromArray([0, 1], new Float32()),
        y: vectorFromArray([0, 1], new Int32()),
      });
      const values = { said: 4 * rows, bytes: new Uint8Array(8) };
      const change: ChangeBuffer = (buffer, index) => index % 2 === 1 ? values : buffer;
      return packedStream(columns, { codec: "zstd", rows, change });
    });
  yield one("Arrow whose rows ZSTD unpacks to 2.4 GB", "a.arrow", many(300 * million), [
    "record batch 0 of a.arrow has a size of 2.4 GB when it is decompressed; at most 2.1 GB can be read at once",
  ]);
  yield {
    ...one("Arrow whose rows ZSTD unpacks to more than there is memory", "a.arrow", many(3e7), [
      "record batch 0 of a.arrow has a size of 0.2 GB when it is decompressed; 0.1 GB of memory is available",
    ]),
    env: { ROCKET_MEMORY_LEFT: String(100 * million) },
  };
  const names = () => Array.from({ length: million }, (_, column) => `c${column}`).join();
  yield one("CSV of a million columns", "a.csv", text(() => `${names()}\n${names()}\n`));
  const start = `x,y\n${"1,0\n2,1\n".repeat(20_000)}`;
  const sparse = (content: string) => (path: string) => {
    Deno.writeTextFileSync(path, content);
    Deno.truncateSync(path, 2 ** 30);
  };
  yield one("CSV whose first line is 1 GB long", "a.csv", sparse(""), [
    "the first line of a.csv is longer than 2 MB",
  ]);
  yield one("CSV whose last line is 1 GB long", "a.csv", sparse(start), [
    "the line at byte 160,004 of a.csv is longer than 2 MB",
  ]);
  const packed = (first: string, filling: string) => (path: string) =>
    Deno.writeFileSync(path, packedBomb(first, filling, 64));
  yield one("gzip that becomes 1 GB of quotes", "a.csv.gz", packed("", '"'), [
    "the first line of a.csv.gz is longer than 2 MB",
  ]);
  yield one("gzip that becomes a line of 1 GB", "a.csv.gz", packed(start, "0"), [
    "the line at byte 160,004 of a.csv.gz is longer than 2 MB",
  ]);
  // Files of 2 kB that pyarrow wrote, or that are written by hand: what one value takes in the
  // file, all rows take in memory.
  const little = { env: { ROCKET_MEMORY_LEFT: String(600 * million) } };
  const bomb = (name: string) => (path: string) => Deno.copyFileSync(join(bombs, name), path);
  for (const name of ["dictionary", "list_texts", "delta", "lists"]) {
    const words = [
      "reading a.parquet needs more",
      "write shorter values, or fewer rows per row group",
    ];
    const what = name.replace("_", " of ");
    yield {
      ...one(`Parquet whose ${what} have 100 GB`, "a.parquet", bomb(`${name}.parquet`), words),
      ...little,
    };
  }
  yield {
    ...one(
      "a query whose table has 400 GB of text",
      "a.parquet",
      bomb("dictionary.parquet"),
      ["the query needs more", "read fewer rows and columns, or shorten"],
      "SELECT c, y FROM t",
    ),
    ...little,
  };
}
