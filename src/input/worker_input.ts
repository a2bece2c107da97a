import type { Batch } from "../stages/batch.ts";
import type { StageReference } from "../stages/stage_error.ts";
import type { BatchAddress } from "./batches.ts";
import type { SharedRows } from "./rows.ts";
import type { SharedStream } from "./streamed.ts";
import type { Measured } from "./transforms.ts";

/** What the other thread makes batches of: all of it can be sent there. */
export interface InputSetup {
  /** The rows by split. */
  readonly splits: Readonly<Record<string, SharedRows | SharedStream>>;
  /** The transforms in their order. */
  readonly transforms: readonly TransformSetup[];
  /** What was measured. */
  readonly measured: Measured;
  /** The run's seed. */
  readonly seed: number;
}

/** A transform, for a thread that has to find it anew. */
export interface TransformSetup {
  /** A built-in name, an absolute path or a URL. */
  readonly specifier: string;
  /** Its checked options. */
  readonly options: unknown;
  /** What to call it in messages. */
  readonly reference: StageReference;
  /** The rows that it is applied to. */
  readonly on: "training" | "all";
}

/** What the other thread says. */
export type Answer = { readonly ready: true } | { readonly batch: Batch } | {
  readonly failed: string;
};

/** Makes batches in a thread of its own. */
export class WorkerInput {
  readonly #worker: Worker;
  readonly #waiting: PromiseWithResolvers<Answer>[] = [];
  #failure: string | undefined;
  #ready = false;

  /**
   * Starts the thread.
   *
   * @param setup What it makes batches of.
   * @throws {Error} If there can be no such thread, or the setup cannot be sent.
   */
  constructor(setup: InputSetup) {
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
    this.#worker.onmessageerror = () => this.#fail("it sent what cannot be received");
    try {
      this.#send(setup).then(() => this.#ready = true, () => {});
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Whether it is making batches by now. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Why it makes no batches any more. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /**
   * Asks for a batch.
   *
   * @param address Which.
   * @returns The batch; the promise may be left alone.
   * @throws {Error} If it cannot be made there.
   */
  ask(address: BatchAddress): Promise<Batch> {
    const batch = this.#send(address).then((answer) => {
      if ("batch" in answer) return answer.batch;
      throw new Error("it did not answer with a batch");
    });
    batch.catch(() => {});
    return batch;
  }

  /** Waits until it makes batches, or cannot. */
  async settled(): Promise<void> {
    await this.#waiting[0]?.promise.catch(() => {});
  }

  /** Ends the thread. */
  close(): void {
    this.#worker.terminate();
    this.#fail("it was ended");
  }

  #send(message: InputSetup | BatchAddress): Promise<Answer> {
    if (this.#failure !== undefined) return Promise.reject(new Error(this.#failure));
    this.#worker.postMessage(message);
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  #hear(answer: Answer): void {
    if ("failed" in answer) this.#fail(answer.failed);
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
 * Whether a value is the same in another thread: plain data, no functions and no objects of a
 * class.
 *
 * @param value The value.
 */
export function canBeSent(value: unknown): boolean {
  if (typeof value === "function" || typeof value === "symbol") return false;
  if (typeof value !== "object" || value === null) return true;
  const plain = [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value));
  return plain && Object.values(value).every(canBeSent);
}
