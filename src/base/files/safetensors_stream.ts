/**
 * Safetensors files that are written and read in parts, since their tensors may not fit in memory.
 *
 * @module
 */

import { openRegular } from "./regular.ts";
import { isFloat, toFloats } from "./floats.ts";
import {
  decodeHeader,
  encodeHeader,
  type Header,
  type HeaderEntry,
  headerLength,
  sizeOf,
  type TensorType,
} from "./safetensors_header.ts";

/** A part of a tensor's values, since large tensors are written in parts. */
export type TensorPart = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** A tensor that is written in parts. */
export interface StreamedTensor {
  /** The type of its numbers. */
  readonly dtype: TensorType;
  /** The shape. */
  readonly shape: readonly number[];
  /** Its values, row-major, part by part. */
  parts(): AsyncIterable<Float32Array | Int32Array>;
}

/**
 * Encodes a safetensors file in parts.
 *
 * @param tensors The tensors by name.
 * @param metadata Texts to store with the tensors.
 * @throws {TypeError} If the number of values of a tensor does not match its shape.
 */
export async function* safetensorsChunks(
  tensors: ReadonlyMap<string, StreamedTensor>,
  metadata: Readonly<Record<string, string>>,
): AsyncGenerator<Uint8Array> {
  yield encodeHeader(tensors, metadata);
  for (const [name, tensor] of tensors) {
    let left = sizeOf(tensor.shape);
    for await (const { buffer, byteOffset, byteLength, length } of tensor.parts()) {
      left -= length;
      yield new Uint8Array(buffer, byteOffset, byteLength);
    }
    if (left !== 0) {
      throw new TypeError(
        `the parts of the tensor ${name} have ${
          sizeOf(tensor.shape) - left
        } values, but its shape [${tensor.shape}] needs ${sizeOf(tensor.shape)}`,
      );
    }
  }
}

/** An open safetensors file whose tensors are read one at a time. */
export class SafetensorsFile {
  /** The type, shape, and position of each tensor, by name. */
  readonly entries: ReadonlyMap<string, HeaderEntry>;
  /** The texts that are stored with the tensors. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #file: Deno.FsFile;
  readonly #start: number;

  private constructor(file: Deno.FsFile, start: number, { entries, metadata }: Header) {
    this.metadata = metadata;
    this.#file = file;
    this.#start = start;
    this.entries = entries;
  }

  /**
   * Opens a file.
   *
   * @param path The file.
   * @throws {TypeError} If it is not a safetensors file.
   */
  static async open(path: string): Promise<SafetensorsFile> {
    const file = await openRegular(path);
    try {
      const { size } = await file.stat();
      const length = headerLength(await readFully(file, Math.min(8, size)));
      if (length > size) throw new TypeError("not a safetensors file, or cut short");
      const header = decodeHeader(await readFully(file, length - 8), size - length);
      return new SafetensorsFile(file, length, header);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /**
   * Reads the values of a tensor in order.
   *
   * @param name The name of a tensor in the file.
   * @param most The maximum number of values in a part.
   * @throws {TypeError} If the type of the tensor is not F32 or I32.
   */
  async *parts(name: string, most: number): AsyncGenerator<TensorPart> {
    const { dtype, data_offsets: [start, end] } = this.entries.get(name)!;
    const Values = dtype === "F32" ? Float32Array : dtype === "I32" ? Int32Array : undefined;
    if (!Values) throw new TypeError(`the tensor ${name} is of type ${dtype}; expected F32 or I32`);
    await this.#file.seek(this.#start + start, Deno.SeekMode.Start);
    for (let left = end - start; left > 0;) {
      const bytes = await readFully(this.#file, Math.min(left, most * 4));
      left -= bytes.length;
      yield new Values(bytes.buffer);
    }
  }

  /**
   * Reads all values of a tensor of floating-point numbers as float32.
   *
   * @param name The name of a tensor in the file.
   * @throws {TypeError} If the type of the tensor is not F32, F16, BF16 or F64.
   */
  async floats(name: string): Promise<Float32Array<ArrayBuffer>> {
    const { dtype, data_offsets: [start, end] } = this.entries.get(name)!;
    if (!isFloat(dtype)) {
      throw new TypeError(
        `the tensor ${name} is of type ${dtype}; expected F32, F16, BF16 or F64`,
      );
    }
    await this.#file.seek(this.#start + start, Deno.SeekMode.Start);
    return toFloats(dtype, await readFully(this.#file, end - start));
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }
}

async function readFully(file: Deno.FsFile, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let read = 0;
  while (read < length) {
    const count = await file.read(bytes.subarray(read));
    if (count === null) throw new TypeError("the file is cut short");
    read += count;
  }
  return bytes;
}
