/**
 * Reading and writing of tensors in the safetensors format, which Python's libraries read as well:
 * eight bytes of header length, a header in JSON, then the values.
 *
 * @module
 */

import { decodeHeader, encodeHeader, headerLength, sizeOf } from "./safetensors_header.ts";

/** The value of one tensor. */
export interface TensorValue {
  /** The shape. */
  readonly shape: readonly number[];
  /** The values, row-major. */
  readonly values: Float32Array | Int32Array;
}

/**
 * The bytes of a safetensors file.
 *
 * @param tensors The tensors by name.
 * @param metadata Texts to keep beside them.
 * @returns The bytes; those of the values are aligned to 8.
 * @throws {TypeError} If a tensor has not as many values as its shape says, or is called
 * `__metadata__`, which the format keeps for the texts.
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
  const header = encodeHeader(
    Array.from(tensors, ([name, tensor]) => {
      const { shape, values } = tensor;
      if (sizeOf(shape) !== values.length) {
        throw new TypeError(
          `the tensor ${name} has ${values.length} values, and its shape [${shape}] takes ${
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
 * The tensors of a safetensors file.
 *
 * @param bytes The file's bytes; the tensors are copies.
 * @returns The tensors by name, and the texts kept beside them.
 * @throws {TypeError} If the bytes are no safetensors file, or hold a type other than F32 and I32.
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
    if (end - start !== sizeOf(shape) * 4 || length + end > bytes.length) {
      throw new TypeError(`the tensor ${name} is cut short`);
    }
    const copy = new Uint8Array(bytes.subarray(first, first + end - start));
    tensors.set(name, { shape, values: new Values(copy.buffer) });
  }
  return { tensors, metadata: { ...metadata } };
}
