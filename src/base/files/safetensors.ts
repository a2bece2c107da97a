/**
 * Reads and writes tensors in the safetensors format, which Python libraries also read: eight bytes
 * with the header's length, a header in JSON, then the values.
 *
 * @module
 */

import { decodeHeader, encodeHeader, headerLength, sizeOf } from "./safetensors_header.ts";

/** The shape and the values of a tensor. */
export interface TensorValue {
  /** The shape. */
  readonly shape: readonly number[];
  /** The values, row-major. */
  readonly values: Float32Array | Int32Array;
}

/**
 * Encodes tensors as a safetensors file.
 *
 * @param tensors The tensors by name.
 * @param metadata Texts to store with the tensors.
 * @returns The bytes of the file. The values start at a multiple of 8 bytes.
 * @throws {TypeError} If the number of values of a tensor does not match its shape, or if a tensor
 *   is called `__metadata__`, which the format reserves for the texts.
 *
 * @example
 * ```ts
 * import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
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
  const header = encodeHeader(
    Array.from(tensors, ([name, tensor]) => {
      const { shape, values } = tensor;
      if (sizeOf(shape) !== values.length) {
        throw new TypeError(
          `the tensor ${name} has ${values.length} values, but its shape [${shape}] needs ${
            sizeOf(shape)
          }`,
        );
      }
      return [name, { shape, dtype: values instanceof Int32Array ? "I32" : "F32" }] as const;
    }),
    metadata,
  );
  const size = Array.from(tensors.values(), ({ values }) => values.byteLength)
    .reduce((sum, length) => sum + length, header.length);
  const bytes = new Uint8Array(size);
  bytes.set(header);
  let position = header.length;
  for (const { values } of tensors.values()) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), position);
    position += values.byteLength;
  }
  return bytes;
}

/**
 * Decodes a safetensors file.
 *
 * @param bytes The file's bytes. The tensors are copies.
 * @returns The tensors by name, and the texts stored with them.
 * @throws {TypeError} If the bytes are not a safetensors file, or contain a type other than F32 and
 *   I32.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
): { tensors: Map<string, TensorValue>; metadata: Record<string, string> } {
  const length = headerLength(bytes);
  if (length > bytes.length) throw new TypeError("not a safetensors file, or cut short");
  const { entries, metadata } = decodeHeader(bytes.subarray(8, length), bytes.length - length);
  const tensors = new Map<string, TensorValue>();
  for (const [name, entry] of entries) {
    const { dtype, shape, data_offsets: [start, end] } = entry;
    const Values = dtype === "F32" ? Float32Array : dtype === "I32" ? Int32Array : undefined;
    if (!Values) throw new TypeError(`the tensor ${name} is of type ${dtype}; expected F32 or I32`);
    const first = length + start;
    const copy = new Uint8Array(bytes.subarray(first, first + end - start));
    tensors.set(name, { shape, values: new Values(copy.buffer) });
  }
  return { tensors, metadata: { ...metadata } };
}
