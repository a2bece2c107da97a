import { assert, assertEquals, assertRejects } from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import { digits, splitRows } from "../../data/digits.ts";
import { UserError } from "../../src/base/errors.ts";

const folder = join(import.meta.dirname!, "..", "..", "data");

Deno.test("digits creates the committed files byte for byte", async () => {
  const out = await Deno.makeTempDir();
  try {
    await digits.make({ from: undefined, out, report: () => {} });
    for (const name of ["digits-train.arrow", "digits-test.arrow"]) {
      assertEquals(await Deno.readFile(join(out, name)), await Deno.readFile(join(folder, name)));
    }
  } finally {
    await Deno.remove(out, { recursive: true });
  }
});

Deno.test("digits uses all rows of the CSV file, and names their authors", async () => {
  const file = await Deno.open(join(folder, "digits.csv.gz"));
  const csv = await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text();
  const read = await Promise.all(["train", "test"].map(async (name) => {
    const table = tableFromIPC(await Deno.readFile(join(folder, `digits-${name}.arrow`)));
    assertEquals(table.schema.metadata.get("license"), "CC BY 4.0");
    assert(table.schema.metadata.get("source")!.includes("10.24432/C50P49"));
    return table.toArray().map((row) => [...row.image, row.digit].join());
  }));
  assertEquals(read.map(({ length }) => length), [1437, 360]);
  assertEquals(read.flat().sort(), csv.trimEnd().split("\n").sort());
});

Deno.test("splitRows() gives a fifth of each class to the test rows", () => {
  const classes = Array.from({ length: 200 }, (_, row) => row % 4);
  const { train, test } = splitRows(classes);
  assertEquals([...train, ...test].sort((a, b) => a - b), [...classes.keys()]);
  for (let one = 0; one < 4; one++) {
    assertEquals(test.filter((row) => classes[row] === one).length, 10);
  }
});

Deno.test("digits rejects a CSV file that does not contain the digits", async () => {
  const from = await Deno.makeTempDir();
  try {
    const path = join(from, "digits.csv.gz");
    const make = () => digits.make({ from, out: from, report: () => {} });
    await assertRejects(make, UserError, `${path} cannot be read`);
    const text = new Blob(["1,2,3\n"]).stream().pipeThrough(new CompressionStream("gzip"));
    await Deno.writeFile(path, await new Response(text).bytes());
    await assertRejects(make, UserError, `line 1 of ${path} does not consist of 64 pixel values`);
  } finally {
    await Deno.remove(from, { recursive: true });
  }
});
