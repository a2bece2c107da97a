import type { Batch } from "../stages/batch.ts";
import type { BatchAddress, BatchMaker, Pass } from "./batches.ts";
import { type InputSetup, WorkerInput } from "./worker_input.ts";

/**
 * Where batches are made: in a thread of its own (`always`), in the thread that computes (`never`),
 * or wherever it is better (`auto`).
 */
export type InputThread = "auto" | "always" | "never";

/** How batches are to be made. */
export interface InputOptions {
  /** Where. */
  readonly thread: InputThread;
  /** When `auto` starts a thread. */
  readonly worth?: Worth;
  /** What another thread would make them of, or why there can be none. */
  readonly setup: () => InputSetup | string;
  /** Told where batches are made, a line at a time. */
  readonly report: (line: string) => void;
}

/** When a thread is worth its start: when batches have taken as long as this, in this thread. */
export interface Worth {
  /** In milliseconds: about what the start itself takes. */
  readonly milliseconds: number;
  /** As a part of the time since the first batch. */
  readonly share: number;
}

const usualWorth: Worth = { milliseconds: 500, share: 0.01 };

/** How many batches are asked for before they are needed. */
const ahead = 3;

/**
 * Makes the batches of a run, ahead of the step where that is worth while.
 *
 * A run begins without a thread for them, as many a run is over before one has started, and in many
 * others a batch takes so little of a step that the other thread would only cost memory. The thread
 * is started once batches have taken half a second and 1 % of the run's time, and takes over when
 * it is there. Where it cannot be had, or fails, batches are made in the thread that computes: a
 * stage's error is met there again. The batches are the same wherever they are made.
 */
export class Input {
  readonly #maker: BatchMaker;
  readonly #options: InputOptions;
  #thread: InputThread;
  #worker: WorkerInput | undefined;
  #began: number | undefined;
  /** Whether this thread has let go of what it read ahead, as the other one reads now. */
  #resting = false;
  #spent = 0;

  /**
   * Takes what makes batches.
   *
   * @param maker Makes a batch here.
   * @param options Where they are to be made.
   */
  constructor(maker: BatchMaker, options: InputOptions) {
    this.#maker = maker;
    this.#options = options;
    this.#thread = options.thread;
  }

  /**
   * The batches of some passes. All are to be taken, in their order.
   *
   * @param passes The passes.
   * @param skip How many batches of the first pass are left out, as they were taken before.
   */
  feed(passes: Iterable<Pass>, skip = 0): Feed {
    return new Feed(this, this.#maker, passes, skip);
  }

  /** The other thread, once it makes batches. */
  async worker(): Promise<WorkerInput | undefined> {
    if (this.#thread === "never") return undefined;
    if (!this.#worker && (this.#thread === "always" || this.#isWorthStarting())) this.#start();
    if (this.#thread === "always" && !this.#worker?.ready) await this.#worker?.settled();
    if (this.#worker?.failure !== undefined) this.giveUp(this.#worker.failure);
    if (!this.#worker?.ready) return undefined;
    if (!this.#resting) this.#maker.rest();
    this.#resting = true;
    return this.#worker;
  }

  /**
   * Makes a batch in this thread.
   *
   * @param address Which.
   */
  async make(address: BatchAddress): Promise<Batch> {
    const start = performance.now();
    this.#began ??= start;
    const batch = await this.#maker.make(address);
    this.#spent += performance.now() - start;
    return batch;
  }

  /**
   * Goes on in this thread alone.
   *
   * @param why What is wrong with the other one.
   */
  giveUp(why: string): void {
    this.#thread = "never";
    this.#options.report(`input: batches are made between the steps: ${why}`);
    this.close();
  }

  /** Ends the other thread. */
  close(): void {
    this.#worker?.close();
    this.#worker = undefined;
  }

  #isWorthStarting(): boolean {
    if (this.#began === undefined) return false;
    const { milliseconds, share } = this.#options.worth ?? usualWorth;
    return this.#spent >= milliseconds && this.#spent >= share * (performance.now() - this.#began);
  }

  #start(): void {
    const setup = this.#options.setup();
    if (typeof setup === "string") return this.giveUp(setup);
    try {
      this.#worker = new WorkerInput(setup);
      this.#options.report("input: a thread makes the batches ahead of the steps");
    } catch (error) {
      this.giveUp(error instanceof Error ? error.message : String(error));
    }
  }
}

/** The batches of one job, in the order of its passes. */
export class Feed {
  readonly #input: Input;
  readonly #maker: BatchMaker;
  readonly #passes: Iterator<Pass>;
  /** Batches that come next, by pass: the first one that is not taken yet stands first. */
  readonly #upcoming: BatchAddress[] = [];
  readonly #asked: { readonly address: BatchAddress; readonly batch: Promise<Batch> }[] = [];

  /** As {@linkcode Input.feed} makes it. */
  constructor(input: Input, maker: BatchMaker, passes: Iterable<Pass>, skip = 0) {
    this.#input = input;
    this.#maker = maker;
    this.#passes = passes[Symbol.iterator]();
    const { value: first } = skip > 0 ? this.#passes.next() : {};
    if (first) this.#upcoming.push(...maker.addresses(first).slice(skip));
  }

  /**
   * Takes the next batch.
   *
   * @returns The batch.
   * @throws {StageError} If a transform fails.
   * @throws {RangeError} If there are no more.
   */
  async next(): Promise<Batch> {
    const worker = await this.#input.worker();
    if (!worker) return await this.#makeNext();
    this.#ask(worker);
    const [first] = this.#asked;
    if (!first) throw noMore();
    try {
      const batch = await first.batch;
      this.#asked.shift();
      this.#ask(worker);
      return batch;
    } catch (error) {
      // It is made here again: what a stage did wrong is then its own error, and what only the
      // other thread cannot do is no reason to end the run.
      this.#input.giveUp((error as Error).message);
      return await this.#makeNext();
    }
  }

  async #makeNext(): Promise<Batch> {
    this.#upcoming.unshift(...this.#asked.splice(0).map(({ address }) => address));
    const address = this.#following();
    if (!address) throw noMore();
    return await this.#input.make(address);
  }

  #ask(worker: WorkerInput): void {
    while (this.#asked.length < ahead) {
      const address = this.#following();
      if (!address) return;
      this.#asked.push({ address, batch: worker.ask(address) });
    }
  }

  #following(): BatchAddress | undefined {
    while (this.#upcoming.length === 0) {
      const { value, done } = this.#passes.next();
      if (done) return undefined;
      this.#upcoming.push(...this.#maker.addresses(value));
    }
    return this.#upcoming.shift();
  }
}

const noMore = () => new RangeError("all batches of the job were taken");
