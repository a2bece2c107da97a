import { join } from "node:path";
import type { Problem } from "../../src/base/errors.ts";
import type { Hint } from "../../src/base/hints.ts";
import { flagsOf, type Need } from "../../src/base/machine/permissions.ts";
import { scriptFlags } from "../../src/launch/permissions.ts";
import type { NeedsAnswer } from "./needs.ts";
import { emptyHome, flags, userEnvironment } from "../support/command_line.ts";

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
 * Runs command lines in a process that is kept from one to the next, as the start of one takes
 * seconds. One that crashes or hangs costs the process, and the next command line gets another. The
 * process has the permissions that the launcher would give its command lines, all together.
 */
export class Runner implements AsyncDisposable {
  readonly #temporary = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "rocket-" }));
  readonly #granted = new Map<string, Need>();
  readonly #answers = new Map<CommandLine, NeedsAnswer>();
  #coming: readonly CommandLine[];
  #needs: LineProcess | undefined;
  #data: LineProcess | undefined;
  #child: LineProcess | undefined;

  /**
   * Makes a runner.
   *
   * @param coming Command lines that will be run: the process is not started again for each that
   *   needs something more.
   */
  constructor(coming: Iterable<CommandLine> = []) {
    this.#coming = [...coming];
  }

  /**
   * Runs a command line.
   *
   * @param line The command line.
   * @throws {NoOutcome} If the process crashed, or had to be ended.
   */
  async run(line: CommandLine): Promise<Outcome> {
    try {
      if (line.task === "data") return await this.#runData(line);
      for (const one of this.#coming) await this.expect(one);
      this.#coming = [];
      const answer = this.#answers.get(line) ?? await this.#ask(line);
      if ("outcome" in answer) return answer.outcome;
      return await this.#run(line);
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  /**
   * Has the process be allowed what a command line needs that will be run, with its files as they
   * are now.
   *
   * @param line The command line.
   * @throws {NoOutcome} If the process that works it out crashed, or had to be ended.
   */
  async expect(line: CommandLine): Promise<void> {
    if (line.task === undefined) this.#answers.set(line, await this.#ask(line));
  }

  /** Asks what a command line needs, and sees that the process may do it. */
  async #ask(line: CommandLine): Promise<NeedsAnswer> {
    const child = this.#needs ??= new LineProcess("needs.ts", {
      flags: [
        "--allow-read",
        "--allow-env",
        "--allow-sys=homedir,networkInterfaces",
        "--no-prompt",
      ],
      args: [this.#temporary],
    });
    resetPeak(child.pid);
    const answer: NeedsAnswer = JSON.parse(await child.ask(JSON.stringify(line)));
    if ("outcome" in answer) return { outcome: withPeak(answer.outcome, child.pid) };
    const before = this.#granted.size;
    for (const need of answer.needs) this.#granted.set(`${need.permission} ${need.of}`, need);
    if (this.#granted.size > before) {
      await this.#child?.end();
      this.#child = undefined;
    }
    return answer;
  }

  /** As `deno task data`, which has rights of its own. */
  async #runData(line: CommandLine): Promise<Outcome> {
    const child = this.#data ??= new LineProcess("child.ts", {
      flags: scriptFlags("data/main.ts"),
    });
    resetPeak(child.pid);
    return withPeak(JSON.parse(await child.ask(JSON.stringify(line))), child.pid);
  }

  async #run(line: CommandLine): Promise<Outcome> {
    const child = this.#child ??= new LineProcess("child.ts", {
      flags: [...flagsOf([...this.#granted.values()])!, "--no-prompt"],
      env: { TMPDIR: this.#temporary, TMP: this.#temporary, TEMP: this.#temporary },
    });
    resetPeak(child.pid);
    const outcome = withPeak(JSON.parse(await child.ask(JSON.stringify(line))), child.pid);
    // What a process tells is the most that it ever held: the next command line is not to blame for
    // it.
    if (outcome.peakBytes > muchMemory) await this.#end();
    return outcome;
  }

  async #end(): Promise<void> {
    await Promise.all([this.#child?.end(), this.#needs?.end(), this.#data?.end()]);
    this.#child = undefined;
    this.#data = undefined;
    this.#needs = undefined;
  }

  /** Ends the process. */
  async close(): Promise<void> {
    await this.#end();
    await Deno.remove(this.#temporary, { recursive: true });
  }

  /** Ends the process, at the end of the scope that it was made in. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Lets the system measure the most memory from here on; only Linux can, and a process not by
 * itself.
 */
function resetPeak(pid: number): void {
  if (Deno.build.os === "linux") Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** An outcome with the most memory of its process, where the system tells it. */
function withPeak(outcome: Outcome, pid: number): Outcome {
  if (Deno.build.os !== "linux") return outcome;
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const peakBytes = Number(/^VmHWM:\s*(\d+)/m.exec(status)![1]) * 1024;
  return { ...outcome, peakBytes };
}

/** A process of a module of this folder, which answers each line with a line. */
export class LineProcess {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #patience: number;
  #text = "";

  constructor(
    module: string,
    how: {
      readonly flags: readonly string[];
      readonly args?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      /** How long an answer may take, in milliseconds. */
      readonly patience?: number;
    },
  ) {
    this.#patience = how.patience ?? patience;
    const path = join(import.meta.dirname!, module);
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...how.flags, ...flags, path, ...how.args ?? []],
      env: userEnvironment(how.env),
      clearEnv: true,
      cwd: emptyHome(),
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  get pid(): number {
    return this.#process.pid;
  }

  async ask(line: string): Promise<string> {
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      this.#process.kill("SIGKILL");
    }, this.#patience);
    try {
      await this.#writer.write(new TextEncoder().encode(`${line}\n`));
      return await this.#line();
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
