/**
 * Gathers the rows of sharded tables in the first process, part by part, so that no process holds a
 * whole table while a checkpoint is written.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { Collectives } from "../engine/cluster/collectives.ts";
import { gatherShardedRows } from "../engine/sharded_tables.ts";
import { rowCount, VALUES_AT_ONCE } from "../engine/tables.ts";
import type { TensorPart } from "../base/files/safetensors_stream.ts";

/** What the first process asks for: a table, and the first row of each process. */
type Request = readonly [table: number, from: number];

/** The requests without a table: all parts are there, or the values are not finite. */
const DONE = -1, NOT_FINITE = -2;

/** The sharded tables of a state, of which the first process asks for parts. */
export class ShardedRows {
  readonly #collectives: Collectives;
  readonly #tables: readonly tf.Tensor[];

  /**
   * Prepares the exchange.
   *
   * @param collectives The processes.
   * @param tables The tables, in the same order in all processes.
   */
  constructor(collectives: Collectives, tables: readonly tf.Tensor[]) {
    this.#collectives = collectives;
    this.#tables = tables;
  }

  /**
   * Yields the values of a whole table in parts, in the first process.
   *
   * @param table The table.
   */
  async *parts(table: tf.Tensor): AsyncGenerator<TensorPart> {
    const index = this.#tables.indexOf(table);
    const held = Math.ceil(rowCount(table) / this.#collectives.size);
    for (let from = 0; from < held; from += rowsAtOnce(table, this.#collectives)) {
      this.#ask([index, from]);
      const part = this.#gather([index, from]);
      try {
        yield await part.data() as TensorPart;
      } finally {
        part.dispose();
      }
    }
  }

  /**
   * Tells the other processes, in the first one, that no more parts are needed.
   *
   * @param isFinite Whether all values are finite.
   */
  end(isFinite: boolean): void {
    this.#ask([isFinite ? DONE : NOT_FINITE, 0]);
  }

  /**
   * Sends the parts for which the first process asks, in the other processes.
   *
   * @returns Whether all values are finite.
   */
  serve(): boolean {
    for (;;) {
      const request = this.#ask([0, 0]);
      if (request[0] < 0) return request[0] === DONE;
      this.#gather(request).dispose();
    }
  }

  /** Sends the request of the first process to all. */
  #ask(request: Request): Request {
    return tf.tidy(() => {
      const own = tf.tensor1d([...request], "int32");
      return Array.from(this.#collectives.broadcast(own, "rows wanted").dataSync());
    }) as unknown as Request;
  }

  #gather([index, from]: Request): tf.Tensor {
    const table = this.#tables[index]!;
    const held = Math.ceil(rowCount(table) / this.#collectives.size);
    const count = Math.min(rowsAtOnce(table, this.#collectives), held - from);
    return gatherShardedRows(table, { from, count }, "rows of a checkpoint");
  }
}

/** The number of rows of each process in a part. */
function rowsAtOnce(table: tf.Tensor, { size }: Collectives): number {
  return Math.max(1, Math.floor(VALUES_AT_ONCE / (table.shape[1]! * size)));
}
