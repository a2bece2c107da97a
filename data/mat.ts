import { UserError } from "../src/base/errors.ts";
import { hint } from "../src/base/hints.ts";
import { unpack } from "./unpack.ts";

/** An array in a MAT-file. */
export interface MatArray {
  /** The sizes of the dimensions. The first index changes fastest. */
  readonly shape: readonly number[];
  /** The values as stored. MATLAB stores doubles that are small integers as bytes. */
  readonly values: Uint8Array | Float64Array;
}

/** The supported types of data elements, by their numbers (MAT-File Format, table 1-1). */
const types = { uint8: 2, int32: 5, uint32: 6, double: 9, matrix: 14, compressed: 15 } as const;

/** A data element: a tag and its bytes. */
interface Element {
  readonly type: number;
  readonly data: Uint8Array<ArrayBuffer>;
  /** The offset of the next element. */
  readonly end: number;
}

/**
 * Reads the arrays of bytes and doubles in a MATLAB file of version 5 (MathWorks, MAT-File Format,
 * Level 5), the format of SVHN. Variables may be compressed with zlib. Other arrays and big-endian
 * files are rejected.
 *
 * @param bytes The file.
 * @param path The file's name for messages.
 * @param most The maximum unpacked size of all variables together, in bytes.
 * @returns The arrays by name.
 * @throws {UserError} If the file is not a MAT-file of version 5, is incomplete, or is too large.
 */
export async function readMat(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
  most: number,
): Promise<Map<string, MatArray>> {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 10));
  const order = new TextDecoder("latin1").decode(bytes.subarray(126, 128));
  if (start !== "MATLAB 5.0" || order !== "IM") {
    throw new UserError(`${path} is not a little-endian MAT-file of version 5`, {
      hint: hint(
        "mat/start",
        'a MAT-file of version 5 starts with "MATLAB 5.0": download the file again',
        {
          edit: "the file",
        },
      ),
    });
  }
  const arrays = new Map<string, MatArray>();
  let left = most;
  for (let at = 128; at < bytes.length;) {
    const element = elementAt(bytes, at, path);
    // Compressed elements are not aligned.
    at = element.type === types.compressed ? element.end : aligned(element.end);
    let matrix = element;
    if (element.type === types.compressed) {
      const content = await unpack(element.data, "deflate", path, left);
      left -= content.length;
      matrix = elementAt(content, 0, path);
    }
    const { name, array } = readMatrix(matrix, path);
    if (arrays.has(name) || arrays.size === maxVariables) {
      throw new UserError(
        arrays.has(name)
          ? `${path} has two variables with the name ${name}`
          : `${path} has more than the supported ${maxVariables} variables`,
      );
    }
    arrays.set(name, array);
  }
  return arrays;
}

/** The maximum number of variables of a file, which bounds the time to read it. */
const maxVariables = 100;

const aligned = (position: number) => Math.ceil(position / 8) * 8;

function elementAt(bytes: Uint8Array<ArrayBuffer>, at: number, path: string): Element {
  const damaged = () =>
    new UserError(`${path} ends within a variable`, {
      hint: hint("mat/end", "the file is incomplete or damaged: download it again", {
        edit: "the file",
      }),
    });
  if (at + 8 > bytes.length) throw damaged();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = view.getUint32(at, true);
  // Up to four bytes are stored in the tag itself, after their count.
  const small = first >>> 16;
  const [type, size, from] = small > 0
    ? [first & 0xffff, small, at + 4]
    : [first, view.getUint32(at + 4, true), at + 8];
  if (from + size > bytes.length || (small > 4)) throw damaged();
  return {
    type,
    data: bytes.subarray(from, from + size),
    end: small > 0 ? at + 8 : from + size,
  };
}

function readMatrix({ type, data }: Element, path: string): { name: string; array: MatArray } {
  if (type !== types.matrix) {
    throw new UserError(`${path} has a data element of type ${type} where an array is expected`);
  }
  const flags = elementAt(data, 0, path);
  const dimensions = elementAt(data, aligned(flags.end), path);
  const nameElement = elementAt(data, aligned(dimensions.end), path);
  const name = new TextDecoder("latin1").decode(nameElement.data);
  const values = elementAt(data, aligned(nameElement.end), path);
  const isNumeric = flags.type === types.uint32 && dimensions.type === types.int32 &&
    (values.type === types.uint8 || values.type === types.double);
  if (!isNumeric) {
    throw new UserError(`${path}: the variable ${name} is not an array of bytes or doubles`);
  }
  const copy = <T extends Int32Array | Float64Array>(
    { data }: Element,
    Values: new (buffer: ArrayBuffer) => T,
    width: number,
  ) => new Values(data.slice(0, data.length - data.length % width).buffer);
  const shape = [...copy(dimensions, Int32Array, 4)];
  const array = {
    shape,
    values: values.type === types.uint8 ? values.data : copy(values, Float64Array, 8),
  };
  const size = shape.reduce((product, length) => product * length, 1);
  if (array.values.length !== size || shape.some((length) => length < 0)) {
    throw new UserError(
      `${path}: the variable ${name} has ${array.values.length} values, but its shape [${shape}] needs ${size}`,
      {
        hint: hint("mat/values", "the file is incomplete or damaged: download it again", {
          edit: "the file",
        }),
      },
    );
  }
  return { name, array };
}
