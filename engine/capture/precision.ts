/**
 * Which ops of a captured step may run in bfloat16.
 *
 * @module
 */

/** The precision of a captured step's large maps. Weights, losses and statistics stay in float32. */
export type Precision = "float32" | "bfloat16";

/**
 * The inputs of each op that may be bfloat16, by position; `any` for ops that follow their inputs.
 * What is left out stays in float32: the scales and statistics of batch norms, and weights where they
 * are updated.
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

/** Ops whose result is a weight's gradient, which is summed up and applied in float32. */
const backToFloat: ReadonlySet<string> = new Set(["Conv2DBackpropFilter"]);

/**
 * Which inputs of an op are to be cast to bfloat16.
 *
 * @param op The op.
 * @param rank The rank of its first output; maps have 4 axes.
 * @param lowAlready Whether each input is bfloat16 already.
 * @returns The positions, or `undefined` if the op stays in float32.
 */
export function lowPrecisionInputs(
  op: string,
  rank: number,
  lowAlready: readonly boolean[],
): readonly number[] | undefined {
  const inputs = lowInputs[op];
  if (!inputs || rank !== 4) return undefined;
  if (inputs !== "any") return inputs;
  return lowAlready.some(Boolean) ? [...lowAlready.keys()] : undefined;
}

/**
 * Whether an op's first output goes back to float32 at once.
 *
 * @param op The op.
 */
export function returnsToFloat(op: string): boolean {
  return backToFloat.has(op);
}

/** Whether this machine computes bfloat16 in hardware, as far as it tells; `false` if it does not. */
export async function hasBfloat16(): Promise<boolean> {
  try {
    const text = await Deno.readTextFile("/proc/cpuinfo");
    return /^flags\s*:.*\b(avx512_bf16|amx_bf16)\b/m.test(text);
  } catch {
    return false;
  }
}
