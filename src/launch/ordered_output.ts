/** Prints a part of an output. */
export type Print = (chunk: Uint8Array<ArrayBuffer>) => Promise<void>;

/**
 * Prints the output of several runs in order. The output of the first unfinished run appears
 * immediately; the output of later runs is kept until it is their turn.
 */
export class OrderedOutput {
  readonly #waiting: Uint8Array<ArrayBuffer>[][];
  readonly #write: Print;
  readonly #ended = new Set<number>();
  #first = 0;
  #printing = Promise.resolve();

  /**
   * @param runs The number of runs.
   * @param write Prints a chunk. It is called again only after its promise is resolved.
   */
  constructor(runs: number, write: Print) {
    this.#waiting = Array.from({ length: runs }, () => []);
    this.#write = write;
  }

  /** Returns a function that prints the output of a run. */
  of(run: number): Print {
    return async (chunk) => {
      this.#waiting[run]!.push(chunk);
      if (run === this.#first) await this.#print();
    };
  }

  /** Notes that a run has ended, and prints the output of the next one. */
  async end(run: number): Promise<void> {
    this.#ended.add(run);
    // This loop does not wait, because another run may end at the same time.
    while (this.#ended.has(this.#first)) {
      this.#print();
      this.#first++;
    }
    await this.#print();
  }

  /** Prints what is kept of the first unfinished run, after what is being printed. */
  #print(): Promise<void> {
    const waiting = this.#waiting[this.#first]?.splice(0) ?? [];
    return this.#printing = this.#printing.then(async () => {
      for (const chunk of waiting) await this.#write(chunk);
    });
  }
}
