/**
 * The configuration of a context of TensorFlow, as the bytes of a `ConfigProto`. The numbers are
 * those of the fields in TensorFlow's `config.proto`.
 *
 * @module
 */

import { bytesField, numberField, textField } from "./protobuf.ts";

/** The settings of a context of TensorFlow. */
export interface SessionSettings {
  /**
   * The number of the only GPU that TensorFlow sees, starting at 0; by default, it sees no GPU.
   */
  readonly gpu?: number | undefined;
  /**
   * The name of the process of a cluster that tells the others how the members of a collective
   * operation are ordered; undefined for a process that trains alone.
   */
  readonly leader?: string | undefined;
}

/**
 * Makes a `ConfigProto`.
 *
 * On a GPU, TensorFlow allocates memory as it is needed instead of all memory at the start, and
 * operations that have no kernel for the GPU run on the CPU.
 *
 * @example
 * ```ts
 * import { sessionConfig } from "./session_config.ts";
 * import { assertEquals } from "@std/assert";
 *
 * // device_count: { "GPU": 0 }
 * assertEquals([...sessionConfig({})], [10, 7, 10, 3, 71, 80, 85, 16, 0]);
 * ```
 *
 * @param settings The settings.
 * @returns The bytes of the message.
 */
export function sessionConfig({ gpu, leader }: SessionSettings): Uint8Array<ArrayBuffer> {
  const allowGrowth = numberField(4, 1);
  const device = gpu === undefined
    ? bytesField(1, [...textField(1, "GPU"), ...numberField(2, 0)])
    : bytesField(6, [...allowGrowth, ...textField(5, String(gpu))]);
  const softPlacement = gpu === undefined && leader === undefined ? [] : numberField(7, 1);
  const experimental = leader === undefined ? [] : bytesField(16, [
    ...textField(1, leader),
    // NCCL exchanges numbers between GPUs without copying them to the memory of the CPU.
    ...gpu === undefined ? [] : numberField(7, 1),
  ]);
  return Uint8Array.from([...device, ...softPlacement, ...experimental]);
}
