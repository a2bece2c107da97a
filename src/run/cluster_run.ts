/**
 * What the processes of a cluster do together in a run, in addition to its training steps.
 *
 * @module
 */

import { deserialize, serialize } from "node:v8";
import type { CapturedFunction } from "../engine/capture/capture.ts";
import { Interruption, UserError } from "../base/errors.ts";
import type { Collectives } from "../engine/cluster/collectives.ts";
import { ProcessGone, repeatable, resumable } from "../engine/cluster/process_gone.ts";
import { RunningCluster } from "../engine/cluster/running_cluster.ts";
import type { Batch } from "../stages/batch.ts";
import type { ListPart } from "../base/part_range.ts";
import { type BatchPart, partsOfProcess, type ProcessOfBatch } from "../train/parts.ts";
import { type Model, type State, type SumOverProcesses, tensorsOf } from "../train/step.ts";
import { sumOverProcesses } from "../train/sum_over_processes.ts";

/** A run, or an evaluation or the predictions of one, of which this process is one of several. */
export class ClusterRun {
  /** Sums the gradients of all processes in a step. */
  readonly sum: SumOverProcesses;
  readonly #cluster: RunningCluster;
  /** The number of rows of the current batch, in all processes. */
  #rows = 0;

  /** The run folder that can be resumed, as the first process names it; empty if there is none. */
  readonly #out: string;

  private constructor(cluster: RunningCluster, out: string | undefined) {
    this.#cluster = cluster;
    this.#out = cluster.share(out ?? "", "folder");
    this.sum = sumOverProcesses(cluster.collectives);
  }

  /**
   * Waits until all processes are there. The native engine must have joined the cluster already.
   *
   * @param out The run folder that can be resumed if a process is gone; only that of the first
   *   process matters. It is undefined for a command that is repeated instead.
   * @param report Receives a line if this takes long.
   */
  static async start(
    out: string | undefined,
    report: (line: string) => void,
  ): Promise<ClusterRun> {
    return new ClusterRun(await RunningCluster.start(report), out);
  }

  /** The operations in which all processes take part. */
  get collectives(): Collectives {
    return this.#cluster.collectives;
  }

  /** Whether this is the process that writes the run folder and prints. */
  get isFirst(): boolean {
    return this.#cluster.rank === 0;
  }

  /** The number of processes. */
  get size(): number {
    return this.#cluster.size;
  }

  /**
   * Refuses processes that would train something else than the first one.
   *
   * @param facts What must be equal in all processes, by what it is called in messages.
   * @throws {UserError} If a process differs from the first one.
   */
  refuseOthers(facts: Readonly<Record<string, unknown>>): void {
    for (const [name, fact] of Object.entries(facts)) {
      const own = JSON.stringify(fact) ?? "";
      const first = this.#cluster.share(own, `same ${name}`);
      const isSame = this.#cluster.numbers(own === first ? 1 : 0, `is same ${name}`);
      const other = isSame.indexOf(0);
      if (other >= 0) throw this.#differs(other, name);
    }
  }

  #differs(other: number, name: string): UserError {
    const { addresses } = this.#cluster;
    return new UserError(
      `the process at ${addresses[other]} has ${name} other than the process at ${addresses[0]}`,
    );
  }

  /**
   * Gathers a value of each process, together with a text that must be equal in all of them.
   *
   * @param value The value of this process, which `structuredClone()` could copy.
   * @param fact The text.
   * @param name What the text stands for, as in {@linkcode ClusterRun.refuseOthers}.
   * @returns The values in the order of the processes; none except in the first process.
   * @throws {UserError} If the text of a process differs from that of the first one.
   */
  gather<T>(value: T, fact: string, name: string): T[] {
    const facts = new TextEncoder().encode(fact), bytes = serialize(value);
    const own = new Uint8Array(FACT + facts.length + bytes.length);
    new DataView(own.buffer).setUint32(0, facts.length);
    own.set(facts, FACT);
    own.set(bytes, FACT + facts.length);
    const all = this.#cluster.gatherBytes(own, "values").map((bytes) => {
      const end = FACT + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      return { fact: new TextDecoder().decode(bytes.subarray(FACT, end)), bytes, end };
    });
    const other = all.findIndex(({ fact }) => fact !== all[0]!.fact);
    if (other >= 0) throw this.#differs(other, name);
    return this.isFirst ? all.map(({ bytes, end }) => deserialize(bytes.subarray(end)) as T) : [];
  }

  /**
   * Sends a value of the first process to all others.
   *
   * @param value Returns the value, of plain JSON; called only in the first process.
   * @param name The name of the call.
   */
  async ofFirst<T>(value: () => T | Promise<T>, name: string): Promise<T> {
    const text = this.isFirst ? encode(await value()) : "";
    return decode(this.#cluster.share(text, name)) as T;
  }

  /**
   * Returns a value of the first process, if it has one, in all processes. This is fast if it has
   * none.
   *
   * @param value The value, of plain JSON; only that of the first process matters.
   * @param name The name of the call.
   */
  async maybeOfFirst<T extends object>(value: T | undefined, name: string): Promise<T | undefined> {
    const [isThere] = this.#cluster.numbers(value ? 1 : 0, `${name} is there`);
    return isThere ? await this.ofFirst(() => value!, name) : undefined;
  }

  /**
   * Replaces a state by that of the first process.
   *
   * @param state The state, which is disposed of if it is replaced.
   */
  stateOfFirst(state: State): State {
    const tensors = this.#cluster.tensorsOfFirst(tensorsOf(state), "state").values();
    const replaced = (all: State["values"]) =>
      Object.fromEntries(Object.keys(all).map((name) => [name, tensors.next().value!]));
    const values = replaced(state.values);
    const slots = Object.entries(state.slots).map(([slot, all]) => [slot, replaced(all)]);
    return { values, slots: Object.fromEntries(slots) };
  }

  /**
   * Returns the parts of a batch that this process computes.
   *
   * @param batch The whole batch, or the rows of this process.
   * @param most The maximum number of rows of a part.
   * @param model The factors of the weights of rows, and the loss terms.
   * @param process The number of rows of the whole batch, if the batch consists of the rows of this
   *   process, and whether this process has been asked to stop.
   */
  partsOf(
    batch: Batch,
    most: number,
    model: Model,
    process: Pick<ProcessOfBatch, "whole" | "stops">,
  ): BatchPart[] {
    this.#rows = process.whole ?? batch.size;
    return partsOfProcess(batch, most, { ...this.part, ...process }, model);
  }

  /** Which part of a list this process computes. */
  get part(): ListPart {
    return { index: this.#cluster.rank, count: this.size };
  }

  /**
   * Returns how many items of a list this process computes.
   *
   * @param count The length of the list.
   */
  shareOf(count: number): number {
    return Math.floor((count + this.size - 1 - this.#cluster.rank) / this.size);
  }

  /**
   * Computes items of a list, each in one of the processes.
   *
   * @param count The length of the list.
   * @param compute Computes the next item of this process.
   * @param take Receives all items in order, in the first process only.
   */
  async inTurns<T>(
    count: number,
    compute: () => Promise<T>,
    take: (item: T) => void,
  ): Promise<void> {
    for (let from = 0; from < count; from += this.size) {
      const isOwn = from + this.#cluster.rank < count;
      const own = isOwn ? serialize(await compute()) : new Uint8Array();
      const all = this.#cluster.gatherBytes(own, "item");
      if (!this.isFirst) continue;
      for (const bytes of all.slice(0, count - from)) take(deserialize(bytes));
    }
  }

  /** Refuses to go on if another process is gone. */
  check(): void {
    this.#cluster.check();
  }

  /**
   * Makes all processes run a function in the same way: as a graph if all of them have captured it,
   * otherwise operation by operation.
   *
   * @param captured The function, in which other processes take part.
   * @param rowsOf Returns the number of rows of the input in all processes; by default, it is that of
   *   the current training batch.
   */
  together<Input extends object, Output extends object>(
    captured: CapturedFunction<Input, Output>,
    rowsOf: (input: Input) => number = () => this.#rows,
  ): Pick<CapturedFunction<Input, Output>, "call" | "dispose"> {
    const agreed = new Set<number>();
    return {
      call: (input) => {
        // The rows of this process say nothing about those of the others.
        const rows = rowsOf(input);
        if (!agreed.has(rows)) {
          agreed.add(rows);
          this.#agree(captured, input);
        }
        return captured.call(input);
      },
      dispose: () => captured.dispose(),
    };
  }

  #agree<Input extends object, Output extends object>(
    captured: CapturedFunction<Input, Output>,
    input: Input,
  ): void {
    const exchanges = captured.prepare(input);
    const all = this.#cluster.numbers(exchanges ?? 0, "captured");
    if (all.includes(0)) return captured.runOpByOp(input, "another process cannot capture it");
    // Such as a network that reads as many rows of a table as there are rows, and one more.
    if (all.some((one) => one !== all[0])) {
      captured.runOpByOp(input, "its gradients depend on the number of rows in an unusual way");
    }
  }

  /**
   * Prepares the end of this process because of an error.
   *
   * @param error The error.
   * @returns The error to report: another one if the cause is that another process is gone.
   */
  async leave(error: unknown): Promise<unknown> {
    if (error instanceof Interruption) {
      // All processes stop after the same step.
      try {
        this.#cluster.finish();
      } catch {
        // The checkpoint has been written, or another process reports why not.
      }
      return error;
    }
    const explained = await this.#cluster.explain(error);
    if (explained instanceof ProcessGone) {
      return this.#out === "" ? repeatable(explained) : resumable(explained, this.#out);
    }
    // The others may have the same error, but still receive parts of the last operation from here.
    await new Promise((resolve) => setTimeout(resolve, LINGER));
    return explained;
  }

  /** Waits until all processes have done their work. */
  finish(): void {
    this.#cluster.finish();
  }

  /** Ends what watches the other processes. */
  stop(): void {
    this.#cluster.stop();
  }
}

/** The number of bytes that contain the length of a text. */
const FACT = 4;

/** How long a process that fails still answers the others, in milliseconds. */
const LINGER = 1000;

/** JSON that keeps numbers that are not finite. */
const encode = (value: unknown): string =>
  JSON.stringify(
    { value },
    (_, part) => typeof part === "number" && !Number.isFinite(part) ? { number: `${part}` } : part,
  );

const decode = (text: string): unknown =>
  JSON.parse(
    text,
    (_, part) => typeof part?.number === "string" ? Number(part.number) : part,
  ).value;
