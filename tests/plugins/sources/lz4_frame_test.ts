import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeLz4Frames, Lz4Error } from "../../../plugins/sources/lz4_frame.ts";
import { xxhash32 } from "../../../plugins/sources/xxhash32.ts";
import { interopFrames } from "../../support/interop.ts";
import {
  joined,
  lz4Frame,
  type Lz4Options,
  skippableFrame,
  xxhash32Reference,
} from "../../support/lz4_encoder.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** Bytes as files have them: runs, repeated parts near and far, and noise. */
const contents = fc.array(
  fc.oneof(
    fc.record({
      bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      times: fc.integer({ min: 1, max: 30 }),
    }),
    fc.record({
      bytes: fc.uint8Array({ minLength: 1, maxLength: 1 }),
      times: fc.integer({ min: 1, max: 2000 }),
    }),
  ),
  { maxLength: 12 },
).map((parts) => joined(parts.flatMap(({ bytes, times }) => Array<Uint8Array>(times).fill(bytes))));

const options: fc.Arbitrary<Lz4Options> = fc.record({
  blockSize: fc.constantFrom(4, 5, 6, 7),
  linked: fc.boolean(),
  blockChecksum: fc.boolean(),
  contentChecksum: fc.boolean(),
  contentSize: fc.boolean(),
  blockBytes: fc.constantFrom(13, 100, 1000, 65_536),
  stored: fc.constantFrom(undefined, () => true, (block: number) => block % 2 === 0),
}).map(({ stored, ...rest }) => stored ? { ...rest, stored } : rest);

Deno.test("xxhash32() returns the published hashes, and those of the reference implementation for random bytes", () => {
  const published: [string, number][] = [
    ["", 0x02CC5D05],
    ["a", 0x550D7456],
    ["abc", 0x32D153FF],
    ["Nobody inspects the spammish repetition", 0xE2293B2F],
  ];
  for (const [value, hash] of published) assertEquals(xxhash32(text(value)), hash, value);
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 0, max: 9 }),
      (bytes, skip) => {
        // From any place of a buffer, aligned or not.
        const part = bytes.subarray(Math.min(skip, bytes.length));
        assertEquals(xxhash32(part), xxhash32Reference(part));
      },
    ),
  );
});

Deno.test("decodeLz4Frames() returns the encoder's input for any flags and blocks", () => {
  fc.assert(
    fc.property(contents, options, fc.integer({ min: 0, max: 63 }), (content, options, padding) => {
      const frame = joined([lz4Frame(content, options), new Uint8Array(padding)]);
      assertEquals(decodeLz4Frames(frame, content.length), content);
    }),
    { numRuns: 200 },
  );
});

Deno.test("decodeLz4Frames() decodes several frames in a row, and skips skippable frames", () => {
  const frame = fc.oneof(
    fc.record({ content: contents, options }),
    fc.record({ skipped: fc.uint8Array({ maxLength: 50 }), kind: fc.integer({ min: 0, max: 15 }) }),
  );
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 4 }), (frames) => {
      const content = joined(frames.flatMap((it) => "content" in it ? [it.content] : []));
      const bytes = joined(
        frames.map((it) =>
          "content" in it ? lz4Frame(it.content, it.options) : skippableFrame(it.skipped, it.kind)
        ),
      );
      assertEquals(decodeLz4Frames(bytes, content.length), content);
    }),
    { numRuns: 50 },
  );
});

Deno.test("decodeLz4Frames() refuses frames that are truncated at any byte", () => {
  fc.assert(
    fc.property(
      contents,
      options,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (content, options, part) => {
        fc.pre(content.length > 0);
        const frame = lz4Frame(content, options);
        const cut = frame.subarray(0, Math.min(frame.length - 1, Math.floor(frame.length * part)));
        assertThrows(() => decodeLz4Frames(cut, content.length), Lz4Error);
      },
    ),
  );
});

Deno.test("decodeLz4Frames() never returns wrong bytes for a changed frame with checksums", () => {
  const checked = { blockChecksum: true, contentChecksum: true, contentSize: true };
  let refused = 0;
  fc.assert(
    fc.property(
      contents,
      options,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (content, options, place, change) => {
        fc.pre(content.length > 0);
        const frame = lz4Frame(content, { ...options, ...checked });
        frame[place % frame.length]! ^= change;
        let bytes: Uint8Array | undefined;
        try {
          bytes = decodeLz4Frames(frame, content.length);
        } catch (error) {
          assert(error instanceof Lz4Error);
          refused++;
        }
        // One of 256 changed headers has the same checksum, and may say the same otherwise.
        if (bytes) assertEquals(bytes, content);
      },
    ),
    { numRuns: 300 },
  );
  assert(refused >= 280, `${refused}`);
});

Deno.test("decodeLz4Frames() decodes the frames of an independent library with every block size and flag", async () => {
  assert(interopFrames.length >= 20);
  for (const { name, frame, length, sha256 } of interopFrames) {
    const bytes = decodeLz4Frames(Uint8Array.fromBase64(frame), length);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
    assertEquals(hash.toHex(), sha256, name);
  }
});

Deno.test("decodeLz4Frames() reports what is wrong with a frame", () => {
  const content = text("a text of some bytes, a text of some bytes, and so on and so on");
  const good = lz4Frame(content, { blockChecksum: true, contentChecksum: true });
  const changed = (change: (bytes: Uint8Array) => void) => {
    const bytes = good.slice();
    change(bytes);
    return bytes;
  };
  const other = (options: Lz4Options) => lz4Frame(content, options);
  /** The descriptor with a byte that is not as it should be, and a checksum that is right. */
  const described = (flags: number, sizes: number) => {
    const bytes = other({});
    bytes.set([flags, sizes, xxhash32Reference(Uint8Array.of(flags, sizes)) >>> 8 & 255], 4);
    return bytes;
  };
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(), "it is empty"],
    [text("text"), "no frame starts at byte 0"],
    [joined([good, text("text")]), `no frame starts at byte ${good.length}`],
    [joined([good, new Uint8Array(64)]), `no frame starts at byte ${good.length}`],
    [good.subarray(0, 3), "it ends within a frame"],
    [good.subarray(0, 20), "it ends within a frame"],
    [good.subarray(0, good.length - 1), "it ends within a frame"],
    [changed((bytes) => bytes[6]! ^= 1), "the checksum of its header is wrong"],
    [changed((bytes) => bytes[12]! ^= 1), "the checksum of its block 0 is wrong"],
    [changed((bytes) => bytes[bytes.length - 1]! ^= 1), "the checksum of its content is wrong"],
    [other({ dictionary: 7 }), "it needs the dictionary 7, but Arrow has no dictionaries for LZ4"],
    [described(0x80, 0x40), "its version is 2; expected 1"],
    [described(0x62, 0x40), "bits that the frame format does not define"],
    [described(0x60, 0x41), "bits that the frame format does not define"],
    [described(0x60, 0xC0), "bits that the frame format does not define"],
    [described(0x60, 0x30), "bits that the frame format does not define"],
    [joined([[2, 33, 76, 24], good]), "the legacy frame format"],
    [joined([good, good]), `more than ${content.length} bytes`],
    [
      lz4Frame(content.subarray(1)),
      `it has ${content.length - 1} bytes; expected ${content.length}`,
    ],
    [skippableFrame(content), `it has 0 bytes; expected ${content.length}`],
  ];
  for (const [bytes, message] of cases) {
    assertThrows(() => decodeLz4Frames(bytes, content.length), Lz4Error, message);
  }
  const sized = other({ contentSize: true });
  sized[6]!++;
  sized[14] = xxhash32Reference(sized.subarray(4, 14)) >>> 8 & 255;
  assertThrows(
    () => decodeLz4Frames(sized, content.length),
    Lz4Error,
    `its header declares ${content.length + 1} bytes, but it has ${content.length}`,
  );
});

Deno.test("decodeLz4Frames() refuses blocks with invalid offsets or an incomplete sequence", () => {
  const frame = (block: readonly number[], linked = false) => {
    const empty = lz4Frame(new Uint8Array(), { linked });
    return joined([empty.subarray(0, 7), [block.length, 0, 0, 0], block, empty.subarray(7)]);
  };
  assertEquals(decodeLz4Frames(frame([0x10, 65]), 1), Uint8Array.of(65));
  assertEquals(decodeLz4Frames(frame([0]), 0), new Uint8Array());
  assertEquals(
    decodeLz4Frames(frame([0x11, 65, 1, 0, 0x50, 1, 2, 3, 4, 5]), 11),
    Uint8Array.of(65, 65, 65, 65, 65, 65, 1, 2, 3, 4, 5),
  );
  const bad: readonly number[][] = [
    [0x11, 65, 0, 0, 0x10, 66], // an offset of 0
    [0x11, 65, 2, 0, 0x10, 66], // an offset before the first byte
    [0x11, 65, 1, 0], // the last sequence has a match
    [0x11, 65, 1], // half an offset
    [0x20, 65], // fewer literals than it says
    [0xF0], // a length that is cut off
    [0xF0, 255], // a long one
    [0x1F, 65, 1, 0], // a match's length that is cut off
  ];
  for (const block of bad) {
    assertThrows(() => decodeLz4Frames(frame(block), 100), Lz4Error, "its block 0 is damaged");
  }
  // A second block of a frame with independent blocks cannot reach into the first.
  const second = [0x01, 1, 0, 0x50, 1, 2, 3, 4, 5];
  for (const linked of [true, false]) {
    const empty = lz4Frame(new Uint8Array(), { linked });
    const bytes = joined([
      empty.subarray(0, 7),
      [2, 0, 0, 0, 0x10, 65],
      [second.length, 0, 0, 0, ...second],
      empty.subarray(7),
    ]);
    if (linked) {
      assertEquals(
        decodeLz4Frames(bytes, 11),
        Uint8Array.of(65, 65, 65, 65, 65, 65, 1, 2, 3, 4, 5),
      );
    } else assertThrows(() => decodeLz4Frames(bytes, 11), Lz4Error, "its block 1 is damaged");
  }
});

Deno.test("decodeLz4Frames() refuses blocks that are larger than the block size of the frame", () => {
  const content = new Uint8Array(65_537);
  const large = lz4Frame(content, { blockSize: 5 });
  large[5] = 0x40;
  large[6] = xxhash32Reference(large.subarray(4, 6)) >>> 8 & 255;
  assertThrows(
    () => decodeLz4Frames(large, content.length),
    Lz4Error,
    "one of its blocks is too long",
  );
  const stored = lz4Frame(content, { blockSize: 5, stored: () => true });
  stored[5] = 0x40;
  stored[6] = xxhash32Reference(stored.subarray(4, 6)) >>> 8 & 255;
  assertThrows(
    () => decodeLz4Frames(stored, content.length),
    Lz4Error,
    "at most 65536 are allowed",
  );
});
