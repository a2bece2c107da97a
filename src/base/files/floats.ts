/**
 * Floating-point numbers of several widths, as safetensors files have them.
 *
 * @module
 */

const sizes: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, F64: 8 };

/**
 * How many bytes a floating-point number takes.
 *
 * @param dtype Its type, as safetensors files call it.
 * @returns The bytes; undefined for other types.
 */
export function floatSize(dtype: string): number | undefined {
  return Object.hasOwn(sizes, dtype) ? sizes[dtype] : undefined;
}

/**
 * Numbers as float32. Those of F64 are rounded to the nearest.
 *
 * @param dtype Their type: F32, F16, BF16 or F64.
 * @param bytes The numbers, little-endian.
 */
export function toFloats(dtype: string, bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  switch (dtype) {
    case "F32":
      return new Float32Array(bytes.buffer);
    case "F64":
      return Float32Array.from(new Float64Array(bytes.buffer));
    case "BF16":
      // The upper half of a float32.
      return new Float32Array(Uint32Array.from(halves(bytes), (bits) => bits << 16).buffer);
    default:
      return Float32Array.from(halves(bytes), fromHalf);
  }
}

const halves = ({ buffer }: Uint8Array<ArrayBuffer>) => new Uint16Array(buffer);

/** IEEE 754 binary16: a sign, five bits of exponent, ten of fraction. */
function fromHalf(bits: number): number {
  const sign = bits >>> 15 === 0 ? 1 : -1, exponent = bits >>> 10 & 0x1f, fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
