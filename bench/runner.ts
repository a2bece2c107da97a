import type { Contestant } from "./rows.ts";

/** How programs are started. */
export interface RunnerOptions {
  /** How Deno finds the project's modules. */
  readonly flags: readonly string[];
  /** The Python of the peers, if there is one. */
  readonly python: string | undefined;
}

/** A program of a row, waiting for its turn. */
export class Runner {
  /** Its name in the table. */
  readonly name: string;
  /** The milliseconds of its steps so far. */
  readonly times: number[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;

  /**
   * Starts the program.
   *
   * @param contestant Which program.
   * @param options How programs are started.
   */
  constructor({ name, program, args }: Contestant, { flags, python }: RunnerOptions) {
    this.name = name;
    const here = (file: string) => new URL(file, import.meta.url).pathname;
    const [command, first] = program === "rocket"
      ? [Deno.execPath(), ["run", "-A", "--quiet", ...flags, here("wide_resnet.ts")]]
      : [python!, [here("peers/wide_resnet_torch.py")]];
    this.#child = new Deno.Command(command, {
      args: [...first, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Waits for the warm-up; says whether the program is there at all. */
  async ready(): Promise<boolean> {
    return (await this.#lines.next()).value === "ready";
  }

  /**
   * Lets it run some steps.
   *
   * @param steps How many.
   */
  async turn(steps: number): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${steps}\n`));
    const { value } = await this.#lines.next();
    this.times.push(...JSON.parse(value));
  }

  /** Ends the program. */
  async stop(): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#child.status;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncIterator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
