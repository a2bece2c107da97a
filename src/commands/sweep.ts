import { commandName } from "../base/command_name.ts";
import { UserError } from "../base/errors.ts";
import { counted } from "../base/text_table.ts";
import { hint } from "../base/hints.ts";
import type { CheckedSweep } from "../sweep/check.ts";
import { type Latency, withoutOnnxRuntime } from "../sweep/latency.ts";
import { withSweepLock } from "../sweep/one_run.ts";
import { runPart } from "../sweep/processes.ts";
import { readOutcomes, type RunOutcome } from "../sweep/results.ts";
import { terminalText } from "../sweep/render.ts";
import { sweepTable } from "../sweep/table.ts";
import { writeTable } from "../sweep/write.ts";
import { quoted } from "../base/quoted.ts";
import { INTERRUPTED, onSignal } from "./interruption.ts";
import { type CommandOptions, onlyArgument } from "../launch/command_line/options.ts";
import { startOfPart } from "./part_command.ts";
import { sweepPart } from "./sweep_part.ts";
import { SweepRuns } from "./sweep_runs.ts";
import { print, printJson, say } from "../base/terminal.ts";

/**
 * `deno task pipeline sweep FILE`: runs a grid of seeds and settings, and writes a table.
 *
 * This process runs no code of the sweep's pipelines. It starts a process that checks all runs, one
 * process for each run, and one that measures latencies.
 *
 * @param args The sweep file.
 * @param options The command line's options.
 * @returns The exit code.
 */
export async function sweep(args: readonly string[], options: CommandOptions): Promise<number> {
  const file = onlyArgument(args, "a sweep file");
  refuseSeed(options);
  if (options.only !== undefined) return await sweepPart(file, options.only, options);
  const interruption = new AbortController();
  onSignal(() => interruption.abort());
  return await new SweepCommand(file, options, interruption.signal).run();
}

function refuseSeed({ set }: CommandOptions): void {
  if (!set.some((change) => /^seed\s*=/.test(change))) return;
  throw new UserError(
    "a sweep takes its seeds from the sweep file, so --set cannot change the seed",
    {
      hint: hint(
        "sweep/seed",
        "list the seeds in the file, such as seeds: [1, 2, 3]; --only SETTING/seed-N runs one of them",
        {
          edit: "the sweep and the arguments",
        },
      ),
      exitCode: 2,
    },
  );
}

class SweepCommand {
  readonly #file: string;
  readonly #options: CommandOptions;
  readonly #stop: AbortSignal;

  constructor(file: string, options: CommandOptions, stop: AbortSignal) {
    this.#file = file;
    this.#options = options;
    this.#stop = stop;
  }

  async run(): Promise<number> {
    const checked = await this.#part<CheckedSweep>("check");
    if (typeof checked === "number") return this.#ended(checked);
    return await withSweepLock(checked.out, () => this.#all(checked));
  }

  async #all(checked: CheckedSweep): Promise<number> {
    const runs = new SweepRuns(checked, {
      options: this.#options,
      startOf: (part, memory) => startOfPart(this.#args(part, checked.out, memory), false),
      stop: this.#stop,
    });
    const failures = await runs.run();
    if (this.#stop.aborted) return this.#ended(INTERRUPTED, checked.out);
    const outcomes = await readOutcomes(checked);
    const latency = await this.#latency(checked, outcomes);
    if (this.#stop.aborted) return this.#ended(INTERRUPTED, checked.out);
    const table = sweepTable(checked, outcomes, latency);
    const files = await writeTable(checked.out, table, outcomes, (line) => this.#report(line));
    if (this.#options.json) printJson({ event: "sweepEnd", table });
    else if (outcomes.length > 0) {
      print("", terminalText(table), "", `tables: ${files.join(", ")}`);
    }
    for (const { name, log, lines } of failures) {
      say("", `${name} failed:`, lines, `(complete log: ${log})`);
    }
    if (failures.length === 0) return 0;
    say(
      "",
      `${failures.length} of ${counted(checked.runs.length, "run")} failed. To retry them:`,
      `  ${this.#command(checked.out)}`,
    );
    return 1;
  }

  async #latency(
    { latency: options, out }: CheckedSweep,
    outcomes: readonly RunOutcome[],
  ): Promise<Latency | undefined> {
    if (options === undefined || outcomes.length === 0) return undefined;
    this.#report("measuring the latency of the light nets");
    const latency = await this.#part<Latency>("latency", out, 1);
    if (typeof latency !== "number") {
      if (latency.reason !== undefined) this.#report(withoutOnnxRuntime(latency));
      return latency;
    }
    if (!this.#stop.aborted) {
      this.#report("the latency could not be measured, so the table does not contain it");
    }
    return undefined;
  }

  /** Runs a part of the sweep and returns its result, or the exit code if it failed. */
  async #part<T>(name: string, out?: string, threads?: number): Promise<T | number> {
    let last = "";
    const code = await runPart({
      ...startOfPart(this.#args(name, out), name === "check"),
      stop: this.#stop,
      ...(threads !== undefined && { threads }),
      onLine: (line) => {
        last = line;
      },
      onError: (bytes) => void Deno.stderr.writeSync(bytes),
    });
    return code === 0 ? JSON.parse(last) as T : code;
  }

  /** Returns the arguments of the command line that runs a part. */
  #args(part: string, out = this.#options.out, memory = this.#options.memory): string[] {
    const { debug, quiet } = this.#options;
    return [
      ...["sweep", this.#file, "--only", part, "--json"],
      ...(out === undefined ? [] : ["--out", out]),
      ...this.#common(),
      ...(memory === undefined ? [] : ["--memory", String(memory)]),
      ...(debug ? ["--debug"] : []),
      ...(quiet || part === "latency" ? ["--quiet"] : []),
    ];
  }

  /** Returns the options of all parts, which are also options of the command that continues. */
  #common(): string[] {
    const { set, allowPlugins, allowEnv, engine, precision, reference } = this.#options;
    const { device, deterministic, xla } = this.#options;
    return [
      ...set.flatMap((change) => ["--set", change]),
      ...allowPlugins.flatMap((code) => ["--allow-plugin", code]),
      ...allowEnv.flatMap((name) => ["--allow-env", name]),
      ...(engine === undefined ? [] : ["--engine", engine]),
      ...(device === undefined ? [] : ["--device", device]),
      ...(deterministic ? ["--deterministic"] : []),
      ...(xla ? ["--xla"] : []),
      ...(precision === undefined ? [] : ["--precision", precision]),
      ...(reference === undefined ? [] : ["--reference", reference]),
    ];
  }

  #ended(code: number, out?: string): number {
    if (!this.#stop.aborted) return code;
    say("stopped. To continue:", `  ${this.#command(out)}`);
    return INTERRUPTED;
  }

  /** Returns the command that continues the sweep. */
  #command(out: string | undefined): string {
    const { jobs, memory } = this.#options;
    return [
      ...[commandName(), "sweep", quoted(this.#file)],
      ...(this.#options.out === undefined || out === undefined ? [] : ["--out", quoted(out)]),
      ...this.#common().map(quoted),
      ...(jobs === undefined ? [] : ["--jobs", String(jobs)]),
      ...(memory === undefined ? [] : ["--memory", String(memory)]),
    ].join(" ");
  }

  #report(line: string): void {
    if (!this.#options.quiet) say(line);
  }
}
