import { fileURLToPath } from "node:url";
import type { Contestant } from "./rows.ts";
import type { ProgramFacts } from "./worker.ts";

/** How programs are started. */
export interface RunnerOptions {
  /** The folder that programs are named from, the bench's own by default. */
  readonly folder?: URL;
  /** How Deno finds the project's modules. */
  readonly flags: readonly string[];
  /** The Python of the peers, if there is one. */
  readonly python: string | undefined;
}

/** What a program says when it is ready. */
export interface ReadyFacts extends ProgramFacts {
  /** The losses of its warm-up. */
  readonly losses?: readonly number[];
}

/** How much of what a program says on standard error is kept to tell why it failed. */
const KEPT = 1 << 14;

/** A program of a row, warmed up and waiting for its turn. */
export class Runner {
  /** Its name in the table. */
  readonly name: string;
  /** The milliseconds of its steps so far. */
  readonly times: number[] = [];
  /** What it said of itself. */
  facts: ReadyFacts = {};
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;
  readonly #complaints: Promise<string>;

  private constructor(
    name: string,
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ) {
    this.name = name;
    this.#child = new Deno.Command(command, {
      args: [...args],
      env: { ...env, NO_COLOR: "1" },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
    this.#complaints = endOf(this.#child.stderr);
  }

  /**
   * Starts a program and waits until it has warmed up.
   *
   * @param contestant Which program.
   * @param options How programs are started.
   * @returns The program, waiting.
   * @throws {Error} If it is not there, or ends before it is ready; the message says why.
   */
  static async start(contestant: Contestant, options: RunnerOptions): Promise<Runner> {
    const { name, program, args } = contestant;
    const { folder = new URL(".", import.meta.url), flags, python } = options;
    const file = fileURLToPath(new URL(program, folder));
    if (!await exists(file)) throw new Error(`there is no ${program}`);
    const interpreter = program.endsWith(".py")
      ? [python, file]
      : [Deno.execPath(), "run", "-A", "--quiet", ...flags, file];
    const [command, ...first] = interpreter;
    if (command === undefined) throw new Error("there is no Python for it");
    // The launcher has set it for Rocket. Peers run as they come.
    const { GLIBC_TUNABLES: _, ...usual } = Deno.env.toObject();
    const env = program.startsWith("peers/") ? usual : Deno.env.toObject();
    const runner = new Runner(name, command, [...first as string[], ...args], env);
    await runner.#ready();
    return runner;
  }

  /**
   * Lets it run some steps.
   *
   * @param steps How many.
   * @throws {Error} If it ends before they are done.
   */
  async turn(steps: number): Promise<void> {
    // A program that has died is noticed by the line that does not come.
    await this.#input.write(new TextEncoder().encode(`${steps}\n`)).catch(() => {});
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(await this.#lastWord());
    this.times.push(...JSON.parse(value));
  }

  /** The bytes of memory that it had at most so far, where the system says so. */
  async peakMemory(): Promise<number | undefined> {
    try {
      const status = await Deno.readTextFile(`/proc/${this.#child.pid}/status`);
      const [, kibibytes] = status.match(/^VmHWM:\s+(\d+) kB/m) ?? [];
      return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
    } catch {
      return undefined;
    }
  }

  /** Ends the program. */
  async stop(): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#child.status;
    await this.#complaints;
  }

  async #ready(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(await this.#lastWord());
      const [word, ...rest] = value.split(" ");
      if (word !== "ready") continue; // A library that talks on standard output.
      if (rest.length > 0) this.facts = JSON.parse(rest.join(" "));
      return;
    }
  }

  async #lastWord(): Promise<string> {
    await this.stop();
    return lastWord(await this.#complaints) ?? `it ended with ${(await this.#child.status).code}`;
  }
}

/**
 * What a program that failed says of it: its last line that is not indented, as lines of stack
 * traces and excerpts of code are.
 *
 * @param text What it wrote to standard error.
 * @returns The line, or `undefined` if it said nothing.
 */
export function lastWord(text: string): string | undefined {
  const line = text.split("\n").findLast((line) => /^\S/.test(line));
  return line?.replace(/^error: (Uncaught )?(\(in promise\) )?(Error: )?/, "").trim();
}

async function exists(file: string): Promise<boolean> {
  return await Deno.stat(file).then(({ isFile }) => isFile, () => false);
}

async function endOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  let end = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    end = (end + text).slice(-KEPT);
  }
  return end;
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
