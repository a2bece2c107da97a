import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  decodeSafetensors,
  encodeSafetensors,
  type TensorValue,
} from "../../../src/base/files/safetensors.ts";

/** Assembles a file: the length of the header in 8 bytes, the header, the values. */
function file(header: unknown, values: number[] = []): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const encoded = new TextEncoder().encode(text);
  return Uint8Array.of(
    encoded.length & 255,
    encoded.length >> 8,
    0,
    0,
    0,
    0,
    0,
    0,
    ...encoded,
    ...values,
  );
}

/** Splits a file into its parts, independently of the implementation. */
function parts(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  assertEquals(view.getUint32(4, true), 0);
  const length = view.getUint32(0, true);
  const text = new TextDecoder().decode(bytes.slice(8, 8 + length));
  return { length, text, header: JSON.parse(text), data: bytes.slice(8 + length) };
}

const kernel: TensorValue = { shape: [2, 1], values: Float32Array.of(1, -2) };
const step: TensorValue = { shape: [], values: Int32Array.of(258) };

Deno.test("encodeSafetensors() writes length, header and little-endian values", () => {
  const { header, data } = parts(
    encodeSafetensors(new Map([["kernel", kernel], ["step", step]]), { epoch: "3" }),
  );
  assertEquals(header, {
    __metadata__: { epoch: "3" },
    kernel: { dtype: "F32", shape: [2, 1], data_offsets: [0, 8] },
    step: { dtype: "I32", shape: [], data_offsets: [8, 12] },
  });
  // 1 is 3f800000 and -2 is c0000000 in IEEE 754; 258 is 256 + 2.
  assertEquals(data, Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 2, 1, 0, 0));
});

Deno.test("encodeSafetensors() aligns the values to 8 by spaces at the header's end", () => {
  for (let letters = 1; letters <= 9; letters++) {
    const { length, text } = parts(encodeSafetensors(new Map([["k".repeat(letters), kernel]])));
    assertEquals(length % 8, 0);
    assertEquals(text[0], "{");
    assert(/\} {0,7}$/.test(text), JSON.stringify(text));
  }
});

Deno.test("encodeSafetensors() counts the header in bytes, where names are not ASCII", () => {
  const tensors = new Map([["φ/größe", kernel]]);
  const { header, data } = parts(encodeSafetensors(tensors, { note: "Übung 1 → 2" }));
  assertEquals(header.__metadata__, { note: "Übung 1 → 2" });
  assertEquals(header["φ/größe"].data_offsets, [0, 8]);
  assertEquals(data.length, 8);
});

Deno.test("encodeSafetensors() writes only the part of a buffer that belongs to the array", () => {
  const values = Float32Array.of(9, 1, -2, 9).subarray(1, 3);
  assertEquals(
    encodeSafetensors(new Map([["kernel", { shape: [2, 1], values }]])),
    encodeSafetensors(new Map([["kernel", kernel]])),
  );
});

Deno.test("encodeSafetensors() rejects values that do not match their shape", () => {
  for (const [shape, takes] of [[[2, 2], 4], [[], 1], [[0], 0], [[3], 3]] as const) {
    assertThrows(
      () => encodeSafetensors(new Map([["kernel", { shape, values: kernel.values }]])),
      TypeError,
      `the tensor kernel has 2 values, but its shape [${shape}] needs ${takes}`,
    );
  }
});

Deno.test("encodeSafetensors() rejects a tensor called __metadata__", () => {
  assertThrows(() => encodeSafetensors(new Map([["__metadata__", kernel]])), TypeError);
});

Deno.test("decodeSafetensors() reads a file that was assembled by hand", () => {
  const bytes = file({
    // Offsets determine the positions; the order of names does not matter.
    late: { dtype: "I32", shape: [1], data_offsets: [8, 12] },
    early: { dtype: "F32", shape: [2, 1], data_offsets: [0, 8] },
  }, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0xff, 0xff, 0xff, 0xff]);
  assertEquals(decodeSafetensors(bytes), {
    tensors: new Map<string, TensorValue>([
      ["late", { shape: [1], values: Int32Array.of(-1) }],
      ["early", kernel],
    ]),
    metadata: {},
  });
});

Deno.test("decodeSafetensors() inverts encodeSafetensors()", () => {
  const tensors = new Map<string, TensorValue>([
    ["kernel", { shape: [2, 3], values: Float32Array.of(0, -0, 1e-45, 3.4e38, Infinity, 0.1) }],
    ["nan", { shape: [1], values: Float32Array.of(NaN) }],
    ["ids", { shape: [2], values: Int32Array.of(2 ** 31 - 1, -(2 ** 31)) }],
    ["scalar", step],
    ["none", { shape: [0], values: new Float32Array() }],
    ["no rows", { shape: [0, 7], values: new Int32Array() }],
    ['quoted "name"\n', kernel],
    ["1", kernel],
  ]);
  const metadata = { epoch: "3", metrics: '{"loss":0.5}' };
  const decoded = decodeSafetensors(encodeSafetensors(tensors, metadata));
  assertEquals(decoded, { tensors, metadata });
  for (const [name, { values }] of decoded.tensors) {
    assert([...values].every((value, i) => Object.is(value, tensors.get(name)!.values[i])), name);
  }
  assertEquals(decodeSafetensors(encodeSafetensors(new Map())), {
    tensors: new Map(),
    metadata: {},
  });
});

Deno.test("decodeSafetensors() returns copies, also from a part of a buffer", () => {
  const bytes = encodeSafetensors(new Map([["kernel", kernel]]));
  const larger = new Uint8Array(bytes.length + 3);
  larger.set(bytes, 3);
  // The slice() of a Node buffer shares its memory.
  for (const part of [larger.subarray(3), Buffer.from(bytes)]) {
    const { tensors } = decodeSafetensors(part);
    part.fill(0);
    assertEquals(tensors.get("kernel"), kernel);
  }
});

Deno.test("decodeSafetensors() rejects files that are truncated anywhere", () => {
  const bytes = encodeSafetensors(new Map([["kernel", kernel], ["step", step]]));
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => decodeSafetensors(bytes.slice(0, length)), TypeError, "cut short");
  }
});

Deno.test("decodeSafetensors() rejects inconsistent lengths, offsets and shapes", () => {
  const entry = (parts: object) => ({
    kernel: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...parts },
  });
  const values = Array(8).fill(0);
  assertEquals(decodeSafetensors(file(entry({}), values)).tensors.size, 1);
  for (
    const [parts, words] of [
      [{ shape: [3] }, "has 8 bytes, but its shape [3] needs 12"],
      [{ shape: [] }, "has 8 bytes, but its shape [] needs 4"],
      [{ dtype: "F64" }, "has 8 bytes, but its shape [2] needs 16"],
      // Bytes could be hidden in a tensor that nobody reads.
      [{ dtype: "U8" }, "has 8 bytes, but its shape [2] needs 2"],
      [{ data_offsets: [4, 12] }, "is cut short"],
    ] as const
  ) {
    assertThrows(
      () => decodeSafetensors(file(entry(parts), values)),
      TypeError,
      `the tensor kernel ${words}`,
    );
  }
  const broken = [
    { data_offsets: [-8, 0] },
    { data_offsets: [0] },
    { data_offsets: "08" },
    { shape: [-1, -2] },
    { shape: [0.5, 4] },
    { shape: 2 },
    { dtype: 3 },
  ];
  for (const parts of broken) {
    assertThrows(
      () => decodeSafetensors(file(entry(parts), values)),
      TypeError,
      "the header of the tensor kernel is broken",
      JSON.stringify(parts),
    );
  }
  assertThrows(
    () => decodeSafetensors(file({ kernel: null })),
    TypeError,
    "the tensor kernel is broken",
  );
});

Deno.test("decodeSafetensors() rejects overlapping tensors, and bytes that belong to no tensor", () => {
  const one = (start: number, end: number) => ({
    ...{ dtype: "F32", shape: [(end - start) / 4], data_offsets: [start, end] },
  });
  const cases: [Record<string, ReturnType<typeof one>>, string | undefined][] = [
    [{ b: one(8, 16), a: one(0, 8), none: one(8, 8) }, undefined],
    [{ a: one(0, 8), b: one(4, 16) }, "the tensor b overlaps another tensor"],
    [{ a: one(0, 16), b: one(0, 16) }, "the tensor b overlaps another tensor"],
    [{ a: one(0, 4), b: one(8, 16) }, "4 bytes before the tensor b belong to no tensor"],
    [{ a: one(4, 16) }, "4 bytes before the tensor a belong to no tensor"],
    [{ a: one(0, 8) }, "the last 8 bytes belong to no tensor"],
    [{}, "the last 16 bytes belong to no tensor"],
  ];
  for (const [header, words] of cases) {
    const bytes = file(header, Array(16).fill(0));
    if (words === undefined) assertEquals(decodeSafetensors(bytes).tensors.size, 3);
    else assertThrows(() => decodeSafetensors(bytes), TypeError, words);
  }
});

Deno.test("decodeSafetensors() rejects unsupported types and names them", () => {
  const header = { kernel: { dtype: "BF16", shape: [2], data_offsets: [0, 4] } };
  assertThrows(
    () => decodeSafetensors(file(header, [0, 0, 0, 0])),
    TypeError,
    "the tensor kernel is of type BF16; expected F32 or I32",
  );
});

Deno.test("decodeSafetensors() rejects data that is not a safetensors file", () => {
  const text = new TextEncoder().encode("a,b\n1,2\n3,4\n5,6\n7,8\n");
  assertThrows(() => decodeSafetensors(text), TypeError, "not a safetensors file");
  assertThrows(
    () => decodeSafetensors(new Uint8Array(100).fill(255)),
    TypeError,
    "not a safetensors",
  );
  for (const header of ["{", "null", "[]", '"text"', "3"]) {
    assertThrows(
      () => decodeSafetensors(file(header)),
      TypeError,
      "the header of the safetensors file is broken",
      header,
    );
  }
});
