/** The number of warm-up steps by default, which are not timed. */
const WARM_UP = 5;

/** What a step measured itself. */
export interface Measured {
  /** The duration of the part of the step that is compared, in milliseconds. */
  readonly milliseconds: number;
  /** The peak memory of the process that ran the step, in bytes; by default, that of the program. */
  readonly peakMemory?: number;
  /** The area under the ROC curve on the test split. */
  readonly auc?: number;
  /** The fraction of the time that was spent waiting for data. */
  readonly waitingShare?: number;
}

/** The facts that a program prints, by which the bench checks that all do the same task. */
export interface ProgramFacts {
  /** The library that computes, with its version, such as `TensorFlow 2.21.0`. */
  readonly detail?: string;
  /** The number of trainable parameters, for tasks that train. */
  readonly parameters?: number;
  /** The bytes that a process of a cluster passes to the exchange in a step. */
  readonly exchanged?: number;
}

/**
 * Times a step for the bench: prints `ready` and the program's facts after the warm-up, then reads
 * one number of steps per line from standard input and prints their measurements as a JSON list.
 *
 * @param step Runs one step and waits for its result; returns the loss, if there is one, or what it
 *   measured itself.
 * @param facts The facts of the program to print.
 * @param options The number of warm-up steps.
 * @throws {Error} If a loss of the warm-up is not a finite number.
 */
export async function serve(
  step: () => number | void | Measured | Promise<number | void | Measured>,
  facts: ProgramFacts = {},
  { warmUp = WARM_UP }: { readonly warmUp?: number } = {},
): Promise<void> {
  const losses: number[] = [];
  for (let count = 0; count < warmUp; count++) {
    const loss = await step();
    if (typeof loss === "number") losses.push(loss);
  }
  if (!losses.every(Number.isFinite)) {
    throw new Error(`expected finite losses in the warm-up, got ${losses.join(", ")}`);
  }
  console.log(`ready ${JSON.stringify({ ...facts, losses })}`);
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const times: Measured[] = [];
      for (let count = Number(line); count > 0; count--) {
        const start = performance.now(), result = await step();
        const milliseconds = performance.now() - start;
        times.push(typeof result === "object" ? result : { milliseconds });
      }
      console.log(JSON.stringify(times));
    }
  }
}
