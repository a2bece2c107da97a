import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { cifar, cifar10Options, type CifarOptions } from "../../data/cifar.ts";
import { UserError } from "../../src/base/errors.ts";
import { writeParquet } from "../support/formats.ts";
import { pngOf } from "../support/images.ts";

const options: CifarOptions = {
  ...cifar10Options,
  rows: { train: 1, test: 2 },
  files: { train: ["a", "b"], test: ["c"] },
};

/** The pixels of an image of 32 × 32 × 3. */
const pixelsOf = (row: number) =>
  Uint8Array.from({ length: 3072 }, (_, index) => (row * 31 + index * 7) % 256);

/** A query for rows with PNG images, as Hugging Face stores them. */
function rowsOf(labels: readonly number[], size = 32): string {
  return labels.map((label, row) => {
    const pixels = pixelsOf(row).subarray(0, size * size * 3);
    // Each row of a PNG image starts with the byte of its filter.
    const raw = Uint8Array.from({ length: size * (3 * size + 1) }, (_, index) => {
      const [y, x] = [Math.floor(index / (3 * size + 1)), index % (3 * size + 1)];
      return x === 0 ? 0 : pixels[y * 3 * size + x - 1]!;
    });
    const hex = Buffer.from(pngOf([size, size], 2, 8, raw)).toString("hex");
    return `SELECT {'bytes': unhex('${hex}')::BLOB, 'path': NULL::VARCHAR} AS img, ${label}::BIGINT AS label`;
  }).join(" UNION ALL ");
}

async function made(train: string, test: string) {
  const folder = await Deno.makeTempDir();
  try {
    await writeParquet(train, join(folder, "train.parquet"));
    await writeParquet(test, join(folder, "test.parquet"));
    await cifar(options).make({ from: folder, out: folder, report: () => {} });
    return tableFromIPC(await Deno.readFile(join(folder, "test.arrow")));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("cifar reads Parquet files with encoded images, in the order of their rows", async () => {
  const table = await made(rowsOf([1, 2]), rowsOf([9, 0]));
  assertEquals([...table.getChild("label")!], [9, 0]);
  assertEquals(
    Array.from(table.getChild("image")!, (row) => [...row]),
    [0, 1].map((row) => [...pixelsOf(row)]),
  );
  const { encoded, name, source } = Object.fromEntries(table.schema.metadata);
  assertEquals(encoded, "PNG");
  // Nobody knows whether these are the published images.
  assertEquals(name, "images in the form of CIFAR-10, not verified");
  assertEquals(source, "test.parquet");
});

Deno.test("cifar rejects Parquet files whose rows are not those of CIFAR", async () => {
  const cases: [string, string][] = [
    [rowsOf([1]), "expected 2 rows in test.parquet, as in CIFAR"],
    [rowsOf([1, 2, 3]), "expected 2 rows in test.parquet, as in CIFAR"],
    [rowsOf([1, 10]), "row 2 of test.parquet has the label class 10; expected 0 to 9"],
    [
      rowsOf([1, 2]).replace("2::BIGINT", "NULL::BIGINT"),
      "row 2 of test.parquet has the label class null",
    ],
    [rowsOf([1, 2], 16), "row 1 of test.parquet has an image of 16 × 16 pixels"],
    [
      rowsOf([1, 2]).replaceAll(/unhex\('[^']*'\)/g, "'no image'"),
      "row 1 of test.parquet has bytes in the column img that are neither PNG nor JPEG",
    ],
    ...["'text'", "5", "[1, 2]"].map((value): [string, string] => [
      rowsOf([1, 2]).replaceAll(/unhex\('[^']*'\)::BLOB/g, value),
      "row 1 of test.parquet has no bytes (BLOB) in the field bytes of the column img",
    ]),
  ];
  for (const [test, message] of cases) {
    await assertRejects(() => made(rowsOf([1, 2]), test), UserError, message);
  }
});

Deno.test("cifar says that Parquet files are not verified, and prefers the published archive", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeParquet(rowsOf([1, 2]), join(folder, "train.parquet"));
    await writeParquet(rowsOf([9, 0]), join(folder, "test.parquet"));
    const lines: string[] = [];
    const make = () =>
      cifar(options).make({ from: folder, out: folder, report: (line) => lines.push(line) });
    await make();
    assertStringIncludes(
      lines[0]!,
      "train.parquet: images as PNG. No hash of this file is published",
    );
    // A file in the place of the archive is refused, also if Parquet files are there.
    await Deno.writeTextFile(join(folder, options.archive.name), "not the archive");
    const error = await assertRejects(make, UserError);
    assertStringIncludes(error.message, options.archive.name);
    assertStringIncludes(lines.join("\n"), "the Parquet files are not read");
    await Deno.remove(join(folder, options.archive.name));
    await Deno.truncate(join(folder, "train.parquet"), 200_000_001);
    await assertRejects(make, UserError, "train.parquet has 200,000,001 bytes; with the images of");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
