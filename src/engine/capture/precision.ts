/**
 * Which ops of a captured step may run in bfloat16.
 *
 * @module
 */

/**
 * The precision of a captured step's large maps. Weights, losses and statistics stay in float32.
 */
export type Precision = "float32" | "bfloat16";

/**
 * The inputs of each op that may be bfloat16, by position; `any` for ops that follow their inputs.
 * What is left out stays in float32: the scales and statistics of batch norms, and weights where
 * they are updated.
 */
const lowInputs: Readonly<Record<string, readonly number[] | "any">> = {
  Conv2D: [0, 1],
  Conv2DBackpropInput: [1, 2],
  Conv2DBackpropFilter: [0, 2],
  FusedBatchNormV3: [0],
  FusedBatchNormGradV3: [0, 1],
  Relu: [0],
  ReluGrad: [0, 1],
  Add: "any",
  AddV2: "any",
  AddN: "any",
};

/**
 * The inputs of ops that only move numbers, and stay in bfloat16 if the first input is: no map is
 * cast back and forth on the way through a pad or through the gradient of an addition.
 */
const following: Readonly<Record<string, readonly number[]>> = {
  Reshape: [0],
  PadV2: [0, 2],
  Slice: [0],
};

/** Products of matrices, whose result goes on in float32. */
const products: ReadonlySet<string> = new Set(["BatchMatMulV2", "MatMul"]);

/** Below so many multiplications, casting takes as long as a product in float32. */
const SMALLEST_PRODUCT = 2 ** 20;

/** Ops whose result goes back to float32 at once: weights' gradients, and products of matrices. */
const backToFloat: ReadonlySet<string> = new Set(["Conv2DBackpropFilter", ...products]);

/** An input of an op. */
export interface LowInput {
  /** Its shape. */
  readonly shape: readonly number[];
  /** Whether it is bfloat16 already. */
  readonly low: boolean;
}

/**
 * Which inputs of an op are to be cast to bfloat16.
 *
 * @param op The op.
 * @param shape The shape of its first output; maps have 4 axes.
 * @param inputs What it computes with.
 * @returns The positions, or `undefined` if the op stays in float32.
 */
export function lowPrecisionInputs(
  op: string,
  shape: readonly number[],
  inputs: readonly LowInput[],
): readonly number[] | undefined {
  if (products.has(op)) {
    // A product of [m, k] and [k, n] has m · k · n multiplications, the root of the three sizes'
    // product.
    const sizes = [shape, ...inputs.map(({ shape }) => shape)].map(sizeOf);
    return Math.sqrt(sizes.reduce((a, b) => a * b)) >= SMALLEST_PRODUCT ? [0, 1] : undefined;
  }
  if (shape.length !== 4) return undefined;
  if (inputs[0]?.low && following[op]) return following[op];
  const positions = lowInputs[op];
  if (positions !== "any") return positions;
  return inputs.some(({ low }) => low) ? [...inputs.keys()] : undefined;
}

/**
 * Whether an op's first output goes back to float32 at once.
 *
 * @param op The op.
 */
export function returnsToFloat(op: string): boolean {
  return backToFloat.has(op);
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
