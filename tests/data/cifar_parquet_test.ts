import { assertEquals, assertRejects } from "@std/assert";
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
  assertEquals(table.schema.metadata.get("encoded"), "PNG");
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
  ];
  for (const [test, message] of cases) {
    await assertRejects(() => made(rowsOf([1, 2]), test), UserError, message);
  }
});
