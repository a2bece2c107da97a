/**
 * Floating-point numbers of several widths, as stored in safetensors files.
 *
 * @module
 */

/**
 * Checks whether {@linkcode toFloats} converts numbers of a type.
 *
 * @param dtype The type's name in safetensors files.
 */
export const isFloat = (dtype: string): boolean => ["F32", "F16", "BF16", "F64"].includes(dtype);

/**
 * Converts numbers to float32. F64 numbers are rounded to the nearest float32.
 *
 * @param dtype The type of the numbers: F32, F16, BF16 or F64.
 * @param bytes The numbers, little-endian.
 */
export function toFloats(dtype: string, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  switch (dtype) {
    case "F32":
      return new Float32Array(bytes.buffer);
    case "F64":
      return Float32Array.from(new Float64Array(bytes.buffer));
    case "BF16":
      // A bfloat16 is the upper half of a float32.
      return new Float32Array(Uint32Array.from(halves(bytes), (bits) => bits << 16).buffer);
    default:
      return Float32Array.from(halves(bytes), fromHalf);
  }
}

const halves = ({ buffer }: Uint8Array<ArrayBuffer>) => new Uint16Array(buffer);

/** Decodes IEEE 754 binary16: one bit for the sign, 5 for the exponent, 10 for the fraction. */
function fromHalf(bits: number): number {
  const sign = bits >>> 15 === 0 ? 1 : -1, exponent = bits >>> 10 & 0x1f, fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
