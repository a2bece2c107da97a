/**
 * What the recorder knows about operations in which other processes take part. They must not run in
 * trial traces, because the other processes may trace other functions, or none.
 *
 * @module
 */

import { thrownMessage } from "../../base/printable.ts";
import { fnv1a } from "../../base/random.ts";
import type { Binding, TensorMetadata } from "./recorder.ts";
import { DType, type OpAttribute } from "./graph.ts";

/** The operations in which all processes of a cluster take part. */
export const COLLECTIVE: ReadonlySet<string> = new Set([
  "CollectiveReduceV2",
  "CollectiveGatherV2",
]);

/** The inputs of these operations that say how many processes there are, and the key. */
export const SIZE_INPUT = 1, KEY_INPUT = 3;

/**
 * Returns the number by which all processes recognize an operation as the same: a hash of its name
 * and the shape.
 *
 * @param name The name of the operation, or the key without a shape.
 * @param shape The shape of its tensor.
 */
export function collectiveKey(name: string | number, shape?: readonly number[]): number {
  const hash = fnv1a(new TextEncoder().encode(shape ? `${name} [${shape}]` : `${name}`));
  return (hash >>> 1) | 1;
}

/** The hash of the operations of a function in which no other process takes part. */
export const NO_EXCHANGES = 1;

let isAlone = false;

/** Whether operations return what they would if all processes passed the same tensor. */
export const othersAreLeftOut = (): boolean => isAlone;

/**
 * Runs a function op by op without communication.
 *
 * @param run The function.
 */
export function withoutOtherProcesses<T>(run: () => T): T {
  isAlone = true;
  try {
    return run();
  } finally {
    isAlone = false;
  }
}

/**
 * Checks whether TensorFlow failed because of another process: cancelled (1), deadline exceeded (4),
 * aborted (10), or unavailable (14), or an error that another process has sent.
 *
 * @param error The error.
 */
export function isOfOthers(error: unknown): boolean {
  const message = thrownMessage(error);
  // A stage may have wrapped the error.
  if (error instanceof Error && error.cause !== undefined && isOfOthers(error.cause)) return true;
  return /Invalid TF_Status: (1|4|10|14)\b|Collective ops is aborted|remote target/.test(message);
}

/**
 * Returns a result as the operation has it when all processes pass the same tensor, without
 * communication. The values of a sum are those of one process.
 *
 * @param binding Runs other operations.
 * @param op The operation.
 * @param attributes Its attributes.
 * @param inputs Its inputs.
 */
export function withoutOthers(
  binding: Binding,
  op: string,
  attributes: readonly OpAttribute[],
  inputs: readonly number[],
): TensorMetadata[] {
  const [tensor, size] = inputs as [number, number];
  const T = attributes.filter(({ name }) => name === "T");
  if (op === "CollectiveReduceV2") return binding.executeOp("Identity", T, [tensor], 1);
  const count = binding.tensorDataSync(size)[0]!;
  const axis = binding.createTensor([], DType.int32, Int32Array.of(0));
  try {
    return binding.executeOp(
      "ConcatV2",
      [
        ...T,
        { name: "N", type: binding.TF_ATTR_INT, value: count },
        { name: "Tidx", type: binding.TF_ATTR_TYPE, value: DType.int32 },
      ],
      [...Array<number>(count).fill(tensor), axis],
      1,
    );
  } finally {
    binding.deleteTensor(axis);
  }
}
