/** Steps before the first that counts. */
const WARM_UP = 5;

/**
 * Times a step for the bench: prints `ready` after the warm-up, then reads a number of steps a line
 * from standard input and prints their milliseconds as a JSON list.
 *
 * @param step One step, with its result read back.
 */
export async function serve(step: () => void | Promise<void>): Promise<void> {
  for (let count = 0; count < WARM_UP; count++) await step();
  console.log("ready");
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
