/**
 * Numbers by a formula, equal bit for bit to those of values.py: a number depends on the name of
 * its tensor and its flat index alone.
 *
 * @module
 */

/** The 32-bit FNV-1a hash of some bytes. */
function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** 32 random bits for each index: the name's hash plus a Weyl sequence, mixed by MurmurHash3. */
function randomBits(name: string, size: number): Uint32Array {
  const seed = fnv1a(new TextEncoder().encode(name));
  return Uint32Array.from({ length: size }, (_, index) => {
    let bits = (seed + Math.imul(index, 0x9e3779b9)) | 0;
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return bits ^ (bits >>> 16);
  });
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/**
 * Numbers in [low, high), computed in double precision and rounded once.
 *
 * @param name The tensor's name.
 * @param shape Its shape.
 * @param low The least number.
 * @param high What all numbers are below.
 * @returns The numbers, row by row.
 */
export function referenceUniform(
  name: string,
  shape: readonly number[],
  low: number,
  high: number,
): Float32Array {
  return Float32Array.from(
    randomBits(name, product(shape)),
    (bits) => low + (high - low) * ((bits >>> 8) / 2 ** 24),
  );
}

/**
 * Whole numbers in [0, count).
 *
 * @param name The tensor's name.
 * @param size How many.
 * @param count What all numbers are below.
 */
export function referenceIntegers(name: string, size: number, count: number): Int32Array {
  return Int32Array.from(randomBits(name, size), (bits) => bits % count);
}

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  scale: [0.5, 1.5],
  offset: [-0.1, 0.1],
  bias: [-0.1, 0.1],
  mean: [0, 0],
  variance: [1, 1],
};

/**
 * The starting value of a variable. Its range follows from the last part of its name: `kernel`,
 * `scale`, `offset`, `bias`, `mean` or `variance`.
 *
 * @param name The variable's name, such as `booster/head/norm/scale`.
 * @param shape Its shape, `[..., in, out]` for a kernel.
 * @returns The numbers, row by row.
 */
export function referenceValues(name: string, shape: readonly number[]): Float32Array {
  const part = name.slice(name.lastIndexOf("/") + 1);
  if (part === "kernel") {
    const bound = Math.sqrt(6 / product(shape.slice(0, -1)));
    return referenceUniform(name, shape, -bound, bound);
  }
  const range = RANGES[part];
  if (!range) throw new Error(`no formula for the variable ${name}`);
  return referenceUniform(name, shape, ...range);
}

/**
 * The FNV-1a hash of the numbers' bytes, little-endian.
 *
 * @param values The numbers.
 */
export function checksum(values: Float32Array): number {
  const bytes = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => bytes.setFloat32(index * 4, value, true));
  return fnv1a(new Uint8Array(bytes.buffer));
}

/**
 * The flat indices that a summary of a tensor samples.
 *
 * @param size The number of elements.
 */
export function sampleIndices(size: number): readonly number[] {
  return Array.from(
    { length: 8 },
    (_, k) => Math.floor(size * ((k + 1) * 0.6180339887498949 % 1)),
  );
}
