/**
 * Reading and writing of tensors in the safetensors format, which Python's libraries read as well:
 * eight bytes of header length, a header in JSON, then the values.
 *
 * @module
 */

/** The value of one tensor. */
export interface TensorValue {
  /** The shape. */
  readonly shape: readonly number[];
  /** The values, row-major. */
  readonly values: Float32Array | Int32Array;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

/**
 * The bytes of a safetensors file.
 *
 * @param tensors The tensors by name.
 * @param metadata Texts to keep beside them.
 * @returns The bytes; those of the values are aligned to 8.
 *
 * @example
 * ```ts
 * import { decodeSafetensors, encodeSafetensors } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeSafetensors(
 *   new Map([["kernel", { shape: [2], values: new Float32Array([1, 2]) }]]),
 *   { epoch: "3" },
 * );
 * assertEquals(decodeSafetensors(bytes).metadata, { epoch: "3" });
 * ```
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, TensorValue>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, HeaderEntry | Readonly<Record<string, string>>> = {
    __metadata__: metadata,
  };
  let offset = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = {
      dtype: values instanceof Int32Array ? "I32" : "F32",
      shape: [...shape],
      data_offsets: [offset, offset + values.byteLength],
    };
    offset += values.byteLength;
  }
  const text = JSON.stringify(header);
  const encoded = new TextEncoder().encode(text);
  // Spaces at the header's end align the values.
  const length = Math.ceil(encoded.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + offset).fill(0x20, 8, 8 + length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(encoded, 8);
  let position = 8 + length;
  for (const { values } of tensors.values()) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), position);
    position += values.byteLength;
  }
  return bytes;
}

/**
 * The tensors of a safetensors file.
 *
 * @param bytes The file's bytes; the tensors are copies.
 * @returns The tensors by name, and the texts kept beside them.
 * @throws {TypeError} If the bytes are no safetensors file, or hold a type other than F32 and I32.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
): { tensors: Map<string, TensorValue>; metadata: Record<string, string> } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length >= 8 ? Number(view.getBigUint64(0, true)) : Infinity;
  if (8 + length > bytes.length) throw new TypeError("not a safetensors file, or cut short");
  let header: Record<string, HeaderEntry> & { __metadata__?: Record<string, string> };
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  } catch (cause) {
    throw new TypeError("the header of the safetensors file is broken", { cause });
  }
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map<string, TensorValue>();
  for (const [name, { dtype, shape, data_offsets: [start, end] }] of Object.entries(entries)) {
    const Values = dtype === "F32" ? Float32Array : dtype === "I32" ? Int32Array : undefined;
    if (!Values) throw new TypeError(`the tensor ${name} is of type ${dtype}; expected F32 or I32`);
    const size = shape.reduce((a, b) => a * b, 1) * 4;
    if (end - start !== size || 8 + length + end > bytes.length) {
      throw new TypeError(`the tensor ${name} is cut short`);
    }
    const copy = bytes.slice(8 + length + start, 8 + length + end);
    tensors.set(name, { shape, values: new Values(copy.buffer) });
  }
  return { tensors, metadata };
}
