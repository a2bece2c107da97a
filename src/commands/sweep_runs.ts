import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { refuseShared } from "../base/files/append.ts";
import { unwritable } from "../base/files/unwritable.ts";
import { type CheckedRun, type CheckedSweep, nameOf } from "../sweep/check.ts";
import type { PartStart } from "./part_command.ts";
import { pool, runPart } from "../sweep/processes.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { formatNumber } from "../base/text_table.ts";
import { printJson, say } from "../base/terminal.ts";

/** How often a run's epochs are told, in milliseconds. */
const LINE_EVERY = 30_000;

/** A run that failed. */
export interface Failure {
  /** The run's name. */
  readonly name: string;
  /** The file with all that it wrote to standard error. */
  readonly log: string;
  /** The last lines of that. */
  readonly lines: readonly string[];
}

/** How the runs of a sweep are started. */
export interface SweepRunsOptions {
  /** The command line's options. */
  readonly options: CommandOptions;
  /** How a part is started. */
  readonly startOf: (part: string) => Promise<PartStart>;
  /** Asks all runs to come to their end; those that have not begun stay so. */
  readonly stop: AbortSignal;
}

/** The runs of a sweep, each in a process of its own. */
export class SweepRuns {
  readonly #sweep: CheckedSweep;
  readonly #how: SweepRunsOptions;
  readonly #failures: Failure[] = [];
  readonly #left: readonly CheckedRun[];
  #done: number;

  /**
   * Takes the sweep.
   *
   * @param sweep The sweep.
   * @param how How its runs are started.
   */
  constructor(sweep: CheckedSweep, how: SweepRunsOptions) {
    this.#sweep = sweep;
    this.#how = how;
    this.#left = sweep.runs.filter(({ state }) => state !== "finished");
    this.#done = sweep.runs.length - this.#left.length;
  }

  /** Runs what is left of the sweep, and returns what failed. */
  async run(): Promise<readonly Failure[]> {
    const { threads } = this.#sweep, { jobs } = this.#how.options;
    const cores = Math.max(1, Math.floor(navigator.hardwareConcurrency / threads));
    const atOnce = Math.min(jobs ?? cores, this.#left.length);
    this.#report(this.#plan(atOnce));
    await pool(this.#left, atOnce, (run) => this.#one(run));
    return this.#failures;
  }

  #plan(atOnce: number): string {
    const { runs, settings, seeds, threads } = this.#sweep;
    const interrupted = runs.filter(({ state }) => state === "interrupted").length;
    const kept = [
      ...(this.#done > 0 ? [`${this.#done} done already`] : []),
      ...(interrupted > 0 ? [`${interrupted} to go on with`] : []),
    ];
    return `${runs.length} runs (settings: ${settings.length}, seeds: ${seeds.length})` +
      kept.map((text) => `, ${text}`).join("") +
      (atOnce > 0 ? `; ${atOnce} at once, ${threads} thread${threads === 1 ? "" : "s"} each` : "");
  }

  async #one(run: CheckedRun): Promise<void> {
    if (this.#how.stop.aborted) return;
    const name = nameOf(run), log = `${run.folder}.log`;
    await mkdir(dirname(log), { recursive: true });
    using file = await openLog(log);
    const started = performance.now();
    let tail = "", told = started, metrics: Record<string, number> = {};
    this.#report(`${name}: ${run.state === "interrupted" ? "goes on" : "started"}`);
    const code = await runPart({
      ...await this.#how.startOf(name),
      threads: this.#sweep.threads,
      stop: this.#how.stop,
      onLine: (line) => {
        const event = eventOf(line);
        if (!event) return;
        if (this.#how.options.json) {
          if (event.event !== "step") printJson({ run: name, ...event });
        }
        if (event.event !== "epoch") return;
        metrics = this.#epoch(event);
        if (performance.now() - told < LINE_EVERY) return;
        told = performance.now();
        this.#report(`${name}: epoch ${event.epoch}${this.#metricText(metrics)}`);
      },
      onError: async (bytes) => {
        await file.write(bytes);
        tail = (tail + new TextDecoder().decode(bytes)).slice(-4096);
      },
    });
    const seconds = (performance.now() - started) / 1000;
    if (code === 0) {
      this.#done++;
      this.#report(
        `${name}: done in ${seconds.toFixed(1)} s${this.#metricText(metrics)}` +
          ` (${this.#done} of ${this.#sweep.runs.length})`,
      );
    } else if (this.#how.stop.aborted) this.#report(`${name}: stopped`);
    else {
      this.#report(`${name}: failed`);
      this.#failures.push({ name, log, lines: lastLines(tail) });
    }
  }

  /** The metrics of an epoch on the sweep's split. */
  #epoch({ metrics }: { readonly metrics?: unknown }): Record<string, number> {
    return (Object(metrics) as Record<string, Record<string, number>>)[this.#sweep.split] ?? {};
  }

  /** The metric that settings are compared on, if it is there. */
  #metricText(metrics: Readonly<Record<string, number>>): string {
    const { metric } = this.#sweep, value = metric === undefined ? undefined : metrics[metric];
    return typeof value === "number" ? `, ${metric} ${formatNumber(value)}` : "";
  }

  #report(line: string): void {
    if (!this.#how.options.quiet) say(line);
  }
}

async function openLog(path: string): Promise<Deno.FsFile> {
  try {
    await refuseShared(path);
    return await Deno.open(path, { create: true, append: true });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** An event of a run, as JSON. */
interface RunEvent {
  readonly event: string;
  readonly epoch?: number;
  readonly metrics?: unknown;
}

/** An event, if the line is one: a stage may print lines of its own. */
function eventOf(line: string): RunEvent | undefined {
  if (!line.startsWith('{"event":')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** What a run said of its failure: from the line that begins with `error:`, or its last lines. */
function lastLines(text: string): string[] {
  const lines = text.trimEnd().split("\n");
  const error = lines.findIndex((line) => /^error:/.test(line));
  return error >= 0 ? lines.slice(error) : lines.slice(-10);
}
