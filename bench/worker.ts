/** Steps before the first that counts. */
const WARM_UP = 5;

/** What a program says of itself, so that the bench can see that all do the same task. */
export interface ProgramFacts {
  /** What computes, with its version, such as `TensorFlow 2.21.0`. */
  readonly detail?: string;
  /** How many numbers are trained, for tasks that train. */
  readonly parameters?: number;
}

/**
 * Times a step for the bench: prints `ready` and the program's facts after the warm-up, then reads
 * a number of steps a line from standard input and prints their milliseconds as a JSON list.
 *
 * @param step One step, with its result read back; it returns its loss, if it has one.
 * @param facts What the program says of itself.
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
  if (!losses.every(Number.isFinite)) throw new Error(`the losses are ${losses.join(", ")}`);
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
