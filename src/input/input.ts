import { thrownMessage } from "../base/printable.ts";
import type { Batch } from "../stages/batch.ts";
import type { BatchAddress, BatchMaker, Pass } from "./batches.ts";
import { type InputSetup, WorkerInput } from "./worker_input.ts";

/**
 * The thread that makes batches: always a separate thread (`always`), never a separate thread
 * (`never`), or whichever is faster (`auto`).
 */
export type InputThread = "auto" | "always" | "never";

/** The options of {@linkcode Input}, such as whether a separate thread makes the batches. */
export interface InputOptions {
  /** The thread that makes batches. */
  readonly thread: InputThread;
  /** The condition on which `auto` starts a thread. */
  readonly worth?: Worth;
  /** Returns the setup for a thread, or the reason why a thread cannot be used. */
  readonly setup: () => InputSetup | string;
  /** Receives log lines about the thread that makes batches. */
  readonly report: (line: string) => void;
}

/** The time that batches must take before Rocket starts a worker thread that makes them. */
export interface Worth {
  /**
   * The minimum in milliseconds, for the batches so far and the rest of their pass together; about
   * half the time that the start itself takes, because all cores wait for a batch of the main thread.
   */
  readonly milliseconds: number;
  /** The minimum as a fraction of the time of the run so far. */
  readonly share: number;
}

const usualWorth: Worth = { milliseconds: 250, share: 0.01 };

/** The number of batches that are requested before they are needed. */
const ahead = 3;

/** The number of first batches that say nothing about the later ones: code is not yet compiled. */
const WARM_UP = 1;

/** The number of batches after {@linkcode WARM_UP} from which Rocket estimates the time of a batch. */
const SAMPLE = 2;

/**
 * Makes the batches of a run, ahead of the steps if that saves time.
 *
 * A run starts without a thread for batches: many runs end before a thread would be ready, and in
 * many others batches take so little time that a thread would only cost memory. The thread is
 * started if batches take 1 % of the run's time, and a quarter of a second by the end of the pass,
 * and takes over when it is ready. If it cannot be started or fails, the main thread makes the
 * batches. If the cause was an error of a stage, the main thread throws the same error. The batches
 * are the same in both threads.
 */
export class Input {
  readonly #maker: BatchMaker;
  readonly #options: InputOptions;
  #thread: InputThread;
  #worker: WorkerInput | undefined;
  #began: number | undefined;
  /** Whether the main thread has freed the rows that it read ahead, because the other one reads. */
  #resting = false;
  /** The address of the last batch that was made in the main thread. */
  #last: BatchAddress | undefined;
  #made = 0;
  #spent = 0;
  /** The time in milliseconds that the rest of the pass would take in the main thread. */
  #coming = 0;

  /**
   * Creates the input of a run.
   *
   * @param maker Makes batches in the main thread.
   * @param options The thread to use, and when.
   */
  constructor(maker: BatchMaker, options: InputOptions) {
    this.#maker = maker;
    this.#options = options;
    this.#thread = options.thread;
  }

  /**
   * Returns the batches of some passes. All of them must be taken, in order.
   *
   * @param passes The passes.
   * @param skip The number of batches of the first pass to skip, because they were taken before.
   */
  feed(passes: Iterable<Pass>, skip = 0): Feed {
    return new Feed(this, this.#maker, passes, skip);
  }

  /** Returns the thread if it is ready to make batches. */
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
   * Makes a batch in the main thread.
   *
   * @param address The batch's address.
   * @param left The number of batches of the same pass that come later.
   */
  async make(address: BatchAddress, left: number): Promise<Batch> {
    const start = performance.now();
    const batch = await this.#maker.make(address);
    this.#last = address;
    if (++this.#made <= WARM_UP) return batch;
    this.#began ??= start;
    this.#spent += performance.now() - start;
    this.#coming = left * this.#spent / (this.#made - WARM_UP);
    return batch;
  }

  /**
   * Continues without a separate thread.
   *
   * @param why The reason, for the log.
   */
  giveUp(why: string): void {
    this.#thread = "never";
    this.#options.report(`input: batches are made between the steps, without a thread: ${why}`);
    this.close();
  }

  /** Ends the thread. */
  close(): void {
    this.#worker?.close();
    this.#worker = undefined;
  }

  #isWorthStarting(): boolean {
    if (this.#began === undefined || this.#made < WARM_UP + SAMPLE) return false;
    const { milliseconds, share } = this.#options.worth ?? usualWorth;
    return this.#spent + this.#coming >= milliseconds &&
      this.#spent >= share * (performance.now() - this.#began);
  }

  #start(): void {
    const setup = this.#options.setup();
    if (typeof setup === "string") return this.giveUp(setup);
    try {
      this.#worker = new WorkerInput(setup, this.#last);
      this.#options.report("input: a thread makes the batches ahead of the steps");
    } catch (error) {
      this.giveUp(thrownMessage(error));
    }
  }
}

/**
 * The batches of one job in the order in which they are used: pass by pass over the splits, and
 * batch by batch in each pass.
 */
export class Feed {
  readonly #input: Input;
  readonly #maker: BatchMaker;
  readonly #passes: Iterator<Pass>;
  /** The addresses of batches that the thread was asked for, but has not made. They come next. */
  #again: BatchAddress[] = [];
  /** The addresses of the next batches of the current pass. */
  #upcoming: Iterator<BatchAddress, undefined> | undefined;
  /** The number of these batches. */
  #left = 0;
  readonly #asked: { readonly address: BatchAddress; readonly batch: Promise<Batch> }[] = [];

  /** Creates a feed; use {@linkcode Input.feed}. */
  constructor(input: Input, maker: BatchMaker, passes: Iterable<Pass>, skip = 0) {
    this.#input = input;
    this.#maker = maker;
    this.#passes = passes[Symbol.iterator]();
    const { value: first } = skip > 0 ? this.#passes.next() : {};
    if (first) this.#startPass(first, skip);
  }

  /**
   * Takes the next batch.
   *
   * @returns The batch.
   * @throws {StageError} If a transform fails.
   * @throws {RangeError} If there are no more batches.
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
      // Make the batch again in the main thread: an error of a stage then occurs here with its own
      // place, and a failure of the thread alone does not end the run.
      this.#input.giveUp((error as Error).message);
      return await this.#makeNext();
    }
  }

  async #makeNext(): Promise<Batch> {
    this.#again = [...this.#asked.splice(0).map(({ address }) => address), ...this.#again];
    const address = this.#following();
    if (!address) throw noMore();
    return await this.#input.make(address, this.#again.length + this.#left);
  }

  #ask(worker: WorkerInput): void {
    while (this.#asked.length < ahead) {
      const address = this.#following();
      if (!address) return;
      this.#asked.push({ address, batch: worker.ask(address) });
    }
  }

  #following(): BatchAddress | undefined {
    const again = this.#again.shift();
    if (again) return again;
    while (this.#left === 0) {
      const { value, done } = this.#passes.next();
      if (done) return undefined;
      this.#startPass(value);
    }
    this.#left--;
    return this.#upcoming!.next().value;
  }

  #startPass(pass: Pass, skip = 0): void {
    this.#upcoming = this.#maker.addresses(pass, skip);
    this.#left = Math.max(0, this.#maker.count(pass) - skip);
  }
}

const noMore = () => new RangeError("all batches of the job were taken");
