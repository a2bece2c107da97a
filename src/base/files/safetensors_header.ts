/**
 * The header of a safetensors file: its length in eight bytes, then the position of each tensor in
 * JSON.
 *
 * @module
 */

/** The types of tensors in the safetensors files that Rocket writes. */
export type TensorType = "F32" | "I32";

/** The type, shape, and position of a tensor, as in the header of a safetensors file. */
export interface HeaderEntry {
  /** The type of the values, such as `F32`. */
  readonly dtype: string;
  /** The shape of the tensor. */
  readonly shape: readonly number[];
  /** The first byte of the values and the byte after the last, counted from the header's end. */
  readonly data_offsets: readonly [start: number, end: number];
}

/** The content of the header of a safetensors file. */
export interface Header {
  /** The tensors by name, in the order of the file. */
  readonly entries: ReadonlyMap<string, HeaderEntry>;
  /** The texts that are stored with the tensors. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Encodes the start of a safetensors file: the length of its header, and the header.
 *
 * @param tensors The tensors by name, in the order of their values.
 * @param metadata Texts to store with the tensors.
 * @throws {TypeError} If a tensor is called `__metadata__`, which the format reserves for the
 *   texts.
 */
export function encodeHeader(
  tensors: Iterable<readonly [string, { dtype: TensorType; shape: readonly number[] }]>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, HeaderEntry | Readonly<Record<string, string>>> = {
    __metadata__: metadata,
  };
  let offset = 0;
  for (const [name, { dtype, shape }] of tensors) {
    if (name === "__metadata__") throw new TypeError(`a tensor cannot be called ${name}`);
    const end = offset + 4 * sizeOf(shape);
    header[name] = { dtype, shape: [...shape], data_offsets: [offset, end] };
    offset = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // Spaces at the header's end align the values.
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}

/**
 * Returns the size of the header of a safetensors file in bytes, including the eight bytes that
 * store its length.
 *
 * @param start The first eight bytes of a file.
 */
export function headerLength(start: Uint8Array): number {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  return start.length >= 8 ? 8 + Number(view.getBigUint64(0, true)) : Infinity;
}

/**
 * Decodes the header of a safetensors file, and checks that its tensors match the size of the file.
 *
 * @param bytes The header, without its length.
 * @param values The number of bytes that follow the header.
 * @throws {TypeError} If the header is invalid, or if the tensors overlap or do not cover exactly
 *   the bytes that follow.
 */
export function decodeHeader(bytes: Uint8Array, values: number): Header {
  const { __metadata__: metadata = {}, ...rest } = parse(bytes);
  const entries = new Map<string, HeaderEntry>();
  for (const [name, entry] of Object.entries(rest)) {
    if (!isEntry(entry)) throw new TypeError(`the header of the tensor ${name} is broken`);
    refuseOtherSize(name, entry);
    entries.set(name, entry);
  }
  refuseOtherLayout(entries, values);
  return { entries, metadata: metadata as Record<string, string> };
}

/** The bits of a value of each type of the format. */
const bitsOf: Readonly<Record<string, number>> = {
  ...{ F4: 4, F6_E2M3: 6, F6_E3M2: 6, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8 },
  ...{ BOOL: 8, I8: 8, U8: 8, I16: 16, U16: 16, F16: 16, BF16: 16 },
  ...{ I32: 32, U32: 32, F32: 32, I64: 64, U64: 64, F64: 64, C64: 64 },
};

/** Rejects a tensor with more or fewer bytes than its shape needs. */
function refuseOtherSize(name: string, { dtype, shape, data_offsets }: HeaderEntry): void {
  const bits = Object.hasOwn(bitsOf, dtype) ? bitsOf[dtype] : undefined;
  if (bits === undefined) return;
  const [start, end] = data_offsets,
    needed = shape.reduce((size, length) => size * length, bits) / 8;
  if (end - start === needed) return;
  throw new TypeError(
    `the tensor ${name} has ${end - start} bytes, but its shape [${
      shape.join(", ")
    }] needs ${needed}`,
  );
}

/** Rejects overlapping tensors, and gaps, which could contain arbitrary data. */
function refuseOtherLayout(entries: ReadonlyMap<string, HeaderEntry>, values: number): void {
  const sorted = Array.from(
    entries,
    ([name, { data_offsets: [start, end] }]) => ({ name, start, end }),
  )
    .sort((one, other) => one.start - other.start || one.end - other.end);
  let at = 0;
  for (const { name, start, end } of sorted) {
    if (end < start || end > values) throw new TypeError(`the tensor ${name} is cut short`);
    if (start < at) throw new TypeError(`the tensor ${name} overlaps another tensor`);
    if (start > at) {
      throw new TypeError(`${start - at} bytes before the tensor ${name} belong to no tensor`);
    }
    at = end;
  }
  if (at < values) throw new TypeError(`the last ${values - at} bytes belong to no tensor`);
}

/** Parses the header. The values in it are not checked. */
function parse(bytes: Uint8Array): Record<string, unknown> {
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

function isEntry(value: unknown): value is HeaderEntry {
  const { dtype, shape, data_offsets } = Object(value) as Partial<Record<string, unknown>>;
  return typeof dtype === "string" && isLengths(shape) && isLengths(data_offsets) &&
    data_offsets.length === 2;
}

const isLengths = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((length) => Number.isSafeInteger(length) && length >= 0);

/**
 * Returns the number of values of a tensor.
 *
 * @param shape The tensor's shape.
 */
export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((size, length) => size * length, 1);
