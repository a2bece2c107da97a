import {
  DataType,
  type Dictionary,
  Field,
  FixedSizeList,
  type Float,
  Float16,
  Float32,
  Float64,
  type Int,
  Int16,
  Int32,
  Int64,
  Int8,
  List,
  Precision,
  Timestamp,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
} from "apache-arrow";
import type { ArrowType } from "../base/arrow_types.ts";

/**
 * Finds the narrowest type that holds the values of two types, such as those of one column in two
 * files or splits. Whole numbers widen to more bits and to floats, floats to more bits, timestamps
 * to finer units, and a column of nulls to any type. Other types do not widen.
 *
 * @param a The first type.
 * @param b The second type.
 * @returns The common type; undefined if there is none.
 *
 * @example
 * ```ts
 * import { commonType } from "@rocket-launching/rocket/plugin";
 * import { Float32, Int16, Utf8 } from "npm:apache-arrow@21.2.0";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(String(commonType(new Int16(), new Float32())), "Float32");
 * assertEquals(commonType(new Int16(), new Utf8()), undefined);
 * ```
 */
export function commonType(a: ArrowType, b: ArrowType): ArrowType | undefined {
  if (String(a) === String(b)) return a;
  if (DataType.isNull(a)) return b;
  if (DataType.isNull(b)) return a;
  if (DataType.isInt(a) && DataType.isInt(b)) return commonInt(a, b);
  if (isNumber(a) && isNumber(b)) return commonFloat(a, b);
  if (isText(a) && isText(b)) return new Utf8();
  if (DataType.isTimestamp(a) && DataType.isTimestamp(b)) {
    return a.timezone === b.timezone
      ? new Timestamp(Math.max(a.unit, b.unit), a.timezone)
      : undefined;
  }
  if (DataType.isDate(a) && DataType.isTimestamp(b)) return b.timezone ? undefined : b;
  if (DataType.isTimestamp(a) && DataType.isDate(b)) return a.timezone ? undefined : a;
  if (DataType.isList(a) && DataType.isList(b)) {
    const child = commonChild(a, b);
    return child && new List(child);
  }
  if (DataType.isFixedSizeList(a) && DataType.isFixedSizeList(b) && a.listSize === b.listSize) {
    const child = commonChild(a, b);
    return child && new FixedSizeList(a.listSize, child);
  }
  return undefined;
}

const isNumber = (type: DataType) => DataType.isInt(type) || DataType.isFloat(type);

const isText = (type: DataType): boolean =>
  DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type) ||
  DataType.isDictionary(type) && isText((type as Dictionary).dictionary);

function commonChild(a: DataType, b: DataType): Field | undefined {
  const [one, other] = [a.children[0]!, b.children[0]!];
  const type = commonType(one.type, other.type);
  return type && new Field(one.name, type, one.nullable || other.nullable, one.metadata);
}

const signed = { 8: Int8, 16: Int16, 32: Int32, 64: Int64 } as const;
const unsigned = { 8: Uint8, 16: Uint16, 32: Uint32, 64: Uint64 } as const;

function commonInt(a: Int, b: Int): DataType | undefined {
  const bits = Math.max(a.bitWidth, b.bitWidth) as 8 | 16 | 32 | 64;
  if (a.isSigned === b.isSigned) return new (a.isSigned ? signed : unsigned)[bits]();
  const [withSign, without] = a.isSigned ? [a, b] : [b, a];
  if (without.bitWidth < withSign.bitWidth) return withSign;
  // No integer type holds both all of uint64 and negative numbers.
  if (without.bitWidth === 64) return undefined;
  return new signed[2 * without.bitWidth as 16 | 32 | 64]();
}

/**
 * Integers of up to 16 bits fit in a float32 and those of up to 32 bits in a float64. Integers of
 * 64 bits may not fit, so their values are checked when they are widened.
 */
function commonFloat(a: DataType, b: DataType): DataType {
  const bits = Math.max(bitsOf(a), bitsOf(b));
  return bits === 16 ? new Float16() : bits === 32 ? new Float32() : new Float64();
}

function bitsOf(type: DataType): number {
  if (DataType.isInt(type)) return type.bitWidth <= 8 ? 16 : type.bitWidth <= 16 ? 32 : 64;
  const { precision } = type as Float;
  return precision === Precision.HALF ? 16 : precision === Precision.SINGLE ? 32 : 64;
}
