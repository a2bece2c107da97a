/**
 * The cluster that this process has joined, while it trains.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { isOfOthers } from "../capture/collective.ts";
import { shardsOf } from "../sharded_tables.ts";
import { isStored, sliceRows, writeRows } from "../tables.ts";
import { Collectives } from "./collectives.ts";
import { currentMember } from "./join.ts";
import type { ClusterMember } from "./member.ts";
import { PeerWatch } from "./peer_watch.ts";
import { noAnswer, ProcessGone } from "./process_gone.ts";

/** How long a process waits for the others at the start, in milliseconds. */
const START = 300_000;

/** The time after which a message names the processes that are missing, in milliseconds. */
const QUIET = 10_000;

/** How long one answer may take at the start and at the end, in milliseconds. */
const ANSWER = 2000;

/** How long a process that has failed may still answer, in milliseconds. */
const DYING = 12_000;

/** The cluster that this process has joined. All processes call the same methods in the same order. */
export class RunningCluster {
  /** The operations in which all processes take part. */
  readonly collectives: Collectives;
  readonly #member: ClusterMember;
  readonly #watch: PeerWatch;

  private constructor(member: ClusterMember) {
    const { rank, addresses } = member.cluster;
    this.#member = member;
    this.collectives = new Collectives(addresses.length, rank);
    this.#watch = new PeerWatch(member.handle());
  }

  /**
   * Waits until all processes are there. The native engine must have joined the cluster already.
   *
   * @param report Receives a line if this takes long.
   * @throws {ProcessGone} If a process is not there in time.
   */
  static async start(report: (line: string) => void): Promise<RunningCluster> {
    const member = currentMember();
    if (!member) throw new Error("the native engine has joined no cluster");
    const { rank, addresses } = member.cluster, began = performance.now();
    let missing = addresses.keys().filter((peer) => peer !== rank).toArray(), told = false;
    while (missing.length > 0) {
      const there = await Promise.all(missing.map((peer) => member.answers(peer, ANSWER)));
      missing = missing.filter((_, index) => !there[index]);
      const waited = performance.now() - began;
      const names = missing.map((peer) => addresses[peer]).join(", ");
      if (missing.length > 0 && waited > START) {
        throw noAnswer(names, START / 60_000);
      }
      if (missing.length > 0 && waited > QUIET && !told) {
        told = true;
        report(`waiting for the processes at ${names}`);
      }
      if (missing.length > 0) await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return new RunningCluster(member);
  }

  /** The number of this process. */
  get rank(): number {
    return this.collectives.rank;
  }

  /** The number of processes. */
  get size(): number {
    return this.collectives.size;
  }

  /** The addresses of all processes. */
  get addresses(): readonly string[] {
    return this.#member.cluster.addresses;
  }

  /**
   * Sends a text of the first process to all others.
   *
   * @param text The text; only that of the first process matters.
   * @param name The name of the call.
   * @returns The text of the first process.
   */
  share(text: string, name: string): string {
    const bytes = new TextEncoder().encode(text);
    const [length] = this.#broadcast(Int32Array.of(bytes.length), `${name} length`) as unknown as [
      number,
    ];
    const all = new Int32Array(length);
    if (this.rank === 0) all.set(bytes);
    const shared = length === 0 ? all : this.#broadcast(all, name);
    return new TextDecoder().decode(Uint8Array.from(shared));
  }

  /**
   * Gathers a whole number of each process.
   *
   * @param number The number of this process, of 32 bits.
   * @param name The name of the call.
   * @returns The numbers, in the order of the processes.
   */
  numbers(number: number, name: string): number[] {
    return tf.tidy(() =>
      Array.from(this.collectives.gather(tf.tensor1d([number], "int32"), name).dataSync())
    );
  }

  /**
   * Gathers bytes of each process.
   *
   * @param bytes The bytes of this process.
   * @param name The name of the call.
   * @returns The bytes of each process, in the order of the processes.
   */
  gatherBytes(bytes: Uint8Array, name: string): Uint8Array[] {
    const lengths = this.numbers(bytes.length, `${name} lengths`);
    const most = Math.ceil(Math.max(...lengths) / 4);
    if (most === 0) return lengths.map(() => new Uint8Array());
    const padded = new Uint8Array(most * 4);
    padded.set(bytes);
    const all = tf.tidy(() =>
      this.collectives.gather(tf.tensor1d(new Int32Array(padded.buffer), "int32"), name).dataSync()
    );
    const { buffer, byteOffset } = all as Int32Array;
    return lengths.map((length, rank) =>
      new Uint8Array(buffer, byteOffset + rank * most * 4, length).slice()
    );
  }

  /**
   * Waits until all processes have called this method.
   *
   * @param name The name of the call.
   */
  barrier(name: string): void {
    this.numbers(0, name);
  }

  /**
   * Replaces the values of tensors by those of the first process. Rows of embedding tables are
   * overwritten. Sharded tables stay as they are: each process has rows of its own.
   *
   * @param tensors The tensors. They are disposed of if they are replaced.
   * @param name The name of the call.
   * @returns The tensors of the first process.
   */
  tensorsOfFirst(tensors: readonly tf.Tensor[], name: string): tf.Tensor[] {
    return tensors.map((tensor, index) => {
      if (shardsOf(tensor)) return tensor;
      if (isStored(tensor)) return this.#rowsOfFirst(tensor, `${name} ${index}`);
      const first = this.#piecesOfFirst(tensor, `${name} ${index}`);
      if (this.rank === 0) {
        first.dispose();
        return tensor;
      }
      tensor.dispose();
      return first;
    });
  }

  /**
   * Finds out why a call has failed.
   *
   * @param error The error of the call.
   * @returns A {@linkcode ProcessGone} if another process is gone; otherwise, the same error.
   */
  async explain(error: unknown): Promise<unknown> {
    if (error instanceof ProcessGone || !isOfOthers(error)) return error;
    const { addresses } = this, began = performance.now();
    const peers = addresses.keys().filter((peer) => peer !== this.rank).toArray();
    do {
      const there = await Promise.all(peers.map((peer) => this.#member.answers(peer, ANSWER)));
      const peer = this.#watch.gone ?? peers[there.indexOf(false)];
      if (peer !== undefined) {
        return new ProcessGone(`the process at ${addresses[peer]} is gone`, { cause: error });
      }
      // The system closes the connections of a process a moment after it has failed.
      await new Promise((resolve) => setTimeout(resolve, 200));
    } while (performance.now() - began < DYING);
    return error;
  }

  /** Refuses to go on if another process is gone. It does not wait for an answer. */
  check(): void {
    const { gone } = this.#watch;
    if (gone !== undefined) throw new ProcessGone(`the process at ${this.addresses[gone]} is gone`);
  }

  /** Waits until all processes have done their work. After that, any of them may end. */
  finish(): void {
    this.barrier("finished");
    this.#watch.stop();
    try {
      // The other processes still receive parts of the last operation from this one.
      this.barrier("goodbye");
    } catch {
      // A process that ends now has received them.
    }
  }

  /** Stops watching the other processes, because this one fails. */
  stop(): void {
    this.#watch.stop();
  }

  #broadcast(values: Int32Array, name: string): Int32Array {
    return tf.tidy(() =>
      this.collectives.broadcast(tf.tensor1d(values, "int32"), name).dataSync<"int32">()
    );
  }

  #rowsOfFirst(table: tf.Tensor, name: string): tf.Tensor {
    for (const { from, count } of piecesOf(table)) {
      tf.tidy(() => {
        const piece = this.collectives.broadcast(sliceRows(table, from, count), `${name} ${from}`);
        if (this.rank > 0) writeRows(table, tf.range(from, from + count, 1, "int32"), piece);
      });
    }
    return table;
  }

  #piecesOfFirst(tensor: tf.Tensor, name: string): tf.Tensor {
    if (tensor.size === 0) return tf.clone(tensor);
    const pieces = piecesOf(tensor);
    if (pieces.length === 1) return this.collectives.broadcast(tensor, name);
    return tf.tidy(() =>
      tf.concat(
        pieces.map(({ from, count }) =>
          tf.tidy(() =>
            this.collectives.broadcast(tf.slice(tensor, from, count), `${name} ${from}`)
          )
        ),
      )
    );
  }
}

/** Divides the first axis of a tensor, because a large message takes much memory. */
function piecesOf({ shape: [rows = 1], size }: tf.Tensor): { from: number; count: number }[] {
  const most = Math.max(1, Math.floor(PIECE * rows / Math.max(1, size)));
  return Array.from({ length: Math.ceil(rows / most) }, (_, index) => {
    const from = index * most;
    return { from, count: Math.min(most, rows - from) };
  });
}

/** The largest number of values of a message in which the first process sends its state. */
const PIECE = 2 ** 20;
