import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Binary,
  type Data,
  type DataType,
  Field,
  FixedSizeBinary,
  LargeBinary,
  makeData,
  Struct,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { deflateSync } from "node:zlib";
import { UserError } from "../../../src/base/errors.ts";
import { ColumnReader } from "../../../src/input/columns.ts";
import { loadJpegDecoder } from "../../../src/input/images/jpeg.ts";
import { maxPixels } from "../../../src/input/images/picture.ts";
import type { FeatureOptions, ImageOptions } from "../../../src/pipeline/data_options.ts";
import { imageFixtures, pngOf } from "../../support/images.ts";

const { images, conversions, named } = imageFixtures;

await loadJpegDecoder();

/** Reads images as a feature. */
function read(
  files: readonly (Uint8Array | null)[],
  options: Omit<FeatureOptions, "column" | "ids"> = {},
  type: DataType = new Binary(),
) {
  const field = new Field("image", type, true);
  const reader = new ColumnReader(field, {
    column: "image",
    options: { ...options, nulls: options.nulls ?? "error" },
    place: () => undefined,
  });
  const chunk = reader.shaped(reader.read(vectorFromArray(files, type).data[0]!), files.length);
  const { shape } = reader.finish([chunk]);
  return { shape, values: chunk.values, problems: reader.problems(), reader };
}

const refused = (...args: Parameters<typeof read>) => assertThrows(() => read(...args), UserError);

Deno.test("ColumnReader decodes every kind of PNG image like libpng, exactly", () => {
  const all = images.filter(({ name }) => name.startsWith("png"));
  for (const { name, file, shape, pixels, bits } of all) {
    // Images with gray and alpha are read with colors, which are then equal.
    const colors = shape[2] === 2 ? [shape[0]!, shape[1]!, 4] : shape;
    const wanted = shape[2] === 2 ? grayAlphaAsColors(pixels) : pixels;
    const options = { shape: colors, ...(bits && { image: { bits: 8 as const } }) };
    assertEquals(Array.from(read([file], options).values), Array.from(wanted), name);
  }
  assert(all.length > 25);
});

Deno.test("ColumnReader ignores bits of a transparent color that the values of the image do not have", () => {
  // The PNG specification says so for images with fewer than 16 bits, and libpng does it.
  const raw = Uint8Array.of(0, 0x55, 0x56), tRNS = Uint8Array.of(1, 0x55);
  const file = pngOf([1, 2], 0, 8, raw, false, { tRNS });
  const { values } = read([file], { shape: [1, 2, 4] });
  assertEquals([...values], [0x55, 0x55, 0x55, 0, 0x56, 0x56, 0x56, 255]);
});

Deno.test("ColumnReader turns a PNG image upright whose EXIF data begin as in a JPEG image", () => {
  const raw = Uint8Array.of(0, 1, 2);
  // One entry: the orientation (0x112) is the short 6, a quarter turn.
  const tiff = "4d4d002a00000008000101120003000000010006000000000000";
  for (const prefix of ["", "457869660000"]) {
    const file = pngOf([1, 2], 0, 8, raw, false, { eXIf: Uint8Array.fromHex(prefix + tiff) });
    assertEquals(read([file]).shape, [2, 1, 1]);
  }
});

Deno.test("ColumnReader decodes JPEG images like libjpeg-turbo, bit for bit", () => {
  const all = images.filter(({ name }) => name.startsWith("jpeg"));
  for (const { name, file, shape, pixels } of all) {
    const found = read([file]);
    assertEquals(found.shape, shape, name);
    assertEquals(Array.from(found.values), Array.from(pixels), name);
  }
  assert(all.length >= 15);
});

Deno.test("ColumnReader converts channels and sizes like Pillow, bit for bit", () => {
  for (const { name, file, pixels, to, image } of conversions) {
    const found = read([file], { shape: to, image });
    assertEquals(Array.from(found.values), Array.from(pixels), name);
  }
});

Deno.test("ColumnReader reads images from structs of bytes and path, and large binary", () => {
  const { file, pixels, shape } = named("png rgb");
  const bytes = new Field("bytes", new Binary(), true), path = new Field("path", new Utf8(), true);
  const structs: readonly DataType[] = [new Struct([bytes, path]), new Struct([bytes])];
  for (const type of structs) {
    const rows = [{ bytes: file, path: "a.png" }, { bytes: file, path: null }];
    const found = read(rows as never, {}, type);
    assertEquals(found.shape, shape);
    assertEquals(Array.from(found.values), [...pixels, ...pixels]);
  }
  const offsets = new BigInt64Array([0n, BigInt(file.length)]);
  const data = makeData({ type: new LargeBinary(), length: 1, valueOffsets: offsets, data: file });
  const reader = new ColumnReader(new Field("image", new LargeBinary()), {
    column: "image",
    options: { nulls: "error" },
    place: () => undefined,
  });
  assertEquals(Array.from(reader.read(data as Data).values), Array.from(pixels));
});

Deno.test("ColumnReader reads raw pixels of the feature's shape, of fixed size or not", () => {
  const rows = [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(255, 0, 7, 8)];
  for (const type of [new Binary(), new FixedSizeBinary(4)]) {
    const found = read(rows, { shape: [2, 2, 1] }, type);
    assertEquals([found.shape, Array.from(found.values)], [[2, 2, 1], [1, 2, 3, 4, 255, 0, 7, 8]]);
  }
  // The first value decides: pixels may look like the start of a JPEG image.
  const jpegLike = Uint8Array.of(0xff, 0xd8, 0xff, 0);
  assertEquals(Array.from(read([rows[0]!, jpegLike], { shape: [4] }).values), [
    ...rows[0]!,
    ...jpegLike,
  ]);
  const { message } = refused([rows[0]!, Uint8Array.of(1)], { shape: [4] });
  assertEquals(
    message,
    "row 1, column image: has 1 bytes that are neither a PNG nor a JPEG image; raw pixels of the shape [4] have 4 bytes (rows count from 0)",
  );
});

Deno.test("ColumnReader treats a null image as a null, also before the first image", () => {
  const { file, pixels } = named("png rgb");
  const size = pixels.length;
  assertEquals(read([null, file]).problems.length, 1);
  const filled = read([null, file], { nulls: { fill: 9 } }).values;
  assertEquals(Array.from(filled), [...Array(size).fill(9), ...pixels]);
  const reader = new ColumnReader(new Field("image", new Binary(), true), {
    column: "image",
    options: { nulls: { fill: 3 } },
    place: () => undefined,
  });
  const dataOf = (values: (Uint8Array | null)[]) => vectorFromArray(values, new Binary()).data[0]!;
  const first = reader.read(dataOf([null, null])), second = reader.read(dataOf([file]));
  assertEquals(Array.from(reader.shaped(first, 2).values), Array(2 * size).fill(3));
  assertEquals(Array.from(reader.shaped(second, 1).values), [...pixels]);
});

Deno.test("ColumnReader ignores the EXIF orientation if the pipeline says so", () => {
  const { file } = named("jpeg of orientation 6"), stored = named("jpeg of orientation 1");
  const found = read([file], { image: { orientation: "ignore" } });
  assertEquals(found.shape, stored.shape);
  assertEquals(Array.from(found.values), Array.from(stored.pixels));
});

Deno.test("ColumnReader refuses damaged images with the row and the reason", () => {
  const png = named("png smooth rgb").file, jpeg = named("jpeg 4:2:0").file;
  const flipped = png.slice();
  flipped[50]! ^= 1;
  const text = (bytes: Uint8Array) => refused([png, bytes]).message;
  const start = "row 1, column image: has a damaged image: ";
  const cases: readonly (readonly [bytes: Uint8Array, reason: string])[] = [
    [png.slice(0, 20), "the file ends too early"],
    [png.slice(0, -12), "the file ends too early"],
    [flipped, 'the checksum of the chunk "IDAT" is wrong'],
    [pngOf([17, 23], 2, 8, new Uint8Array(10)), "its data unpack to fewer pixels"],
    [pngOf([17, 23], 2, 8, new Uint8Array(17 * 70 + 1)), "its data unpack to more pixels"],
    [pngOf([17, 23], 2, 8, new Uint8Array(17 * 70).fill(9)), "a row has the unknown filter 9"],
    [pngOf([17, 23], 3, 8, new Uint8Array(17 * 24)), "its palette is missing"],
    [pngOf([17, 23], 2, 3, new Uint8Array(17 * 70)), "its header is invalid"],
    [jpeg.slice(0, 100), "the file ends before its pixels"],
    [jpeg.slice(0, -30), "Premature end of JPEG file"],
    [jpeg.slice(0, -2), "Premature end of JPEG file"],
    [jpeg.fill(0xff, jpeg.length - 60, jpeg.length - 40), "Corrupt JPEG data"],
  ];
  for (const [bytes, reason] of cases) {
    const message = text(bytes);
    assert(message.startsWith(start + reason), `${message} should start with ${start + reason}`);
  }
});

Deno.test("ColumnReader decodes intact JPEG images after damaged ones", async () => {
  const { file, pixels } = named("jpeg gray");
  const huffman = file.slice();
  huffman[file.findIndex((byte, at) => byte === 0xff && file[at + 1] === 0xc4) + 5] = 0xff;
  for (let time = 0; time < 3; time++) {
    refused([file.slice(0, -20)]);
    assert(refused([huffman]).message.includes("Bogus Huffman table"));
    assertEquals(Array.from(read([file]).values), Array.from(pixels));
    // A new decoder replaces the one that failed.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

Deno.test("ColumnReader refuses images that it would have to change without a word", () => {
  const rgb = named("png rgb").file, gray = named("png gray").file, rgba = named("png rgba").file;
  const deep = named("png gray of 16 bits").file, wide = named("png smooth rgb").file;
  const other = (start: string) => new TextEncoder().encode(start.padEnd(64, "."));
  const cases: readonly (readonly [
    files: Uint8Array[],
    options: { shape?: number[]; image?: ImageOptions },
    words: string,
  ])[] = [
    [[rgb, wide], {}, "an image of 23 × 17 pixels; expected 7 × 9, as in the first training row"],
    [[wide], { shape: [9, 7, 3] }, "23 × 17 pixels; expected 7 × 9, the feature's shape"],
    [[gray, rgb], {}, "a color image, but the first image of the training rows is gray"],
    [[rgb, rgba], {}, "transparent pixels, but the shape [9, 7, 3] has no place for alpha"],
    [[deep], {}, "16 bits per value"],
    [[rgb], { shape: [9, 21] }, "an image of 7 × 9 pixels; expected 21 × 9"],
    [[rgb], { shape: [189] }, "the shape [189] is not that of an image"],
    [[rgb], { shape: [9, 7, 2] }, "the shape [9, 7, 2] is not that of an image"],
    [[other("GIF89a")], {}, "a GIF image; expected a PNG or JPEG image"],
    [[other("RIFF....WEBPVP8")], {}, "a WebP image"],
    [[rgb, other("hello")], {}, "64 bytes that are neither a PNG nor a JPEG image"],
    [[other("hello")], {}, "the feature has no shape for raw pixels"],
  ];
  for (const [files, options, words] of cases) {
    const { message } = refused(files, options);
    assert(message.includes(words), `${message} should include ${words}`);
  }
});

Deno.test("ColumnReader refuses a small image that declares many pixels before it allocates them", () => {
  const bomb = pngOf([60_000, 60_000], 0, 8, new Uint8Array(100));
  const { message } = refused([bomb]);
  assert(message.includes(`60000 × 60000 pixels, more than ${maxPixels.toLocaleString("en")}`));
  assert(refused([bomb], { shape: [8, 8, 1], image: { resize: "crop" } }).message.includes("more"));
  assert(refused([bomb], { shape: [8, 8, 1] }).message.includes("expected 8 × 8"));
  // The data of a small image unpack to 20 MB; its size allows 72 bytes.
  const data = deflateSync(new Uint8Array(2e7));
  assert(refused([pngOf([8, 8], 0, 8, data, true)]).message.includes("unpack to more pixels"));
  const jpeg = named("jpeg progressive").file.slice();
  const size = jpeg.findIndex((byte, at) => byte === 0xff && jpeg[at + 1] === 0xc2) + 5;
  jpeg.set([0xff, 0xff, 0xff, 0xff], size);
  assert(refused([jpeg]).message.includes("65535 × 65535 pixels, more than"));
});

Deno.test("ColumnReader resizes an image of a million rows to many columns in little memory", () => {
  const rows = 2 ** 20, values = new Uint8Array(2 * rows).fill(7, rows - 30, rows + 30);
  for (let row = 0; row < rows; row++) values[2 * row] = 0;
  const long = pngOf([rows, 1], 0, 8, values);
  const options = { shape: [9, 2000, 1], image: { resize: "crop" as const } };
  assertEquals(new Set(read([long], options).values), new Set([7]));
  const stretched = read([long], { shape: [2, 60_000, 1], image: { resize: "stretch" } });
  assertEquals(new Set(stretched.values), new Set([0]));
});

Deno.test("ColumnReader refuses JPEG images in which a decoder could find another size", () => {
  const jpeg = named("jpeg 4:4:4").file,
    frame = jpeg.findIndex((byte, at) => byte === 0xff && jpeg[at + 1] === 0xc0);
  const [start, rest] = [jpeg.slice(0, 2), jpeg.slice(2)];
  // Markers that have no length in some decoders, and reserved ones.
  for (const marker of [0x01, 0x02, 0xbf, 0xcc, 0xd0, 0xd7, 0xd8, 0xdc, 0xde, 0xdf, 0xf0, 0xfd]) {
    const { message } = refused([Uint8Array.of(...start, 0xff, marker, 0, 2, ...rest)]);
    assert(message.includes("its header is damaged"), `${marker}: ${message}`);
  }
  const again = jpeg.slice(frame, frame + 19);
  const twice = Uint8Array.of(...jpeg.slice(0, frame), ...again, ...jpeg.slice(frame));
  assert(refused([twice]).message.includes("its header has two sizes"));
});

Deno.test("ColumnReader refuses JPEG images that it cannot decode like others", () => {
  const jpeg = named("jpeg 4:4:4").file;
  const frame = jpeg.findIndex((byte, at) => byte === 0xff && jpeg[at + 1] === 0xc0);
  const changed = (at: number, byte: number) => {
    const bytes = jpeg.slice();
    bytes[at] = byte;
    return refused([bytes]).message;
  };
  assert(changed(frame + 1, 0xc3).includes("a lossless, hierarchical, or arithmetic-coded JPEG"));
  assert(changed(frame + 4, 12).includes("a JPEG image with 12 bits per value"));
  assert(changed(frame + 9, 4).includes("a JPEG image with CMYK colors"));
  // A start of a scan for each of 501 scans.
  const scans = Uint8Array.from({ length: 1002 }, (_, at) => at % 2 === 0 ? 0xff : 0xda);
  for (const many of [named("jpeg progressive").file, jpeg]) {
    const { message } = refused([Uint8Array.of(...many, ...scans)]);
    assert(message.includes("more than 500 scans"), message);
  }
  const large = named("jpeg progressive").file.slice();
  large.set(
    [0x20, 0, 0x20, 0],
    large.findIndex((byte, at) => byte === 0xff && large[at + 1] === 0xc2) + 5,
  );
  const { message } = refused([Uint8Array.of(...large, ...scans.slice(0, 32))]);
  assert(/8192 × 8192 pixels with \d\d scans, too many for its size/.test(message), message);
});

Deno.test("ColumnReader refuses options and uses that images do not have", () => {
  const { file } = named("png rgb");
  assert(refused([file], { pad: 0, shape: [9, 7, 3] }).message.includes("cannot be padded"));
  const reader = (use: "weight" | "metrics") =>
    new ColumnReader(new Field("image", new Binary()), {
      column: "image",
      use,
      options: { nulls: "error", shape: [] },
      place: () => undefined,
    });
  for (const use of ["weight", "metrics"] as const) {
    assert(assertThrows(() => reader(use), UserError).message.includes("only be a feature"));
  }
  const text = assertThrows(() => read([], { image: { alpha: "drop" } }, new Utf8()), UserError);
  assert(text.message.includes("has no images"));
});

function grayAlphaAsColors(pixels: Uint8Array): Uint8Array {
  return Uint8Array.from(
    { length: pixels.length * 2 },
    (_, at) => pixels[(at >> 2) * 2 + (at % 4 === 3 ? 1 : 0)]!,
  );
}
