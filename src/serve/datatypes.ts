import {
  type DataType,
  Float16,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
} from "apache-arrow";

/** An array of numbers of one type. */
export type Numbers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float16Array
  | Float32Array
  | Float64Array;

/** A datatype of the Open Inference Protocol for numbers. */
export interface NumberType {
  /** Whether it is for whole numbers. */
  readonly whole: boolean;
  /** The smallest and the largest value. */
  readonly range: readonly [least: number, most: number];
  /** The array of its values. */
  readonly array: {
    readonly BYTES_PER_ELEMENT: number;
    new (length: number): Numbers;
    new (buffer: ArrayBuffer): Numbers;
  };
  /** The type in Arrow. */
  readonly arrow: () => DataType;
}

const whole = (
  bits: number,
  signed: boolean,
  array: NumberType["array"],
  arrow: () => DataType,
): NumberType => ({
  whole: true,
  range: signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1],
  array,
  arrow,
});

const fraction = (array: NumberType["array"], arrow: () => DataType): NumberType => ({
  whole: false,
  range: [-Infinity, Infinity],
  array,
  arrow,
});

/** The datatypes for numbers, by their names. */
export const numberTypes: ReadonlyMap<string, NumberType> = new Map(Object.entries({
  INT8: whole(8, true, Int8Array, () => new Int8()),
  UINT8: whole(8, false, Uint8Array, () => new Uint8()),
  INT16: whole(16, true, Int16Array, () => new Int16()),
  UINT16: whole(16, false, Uint16Array, () => new Uint16()),
  INT32: whole(32, true, Int32Array, () => new Int32()),
  UINT32: whole(32, false, Uint32Array, () => new Uint32()),
  INT64: whole(64, true, BigInt64Array, () => new Int64()),
  UINT64: whole(64, false, BigUint64Array, () => new Uint64()),
  FP16: fraction(Float16Array, () => new Float16()),
  FP32: fraction(Float32Array, () => new Float32()),
  FP64: fraction(Float64Array, () => new Float64()),
}));

/** The names of all datatypes that inputs and outputs of the server can have. */
export const datatypes: readonly string[] = ["BOOL", ...numberTypes.keys(), "BYTES"];
