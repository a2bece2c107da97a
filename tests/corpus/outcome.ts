import type { Problem } from "../../pipeline/errors.ts";
import type { Hint } from "../../pipeline/hints.ts";
import { root } from "../support/command_line.ts";
import { flags } from "../support/command_line.ts";

/** A command line to run. */
export interface CommandLine {
  /** The task; `pipeline` by default. */
  readonly task?: "data" | undefined;
  /** The arguments after `deno task pipeline`. */
  readonly args: readonly string[];
  /** The folder to run it in. */
  readonly folder: string;
  /** Environment variables beside those there are. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** How it ended. */
export interface Outcome {
  /** The exit code. */
  readonly code: number;
  /** What it printed. */
  readonly stdout: string;
  readonly stderr: string;
  /** Of a core, in all threads. */
  readonly seconds: number;
  /** The most memory, with all that the process had before. */
  readonly peakBytes: number;
  /** What it printed with hints. */
  readonly hinted: readonly HintedProblem[];
}

/** A problem that was printed, and the hints that its hint was made of. */
export interface HintedProblem {
  readonly problem: Problem;
  readonly hints: readonly Hint[];
}

/** A command line that hangs is ended after this many milliseconds. */
const patience = 60_000;

/** What a command line did that did not end as one should. */
export class NoOutcome extends Error {
  override name = "NoOutcome";
}

/** Half of what a command line may take. */
const muchMemory = 0.5e9;

/**
 * Runs command lines in a process that is kept from one to the next, as the start of one takes seconds.
 * One that crashes or hangs costs the process, and the next command line gets another.
 */
export class Runner implements AsyncDisposable {
  #child: Child | undefined;

  /**
   * Runs a command line.
   *
   * @param line The command line.
   * @throws {NoOutcome} If the process crashed, or had to be ended.
   */
  async run(line: CommandLine): Promise<Outcome> {
    const child = this.#child ??= new Child();
    try {
      const outcome = await child.run(line);
      // What a process tells is the most that it ever held: the next command line is not to blame for it.
      if (outcome.peakBytes > muchMemory) await this.close();
      return outcome;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Ends the process. */
  async close(): Promise<void> {
    await this.#child?.end();
    this.#child = undefined;
  }

  /** Ends the process, at the end of the scope that it was made in. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class Child {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor() {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", ...flags, `${root}tests/corpus/child.ts`],
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async run(line: CommandLine): Promise<Outcome> {
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      this.#process.kill("SIGKILL");
    }, patience);
    try {
      await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
      return JSON.parse(await this.#line());
    } catch (error) {
      const { code, signal } = await this.#process.status;
      throw new NoOutcome(
        hangs ? "it hangs" : `the process ended: ${signal ?? `exit code ${code}`}`,
        { cause: error },
      );
    } finally {
      clearTimeout(timer);
    }
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("no more output");
      this.#text += value;
    }
  }

  async end(): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel().catch(() => {});
    await this.#process.status;
  }
}
