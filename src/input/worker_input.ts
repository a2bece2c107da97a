import { startThread } from "../base/machine/restrict_thread.ts";
import type { Batch } from "../stages/batch.ts";
import type { StageReference } from "../stages/stage_error.ts";
import type { BatchAddress } from "./batches.ts";
import type { Deed } from "./own_thread.ts";
import type { SharedRows } from "./rows.ts";
import type { SharedStream } from "./streamed.ts";
import type { Measured } from "./transforms.ts";

/** Everything that a thread needs to make batches, in a form that can be sent to it. */
export interface InputSetup {
  /** The rows by split. */
  readonly splits: Readonly<Record<string, SharedRows | SharedStream>>;
  /** The transforms, in order. */
  readonly transforms: readonly TransformSetup[];
  /** The statistics that were measured on the training rows. */
  readonly measured: Measured;
  /** The run's seed. */
  readonly seed: number;
}

/** A transform in a form that can be sent to another thread, which loads its stage again. */
export interface TransformSetup {
  /** A built-in name, an absolute path or a URL. */
  readonly specifier: string;
  /** The transform's checked options. */
  readonly options: unknown;
  /** The transform, for messages. */
  readonly reference: StageReference;
  /** The rows to which the transform is applied. */
  readonly on: "training" | "all";
}

/** A message from the thread that makes batches to the main thread. */
export type Answer = { readonly ready: true } | { readonly batch: Batch } | {
  readonly failed: string;
};

/** Functions of this thread, since code of a pipeline may replace them. */
const { exit } = Deno, { reportError } = globalThis;

/** The URL of the module that runs in the thread that makes batches. */
export const batchThread: URL = new URL("./worker.ts", import.meta.url);

/** Controls a thread that makes batches. */
export class WorkerInput {
  readonly #worker: Worker;
  readonly #waiting: PromiseWithResolvers<Answer>[] = [];
  readonly #started: Promise<void>;
  #failure: string | undefined;
  #ready = false;

  /**
   * Starts the thread.
   *
   * @param setup The rows and transforms.
   * @param trial The address of a batch that the thread makes before it is ready, because a first
   *   batch takes much longer than the later ones.
   * @throws {Error} If the thread cannot be started, or the setup cannot be sent.
   */
  constructor(setup: InputSetup, trial?: BatchAddress) {
    this.#worker = startThread(batchThread);
    this.#worker.onmessage = ({ data }: MessageEvent<Answer | Deed>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
    this.#worker.onmessageerror = () =>
      this.#fail("the thread sent a message that cannot be received");
    try {
      this.#started = this.#start(setup, trial);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Whether the thread is ready to make batches. */
  get ready(): boolean {
    return this.#ready;
  }

  /** The reason why the thread makes no more batches; undefined if it does. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /**
   * Requests a batch.
   *
   * @param address The batch's address.
   * @returns The batch; a rejection of the promise need not be handled.
   * @throws {Error} If the thread cannot make the batch.
   */
  ask(address: BatchAddress): Promise<Batch> {
    const batch = this.#send(address).then((answer) => {
      if ("batch" in answer) return answer.batch;
      throw new Error("the thread did not return a batch");
    });
    batch.catch(() => {});
    return batch;
  }

  /** Waits until the thread is ready or has failed. */
  async settled(): Promise<void> {
    await this.#started;
  }

  /** Ends the thread. */
  close(): void {
    this.#worker.terminate();
    this.#fail("the thread was ended");
  }

  #start(setup: InputSetup, trial: BatchAddress | undefined): Promise<void> {
    const answers = [this.#send(setup), ...(trial ? [this.#send(trial)] : [])];
    return Promise.all(answers).then(() => {
      this.#ready = true;
    }, () => {});
  }

  #send(message: InputSetup | BatchAddress): Promise<Answer> {
    if (this.#failure !== undefined) return Promise.reject(new Error(this.#failure));
    this.#worker.postMessage(message);
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  #hear(answer: Answer | Deed): void {
    // What code of a pipeline does in the thread has the same effect as in this one.
    if ("exit" in answer) return exit(answer.exit);
    if ("uncaught" in answer) reportError(new Error(answer.uncaught));
    else if ("failed" in answer) this.#fail(answer.failed);
    else this.#waiting.shift()?.resolve(answer);
  }

  #fail(message: string): void {
    this.#failure ??= message;
    for (const { promise, reject } of this.#waiting.splice(0)) {
      promise.catch(() => {});
      reject(new Error(message));
    }
  }
}

/**
 * Checks whether a value can be sent to another thread without changes: plain data, without
 * functions and without instances of classes.
 *
 * @param value The value.
 */
export function canBeSent(value: unknown): boolean {
  if (typeof value === "function" || typeof value === "symbol") return false;
  if (typeof value !== "object" || value === null) return true;
  const plain = [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value));
  return plain && Object.values(value).every(canBeSent);
}
