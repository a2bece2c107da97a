import type { Predictions } from "../model/answers.ts";
import type { LoadedModel, ModelRows } from "../model/model.ts";

/** The part of a loaded model that the batcher uses to compute predictions. */
export type Computing = Pick<LoadedModel, "compute" | "rowsAtOnce">;

/** Rows that wait for the net. */
interface Waiting {
  readonly rows: ModelRows;
  readonly resolve: (predictions: Predictions) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Computes rows of several requests at once. While the net computes, other requests arrive; all of
 * them are computed together next. A single request never waits for others.
 */
export class Batcher {
  readonly #model: Computing;
  readonly #onBatch: (rows: number) => void;
  #waiting: Waiting[] = [];
  #running = false;

  /**
   * Creates a batcher.
   *
   * @param model Computes the rows.
   * @param onBatch Called with the number of rows before they are computed.
   */
  constructor(model: Computing, onBatch: (rows: number) => void) {
    this.#model = model;
    this.#onBatch = onBatch;
  }

  /**
   * Computes predictions.
   *
   * @param rows The rows of a request, at most as many as the model computes at once.
   */
  predict(rows: ModelRows): Promise<Predictions> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ rows, resolve, reject });
      if (!this.#running) this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      // Requests that have arrived already are parsed before the net occupies the thread.
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.#take();
      const rows = batch.map(({ rows }) => rows);
      this.#onBatch(rows.reduce((sum, { size }) => sum + size, 0));
      try {
        const predictions = await this.#model.compute(rows);
        batch.forEach(({ resolve }, index) => resolve(predictions[index]!));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }

  /** Takes waiting rows, in their order, until they are as many as the model computes at once. */
  #take(): Waiting[] {
    const most = this.#model.rowsAtOnce;
    let count = 0, size = 0;
    for (const { rows } of this.#waiting) {
      if (count > 0 && size + rows.size > most) break;
      size += rows.size;
      count++;
    }
    const taken = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return taken;
  }
}
