import { noTelemetry } from "../src/base/machine/onnx_packages.ts";
import { fileURLToPath } from "node:url";
import type { Contestant } from "./rows.ts";
import type { Measured, ProgramFacts } from "./worker.ts";

/** The options for starting programs. */
export interface RunnerOptions {
  /** The folder to which programs' paths are relative; the folder of the bench by default. */
  readonly folder?: URL;
  /** The flags with which Deno finds the project's modules. */
  readonly flags: readonly string[];
  /** The Python interpreter for the peers, if available. */
  readonly python: string | undefined;
  /** Whether the programs see the GPUs of the machine; by default, they compute on the CPU. */
  readonly gpu?: boolean;
}

/** The facts that a program prints when it is ready. */
export interface ReadyFacts extends ProgramFacts {
  /** The losses of the warm-up steps. */
  readonly losses?: readonly number[];
}

/** The number of characters of standard error that are kept to report why a program failed. */
const KEPT = 1 << 14;

/** A program of a row, warmed up and waiting for its turn. */
export class Runner {
  /** Its name in the table. */
  readonly name: string;
  /** The measurements of the steps so far. */
  readonly measured: Measured[] = [];
  /** The facts that the program printed when it was ready. */
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
      env: { ...env, NO_COLOR: "1", [noTelemetry]: "1" },
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
   * @param contestant The program.
   * @param options The options for starting programs.
   * @returns The program, which waits for its turn.
   * @throws {Error} If the program does not exist, or ends before it is ready, with the reason.
   */
  static async start(contestant: Contestant, options: RunnerOptions): Promise<Runner> {
    const { name, program, args } = contestant;
    const { folder = new URL(".", import.meta.url), flags, python } = options;
    const file = fileURLToPath(new URL(program, folder));
    if (!await exists(file)) throw new Error(`the program ${program} does not exist`);
    const interpreter = program.endsWith(".py")
      ? [python, file]
      : [Deno.execPath(), "run", "-A", "--quiet", ...flags, file];
    const [command, ...first] = interpreter;
    if (command === undefined) throw new Error("Python is not available");
    // The launcher sets this variable for Rocket. Peers run with their defaults.
    const { GLIBC_TUNABLES: _, ...usual } = Deno.env.toObject();
    const env = program.startsWith("peers/") ? usual : Deno.env.toObject();
    if (!options.gpu) env.CUDA_VISIBLE_DEVICES = "-1";
    const runner = new Runner(name, command, [...first as string[], ...args], env);
    await runner.#ready();
    return runner;
  }

  /**
   * Lets the program run some steps.
   *
   * @param steps The number of steps.
   * @throws {Error} If the program ends before the steps are done.
   */
  async turn(steps: number): Promise<void> {
    // Writing to a program that has ended fails. Its missing output line below reports the failure.
    await this.#input.write(new TextEncoder().encode(`${steps}\n`)).catch(() => {});
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(await this.#lastWord());
    const measured = JSON.parse(value) as Measured[];
    if (!measured.every(({ milliseconds }) => Number.isFinite(milliseconds))) {
      throw new Error(`${this.name} printed ${value.trim()} instead of the times of its steps`);
    }
    this.measured.push(...measured);
  }

  /** Returns the peak memory of the program so far in bytes, if the system reports it. */
  async peakMemory(): Promise<number | undefined> {
    const own = this.measured.flatMap(({ peakMemory }) => peakMemory ?? []);
    if (own.length > 0) return Math.max(...own);
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
      if (word !== "ready") continue; // Skips output of libraries.
      if (rest.length > 0) this.facts = JSON.parse(rest.join(" "));
      return;
    }
  }

  async #lastWord(): Promise<string> {
    await this.stop();
    return lastWord(await this.#complaints) ??
      `the program ended with exit code ${(await this.#child.status).code}`;
  }
}

/**
 * Returns the error message of a failed program: its last line that is not indented. Stack traces
 * and excerpts of code are indented.
 *
 * @param text The standard error of the program.
 * @returns The line, or `undefined` if there is no such line.
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
