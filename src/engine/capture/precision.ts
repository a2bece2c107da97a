/**
 * Decides which ops of a captured step run in bfloat16.
 *
 * @module
 */

/**
 * The precision of the large feature maps of a captured step. Weights, losses, and statistics are
 * always float32.
 */
export type Precision = "float32" | "bfloat16";

/**
 * The inputs of each op that may be bfloat16, by position; `any` for ops that use the type of their
 * inputs. All other inputs stay in float32: the scales and statistics of batch norms, and weights
 * where they are updated.
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
 * The inputs of ops that only move numbers. These ops use bfloat16 if their first input does, so
 * that feature maps are not converted back and forth by a pad or by the gradient of an addition.
 */
const following: Readonly<Record<string, readonly number[]>> = {
  Reshape: [0],
  PadV2: [0, 2],
  Slice: [0],
};

/** Matrix products, whose results are converted back to float32. */
const products: ReadonlySet<string> = new Set(["BatchMatMulV2", "MatMul"]);

/**
 * For products with fewer multiplications than this, the conversion takes as long as the product in
 * float32.
 */
const SMALLEST_PRODUCT = 2 ** 20;

/**
 * Ops whose results are converted back to float32 immediately: gradients of weights, and matrix
 * products.
 */
const backToFloat: ReadonlySet<string> = new Set(["Conv2DBackpropFilter", ...products]);

/** The shape of an op's input, and whether it already has the precision bfloat16. */
export interface LowInput {
  /** The shape of the input. */
  readonly shape: readonly number[];
  /** Whether the input is already bfloat16. */
  readonly low: boolean;
}

/**
 * Lists the inputs of an op that must be converted to bfloat16.
 *
 * @param op The name of the op.
 * @param shape The shape of its first output. Feature maps have 4 axes.
 * @param inputs The inputs of the op.
 * @returns The positions of the inputs, or `undefined` if the op stays in float32.
 */
export function lowPrecisionInputs(
  op: string,
  shape: readonly number[],
  inputs: readonly LowInput[],
): readonly number[] | undefined {
  if (products.has(op)) {
    // A product of [m, k] and [k, n] needs m · k · n multiplications: the square root of the
    // product of the three tensors' sizes.
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
 * Checks whether an op, such as a matrix product, is one whose first output is converted from
 * bfloat16 back to float32 immediately.
 *
 * @param op The name of the op.
 * @returns Whether it is.
 */
export function returnsToFloat(op: string): boolean {
  return backToFloat.has(op);
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
