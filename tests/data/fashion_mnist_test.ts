import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  fashionMnist,
  fashionMnistOf,
  type Original,
  originals,
} from "../../data/fashion_mnist.ts";
import { UserError } from "../../src/base/errors.ts";

function header(...shape: number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + 4 * shape.length + shape.reduce((a, b) => a * b, 1));
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((length, index) => new DataView(bytes.buffer).setUint32(4 + 4 * index, length));
  return bytes;
}

/** An IDX file of few bytes, and how it would be published. */
function idx(name: string, ...shape: number[]): [Original, Uint8Array<ArrayBuffer>] {
  const bytes = header(...shape);
  for (let at = 4 + 4 * shape.length; at < bytes.length; at++) bytes[at] = at * 7 % 10;
  const contentSha256 = createHash("sha256").update(bytes).digest("hex");
  return [{ name, shape, bytes: bytes.length, sha256: "", contentSha256 }, bytes];
}

Deno.test("fashion-mnist converts files of its layout, compressed or not, to images and classes", async () => {
  const from = await Deno.makeTempDir();
  try {
    const files = [idx("images", 3, 28, 28), idx("classes", 3)];
    const [[images, pixels], [labels, classes]] = files as [typeof files[0], typeof files[0]];
    await Deno.writeFile(join(from, "images.gz"), gzipSync(pixels));
    await Deno.writeFile(join(from, "classes"), classes);
    await fashionMnistOf({ train: [images, labels] }).make({ from, out: from, report: () => {} });
    const table = tableFromIPC(await Deno.readFile(join(from, "train.arrow")));
    assertEquals(table.schema.fields.map(({ name }) => name), ["image", "label"]);
    const rows = table.toArray();
    assertEquals(rows.map(({ label }) => label), [...classes.subarray(8)]);
    assertEquals(rows.flatMap(({ image }) => [...image]), [...pixels.subarray(16)]);
  } finally {
    await Deno.remove(from, { recursive: true });
  }
});

Deno.test("fashion-mnist rejects folders and files that are not the published ones", async () => {
  const from = await Deno.makeTempDir();
  try {
    const make = () => fashionMnist.make({ from, out: from, report: () => {} });
    const missing = await assertRejects(
      make,
      UserError,
      "does not contain train-images-idx3-ubyte.gz or",
    );
    assertStringIncludes(missing.problems[0]!.hint!, "--from FOLDER");
    const path = join(from, "train-images-idx3-ubyte");
    await Deno.writeFile(path, header(3, 28, 28));
    await assertRejects(make, UserError, `${path} has the shape [3,28,28]; expected [60000,28,28]`);
    await Deno.writeFile(path, header(60_000, 28, 28));
    await assertRejects(make, UserError, "is not the published file: its SHA-256 differs");
    const written: string[] = [];
    for await (const { name } of Deno.readDir(from)) written.push(name);
    assertEquals(written, ["train-images-idx3-ubyte"]);
  } finally {
    await Deno.remove(from, { recursive: true });
  }
});

Deno.test({
  name: "fashion-mnist rejects a download that is not the published file",
  // Where the files are installed, they are not downloaded.
  ignore: Deno.build.os === "linux" && await isFolder("/usr/share/datasets/fashion-mnist"),
  fn: async () => {
    const out = await Deno.makeTempDir(), original = globalThis.fetch;
    const size = originals.train[0].bytes;
    const make = (bytes: number, status = 200) => {
      globalThis.fetch = () => Promise.resolve(new Response(new Uint8Array(bytes), { status }));
      return () => fashionMnist.make({ from: undefined, out, report: () => {} });
    };
    try {
      await assertRejects(make(size), UserError, "is not the published file: its SHA-256 differs");
      await assertRejects(make(size - 1), UserError, `stopped after ${size - 1} of ${size} bytes`);
      await assertRejects(make(size + 1), UserError, `is larger than ${size} bytes`);
      await assertRejects(make(9, 404), UserError, "answered 404");
      assertEquals([...Deno.readDirSync(out)], []);
    } finally {
      globalThis.fetch = original;
      await Deno.remove(out, { recursive: true });
    }
  },
});

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}
