import { assertEquals, assertRejects } from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { svhn, svhnOf, type SvhnSplit } from "../../data/svhn.ts";
import { UserError } from "../../src/base/errors.ts";

const folder = join(import.meta.dirname!, "..", "reference");
const bytes = await Deno.readFile(join(folder, "svhn_32x32.mat"));

/** The file that SciPy wrote, as a split. */
function split(rows: number, content: Uint8Array = bytes): SvhnSplit {
  const value = createHash("md5").update(content).digest("hex");
  return {
    split: "train",
    rows,
    file: {
      name: "svhn_32x32.mat",
      url: "http://127.0.0.1/svhn_32x32.mat",
      bytes: { atMost: 100_000 },
      hash: { algorithm: "md5", value },
    },
  };
}

async function made(rows: number, from = folder) {
  const out = await Deno.makeTempDir();
  try {
    await svhnOf("svhn", "", [split(rows)]).make({ from, out, report: () => {} });
    return tableFromIPC(await Deno.readFile(join(out, "train.arrow")));
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

Deno.test("svhn orders images by rows, columns, and channels, and changes the label 10 to 0", async () => {
  const table = await made(3);
  assertEquals(table.schema.fields.map(({ name }) => name), ["image", "label"]);
  assertEquals([...table.getChild("label")!], [1, 0, 3]);
  for (let image = 0; image < 3; image++) {
    const expected = Array.from({ length: 3072 }, (_, index) => {
      const place = Math.floor(index / 3), row = Math.floor(place / 32);
      return (7 * row + 13 * (place % 32) + 71 * (index % 3) + 31 * image) % 256;
    });
    assertEquals([...table.getChild("image")!.get(image)!], expected);
  }
});

Deno.test("svhn rejects missing files, other files, and other numbers of rows", async () => {
  await assertRejects(
    () => made(4),
    UserError,
    "is an array of the shape [32,32,3,3]; expected bytes of the shape [32,32,3,4]",
  );
  await assertRejects(() => made(1), UserError, "unpacks to more than 4080 bytes");
  const empty = await Deno.makeTempDir();
  try {
    await assertRejects(() => made(3, empty), UserError, "does not contain svhn_32x32.mat");
    await Deno.copyFile(join(folder, "svhn_32x32.mat"), join(empty, "train_32x32.mat"));
    await assertRejects(
      () => svhn.make({ from: empty, out: empty, report: () => {} }),
      UserError,
      "is not the published file: its MD5 differs",
    );
  } finally {
    await Deno.remove(empty, { recursive: true });
  }
});
