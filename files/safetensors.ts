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
  readonly shape: readonly number[];
  readonly data_offsets: readonly [start: number, end: number];
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
  const header: Record<string, HeaderEntry | Readonly<Record<string, string>>> = {
    __metadata__: metadata,
  };
  let offset = 0;
  for (const [name, { shape, values }] of tensors) {
    if (name === "__metadata__") throw new TypeError(`no tensor can be called ${name}`);
    const size = sizeOf(shape);
    if (size !== values.length) {
      throw new TypeError(
        `the tensor ${name} has ${values.length} values, and its shape [${shape}] takes ${size}`,
      );
    }
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
  const { __metadata__: metadata = {}, ...entries } = parseHeader(bytes.subarray(8, 8 + length));
  const tensors = new Map<string, TensorValue>();
  for (const [name, entry] of Object.entries(entries)) {
    if (!isHeaderEntry(entry)) throw new TypeError(`the header of the tensor ${name} is broken`);
    const { dtype, shape, data_offsets: [start, end] } = entry;
    const Values = dtype === "F32" ? Float32Array : dtype === "I32" ? Int32Array : undefined;
    if (!Values) throw new TypeError(`the tensor ${name} is of type ${dtype}; expected F32 or I32`);
    const first = 8 + length + start;
    if (end - start !== sizeOf(shape) * 4 || 8 + length + end > bytes.length) {
      throw new TypeError(`the tensor ${name} is cut short`);
    }
    const copy = new Uint8Array(bytes.subarray(first, first + end - start));
    tensors.set(name, { shape, values: new Values(copy.buffer) });
  }
  return { tensors, metadata: metadata as Record<string, string> };
}

/** The header's object; what is in it is not looked at yet. */
function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new TypeError("the header of the safetensors file is broken", { cause });
  }
  if (typeof header === "object" && header !== null && !Array.isArray(header)) {
    return header as Record<string, unknown>;
  }
  throw new TypeError("the header of the safetensors file is broken");
}

function isHeaderEntry(value: unknown): value is HeaderEntry {
  const { dtype, shape, data_offsets } = Object(value) as Partial<Record<string, unknown>>;
  return typeof dtype === "string" && isLengths(shape) && isLengths(data_offsets) &&
    data_offsets.length === 2;
}

const isLengths = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((length) => Number.isSafeInteger(length) && length >= 0);

const sizeOf = (shape: readonly number[]) => shape.reduce((size, length) => size * length, 1);
