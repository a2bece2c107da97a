/**
 * The messages in which TensorFlow's C API receives a cluster, as bytes of protocol buffers. The
 * numbers are those of the fields in TensorFlow's `cluster.proto` and `tensorflow_server.proto`.
 *
 * @module
 */

import type { Cluster } from "../../cluster/processes.ts";
import { bytesField, numberField, textField } from "../protobuf.ts";
import { sessionConfig } from "../session_config.ts";

/** The name of the only job of a cluster. */
const JOB = "worker";

/**
 * Returns the name that TensorFlow gives to a process.
 *
 * @param rank The number of the process.
 */
export const taskName = (rank: number): string => `/job:${JOB}/replica:0/task:${rank}`;

/**
 * Makes a `ServerDef`: the server of this process, and the addresses of all processes.
 *
 * @param cluster The processes.
 * @param gpu The number of the GPU that this process uses; undefined for none.
 * @returns Its bytes.
 */
export function serverOf(
  { rank, addresses }: Cluster,
  gpu?: number,
): Uint8Array<ArrayBuffer> {
  const tasks = addresses.flatMap((address, task) =>
    bytesField(2, [...numberField(1, task), ...textField(2, address)])
  );
  const job = bytesField(1, [...textField(1, JOB), ...tasks]);
  return Uint8Array.from([
    ...bytesField(1, job),
    ...textField(2, JOB),
    ...numberField(3, rank),
    ...bytesField(4, sessionConfig({ gpu, leader: taskName(0) })),
    ...textField(5, "grpc"),
  ]);
}
