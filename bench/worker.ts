/** The number of warm-up steps, which are not timed. */
const WARM_UP = 5;

/** The facts that a program prints, by which the bench checks that all do the same task. */
export interface ProgramFacts {
  /** The library that computes, with its version, such as `TensorFlow 2.21.0`. */
  readonly detail?: string;
  /** The number of trainable parameters, for tasks that train. */
  readonly parameters?: number;
}

/**
 * Times a step for the bench: prints `ready` and the program's facts after the warm-up, then reads
 * one number of steps per line from standard input and prints their milliseconds as a JSON list.
 *
 * @param step Runs one step and waits for its result; returns the loss, if there is one.
 * @param facts The facts of the program to print.
 * @throws {Error} If a loss of the warm-up is not a finite number.
 */
export async function serve(
  step: () => number | void | Promise<number | void>,
  facts: ProgramFacts = {},
): Promise<void> {
  const losses: number[] = [];
  for (let count = 0; count < WARM_UP; count++) {
    const loss = await step();
    if (loss !== undefined) losses.push(loss);
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
      const times: number[] = [];
      for (let count = Number(line); count > 0; count--) {
        const start = performance.now();
        await step();
        times.push(performance.now() - start);
      }
      console.log(JSON.stringify(times));
    }
  }
}
