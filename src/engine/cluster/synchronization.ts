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
  /** The rows that this process computes. */
  readonly part: RowsOfPart;
}

/** A synchronization with a name that no other operation of the step has. */
export interface NamedSynchronization extends Synchronization {
  /** The name. */
  readonly name: string;
}

/** The rows of a batch that a process computes. */
export interface RowsOfPart {
  /** Their number. */
  readonly rows: number;
  /** The number of rows by which this process has fewer than the others. */
  readonly missing: number;
}

/**
 * The synchronization of the step that is being computed; `parts` if the processes compute different
 * numbers of parts.
 */
let current: Synchronization | "parts" | undefined;

/** The number of operations in the step so far, by which they are recognized. */
let count = 0;

/** The rows of this process, if each process reads rows of sharded tables for a batch of its own. */
let ownBatch: RowsOfPart | undefined;

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
 * @param rows The number of rows of each batch, the same in all processes.
 * @param run The function, which is not asynchronous.
 */
export function readingOwnBatch<T>(rows: number, run: () => T): T {
  ownBatch = { rows, missing: 0 };
  try {
    return run();
  } finally {
    ownBatch = undefined;
  }
}

/**
 * Returns the rows for which this process reads rows of sharded tables: its rows of a training batch,
 * or a batch of its own; undefined when all processes compute the same rows.
 *
 * @throws {Error} If the processes compute different numbers of parts.
 */
export function partOfBatch(): RowsOfPart | undefined {
  return ownBatch ?? synchronization("the lookup of rows of a sharded table")?.part;
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
