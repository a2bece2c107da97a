/**
 * The messages in which TensorFlow's C API receives a cluster, as bytes of protocol buffers. The
 * numbers are those of the fields in TensorFlow's `config.proto`, `cluster.proto`, and
 * `tensorflow_server.proto`.
 *
 * @module
 */

import type { Cluster } from "../../cluster/processes.ts";

/** The name of the only job of a cluster. */
const JOB = "worker";

/**
 * Returns the name that TensorFlow gives to a process.
 *
 * @param rank The number of the process.
 */
export const taskName = (rank: number): string => `/job:${JOB}/replica:0/task:${rank}`;

/**
 * Makes a `ConfigProto` for a process of a cluster.
 *
 * @returns Its bytes.
 */
export function configOf(): Uint8Array<ArrayBuffer> {
  // The first process tells the others how the members of a collective operation are ordered.
  const collectiveLeader = text(1, taskName(0));
  const allowSoftPlacement = number(7, 1), experimental = bytes(16, collectiveLeader);
  return Uint8Array.from([...allowSoftPlacement, ...experimental]);
}

/**
 * Makes a `ServerDef`: the server of this process, and the addresses of all processes.
 *
 * @param cluster The processes.
 * @returns Its bytes.
 */
export function serverOf({ rank, addresses }: Cluster): Uint8Array<ArrayBuffer> {
  const tasks = addresses.flatMap((address, task) =>
    bytes(2, [...number(1, task), ...text(2, address)])
  );
  const job = bytes(1, [...text(1, JOB), ...tasks]);
  return Uint8Array.from([
    ...bytes(1, job),
    ...text(2, JOB),
    ...number(3, rank),
    ...bytes(4, configOf()),
    ...text(5, "grpc"),
  ]);
}

function varint(value: number): number[] {
  const parts: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) parts.push(value % 128 + 128);
  return [...parts, value];
}

const number = (field: number, value: number) => [...varint(field * 8), ...varint(value)];

const bytes = (field: number, content: ArrayLike<number>) => [
  ...varint(field * 8 + 2),
  ...varint(content.length),
  ...Array.from(content),
];

const text = (field: number, value: string) => bytes(field, new TextEncoder().encode(value));
