import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { cifar, cifar100Options, cifar10Options, type CifarOptions } from "../../data/cifar.ts";
import { UserError } from "../../src/base/errors.ts";
import { gzip, joined, tarOf } from "../support/tar.ts";

/** The pixel of an image, in both layouts. */
const pixel = (row: number, y: number, x: number, channel: number) =>
  (row * 31 + y * 7 + x * 13 + channel * 71) % 256;

/** A file of the binary version: classes, then all red, green and blue values, line by line. */
function binaryFile(classes: readonly (readonly number[])[], first = 0): Uint8Array<ArrayBuffer> {
  return joined(classes.map((labels, row) => {
    const image = Array.from({ length: 3072 }, (_, index) => {
      const [channel, place] = [Math.floor(index / 1024), index % 1024];
      return pixel(first + row, Math.floor(place / 32), place % 32, channel);
    });
    return Uint8Array.of(...labels, ...image);
  }));
}

/** The data set of an archive with two rows a file. */
async function small(
  options: CifarOptions,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<{ options: CifarOptions; archive: Uint8Array<ArrayBuffer> }> {
  const archive = await gzip(tarOf(files));
  const value = createHash("md5").update(archive).digest("hex");
  return {
    archive,
    options: {
      ...options,
      rows: { train: 2, test: 2 },
      archive: { ...options.archive, hash: { algorithm: "md5", value } },
    },
  };
}

/** Makes a data set in a folder of its own, and reads its files. */
async function made(options: CifarOptions, archive: Uint8Array, name = options.archive.name) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(join(folder, name), archive);
    await cifar(options).make({ from: folder, out: folder, report: () => {} });
    const read = async (split: string) =>
      tableFromIPC(await Deno.readFile(join(folder, `${split}.arrow`)));
    return { train: await read("train"), test: await read("test") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const files10: Record<string, Uint8Array> = {
  "cifar-10-batches-bin/batches.meta.txt": Uint8Array.of(65, 10),
  ...Object.fromEntries(
    cifar10Options.files.train.map((name, part) => [
      name,
      binaryFile([[part], [9 - part]], 2 * part),
    ]),
  ),
  "cifar-10-batches-bin/test_batch.bin": binaryFile([[3], [4]]),
};

Deno.test("cifar10 converts the binary version to images of rows, columns, and channels", async () => {
  const { options, archive } = await small(cifar10Options, files10);
  const { train, test } = await made(options, archive);
  assertEquals(train.schema.fields.map(({ name }) => name), ["image", "label"]);
  assertEquals([...train.getChild("label")!], [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]);
  assertEquals([...test.getChild("label")!], [3, 4]);
  const expected = (row: number) =>
    Array.from({ length: 3072 }, (_, index) => {
      const place = Math.floor(index / 3);
      return pixel(row, Math.floor(place / 32), place % 32, index % 3);
    });
  for (const row of [0, 1, 9]) {
    assertEquals([...train.getChild("image")!.get(row)!], expected(row));
  }
  assertEquals([...test.getChild("image")!.get(1)!], expected(1));
  assertEquals(train.schema.metadata.get("name"), "CIFAR-10");
});

const files100 = {
  "cifar-100-binary/train.bin": binaryFile([[19, 99], [0, 5]]),
  "cifar-100-binary/test.bin": binaryFile([[1, 2], [3, 4]]),
};

Deno.test("cifar100 has coarse and fine classes", async () => {
  const { options, archive } = await small(cifar100Options, files100);
  const { train, test } = await made(options, archive);
  assertEquals(train.schema.fields.map(({ name }) => name), ["image", "coarse", "fine"]);
  assertEquals([...train.getChild("coarse")!], [19, 0]);
  assertEquals([...train.getChild("fine")!], [99, 5]);
  assertEquals([...test.getChild("fine")!], [2, 4]);
});

Deno.test("cifar rejects archives that are missing, not the published ones, or invalid", async () => {
  const { options, archive } = await small(cifar100Options, files100);
  const missing = await assertRejects(
    () => made(options, archive, "other.tar.gz"),
    UserError,
    "does not contain cifar-100-binary.tar.gz",
  );
  assertStringIncludes(missing.problems[0]!.hint!, "--from FOLDER");
  await assertRejects(
    () => made(cifar100Options, archive),
    UserError,
    "is not the published file: its MD5 differs",
  );
  const least = { ...options, archive: { ...options.archive, bytes: { atMost: 100 } } };
  await assertRejects(() => made(least, archive), UserError, "is larger than 100 bytes");
  const cases: [Record<string, Uint8Array>, string][] = [
    [{ "cifar-100-binary/train.bin": files100["cifar-100-binary/train.bin"] }, "test.bin"],
    [{ ...files100, "cifar-100-binary/train.bin": binaryFile([[1, 1]]) }, "expected 6148"],
    [
      { ...files100, "cifar-100-binary/train.bin": binaryFile([[1, 1], [20, 1]]) },
      "row 2 of cifar-100-binary/train.bin has the coarse class 20; expected 0 to 19",
    ],
    [{ ...files100, more: new Uint8Array(200_000) }, "unpacks to more than"],
  ];
  for (const [files, message] of cases) {
    const { options, archive } = await small(cifar100Options, files);
    await assertRejects(() => made(options, archive), UserError, message);
  }
});

Deno.test("cifar rejects a download that is too long or not the published file", async () => {
  const { options, archive } = await small(cifar100Options, files100);
  const out = await Deno.makeTempDir(), original = globalThis.fetch;
  const make = async (options: CifarOptions, body: Uint8Array<ArrayBuffer>, status = 200) => {
    globalThis.fetch = () => Promise.resolve(new Response(body, { status }));
    await cifar(options).make({ from: undefined, out, report: () => {} });
  };
  try {
    const short = { ...options, archive: { ...options.archive, bytes: { atMost: 100 } } };
    await assertRejects(() => make(short, archive), UserError, "is larger than 100 bytes");
    await assertRejects(() => make(options, archive.slice(1)), UserError, "its MD5 differs");
    await assertRejects(() => make(options, archive, 404), UserError, "answered 404");
    assertEquals([...Deno.readDirSync(out)], []);
    await make(options, archive);
    assertEquals([...Deno.readDirSync(out)].map(({ name }) => name).sort(), [
      "test.arrow",
      "train.arrow",
    ]);
  } finally {
    globalThis.fetch = original;
    await Deno.remove(out, { recursive: true });
  }
});
