import type * as tf from "@tensorflow/tfjs";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { Collectives } from "./collectives.ts";

/** The operations with which the processes of a cluster take the rows of a whole batch into account. */
export interface Synchronization {
  /** The operations in which all processes take part. */
  readonly collectives: Collectives;
  /** The fraction of the batch's rows that this process computes; 0 if its rows do not count. */
  readonly share: tf.Scalar;
  /**
   * How the rows of the batch are divided, as the shape of a tensor without values: the number of
   * rows that remain if each process has as many as the others; and 1 if this process has none, so
   * that its only row does not count, otherwise 0.
   */
  readonly layout: tf.Tensor2D;
}

/** A synchronization with a name that no other operation of the step has. */
export interface NamedSynchronization extends Synchronization {
  /** The name. */
  readonly name: string;
}

/**
 * The synchronization of the step that is being computed; `parts` if the processes compute different
 * numbers of parts.
 */
let current: Synchronization | "parts" | undefined;

/** The number of operations in the step so far, by which they are recognized. */
let count = 0;

/** Whether each process computes a batch of its own. */
let isOwnBatch = false;

/**
 * Lets operations compute statistics of the whole batch while a function runs.
 *
 * @param synchronization How, or `parts` if this is not possible.
 * @param run The function, which is not asynchronous.
 */
export function synchronizing<T>(
  synchronization: Synchronization | "parts",
  run: () => T,
): T {
  current = synchronization;
  count = 0;
  try {
    return run();
  } finally {
    current = undefined;
  }
}

/**
 * Lets each process read rows of sharded tables for a batch of its own while a function runs. Nothing
 * else is exchanged: the batches are not parts of one batch.
 *
 * @param run The function, which is not asynchronous.
 */
export function readingOwnBatch<T>(run: () => T): T {
  isOwnBatch = true;
  try {
    return run();
  } finally {
    isOwnBatch = false;
  }
}

/**
 * Whether each process asks for rows of sharded tables of its own, for its rows of a training batch or
 * for a batch of its own. Otherwise, all processes ask for the same ones.
 *
 * @throws {UserError} If the processes compute different numbers of parts; exit code 2.
 */
export function asksForOwnRows(): boolean {
  return isOwnBatch ||
    synchronization("the lookup of rows of a sharded table") !== undefined;
}

/**
 * Returns the synchronization of the step that is being computed, and a name for an operation;
 * undefined if this process computes whole batches, or parts of them.
 *
 * @param what What is synchronized, for the name.
 */
export function synchronizationOfWhole(
  what: string,
): NamedSynchronization | undefined {
  return current === "parts" ? undefined : synchronization(what);
}

/**
 * Returns the synchronization of the step that is being computed, and a name for an operation;
 * undefined if this process computes whole batches.
 *
 * @param what What is synchronized, for messages.
 * @throws {UserError} If the processes compute different numbers of parts; exit code 2.
 */
export function synchronization(
  what: string,
): NamedSynchronization | undefined {
  if (current !== "parts") return current && { ...current, name: `${what} ${count++}` };
  throw new UserError(`${what} cannot be synchronized with \`train.accumulate\``, {
    hint: hint("cluster/accumulate", "remove `accumulate` in train", {
      remove: ["/train/accumulate"],
    }),
    exitCode: 2,
  });
}
