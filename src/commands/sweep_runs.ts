import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { refuseShared } from "../base/files/append.ts";
import { handed, handedOver } from "../base/machine/system_file.ts";
import { unwritable } from "../base/files/unwritable.ts";
import { type CheckedRun, type CheckedSweep, nameOf } from "../sweep/check.ts";
import type { PartStart } from "./part_command.ts";
import { pool, runPart } from "../sweep/processes.ts";
import type { CommandOptions } from "../launch/command_line/options.ts";
import { LEAST_MEMORY } from "../base/bytes.ts";
import { counted, formatNumber } from "../base/text_table.ts";
import { printJson, say } from "../base/terminal.ts";

/** The minimum time between two progress messages of a run, in milliseconds. */
const LINE_EVERY = 30_000;

/** A run of a sweep that failed, and the end of its log. */
export interface Failure {
  /** The run's name. */
  readonly name: string;
  /** The file with everything that the run wrote to standard error. */
  readonly log: string;
  /** The last lines of the log. */
  readonly lines: readonly string[];
}

/** The options of {@linkcode SweepRuns}: how to start a run, and a signal that ends all runs. */
export interface SweepRunsOptions {
  /** The command line's options. */
  readonly options: CommandOptions;
  /**
   * Returns the command that starts a part of the sweep.
   *
   * @param part The part.
   * @param memory The most memory that it may take, in bytes; by default that of a command.
   */
  readonly startOf: (part: string, memory: number | undefined) => PartStart;
  /** Aborted to end all runs. Further runs are not started. */
  readonly stop: AbortSignal;
}

/** Runs all runs of a sweep, each in its own process. */
export class SweepRuns {
  readonly #sweep: CheckedSweep;
  readonly #how: SweepRunsOptions;
  readonly #failures: Failure[] = [];
  readonly #left: readonly CheckedRun[];
  #done: number;

  /**
   * Prepares the runs of a sweep that are not finished yet.
   *
   * @param sweep The sweep.
   * @param how How to start and stop the runs.
   */
  constructor(sweep: CheckedSweep, how: SweepRunsOptions) {
    this.#sweep = sweep;
    this.#how = how;
    this.#left = sweep.runs.filter(({ state }) => state !== "finished");
    this.#done = sweep.runs.length - this.#left.length;
  }

  /** Runs all runs that are not finished yet, and returns those that failed. */
  async run(): Promise<readonly Failure[]> {
    const { threads } = this.#sweep, { jobs } = this.#how.options;
    const cores = Math.max(1, Math.floor(navigator.hardwareConcurrency / threads));
    const atOnce = Math.min(jobs ?? cores, this.#left.length);
    this.#report(this.#plan(atOnce));
    const memory = this.#memoryOfRun(atOnce);
    await pool(this.#left, atOnce, (run) => this.#one(run, memory));
    return this.#failures;
  }

  /** Returns the most memory that a run may take: an equal part of what the sweep may take. */
  #memoryOfRun(atOnce: number): number | undefined {
    const { memory } = this.#how.options;
    if (atOnce <= 1) return memory;
    const all = memory ?? Number(handed(handedOver.memory) ?? NaN);
    return Number.isNaN(all) ? undefined : Math.max(LEAST_MEMORY, Math.floor(all / atOnce));
  }

  #plan(atOnce: number): string {
    const { runs, settings, seeds, threads } = this.#sweep;
    const interrupted = runs.filter(({ state }) => state === "interrupted").length;
    const kept = [
      ...(this.#done > 0 ? [`${this.#done} already finished`] : []),
      ...(interrupted > 0 ? [`${interrupted} to resume`] : []),
    ];
    return `${counted(runs.length, "run")} (settings: ${settings.length}, seeds: ${seeds.length})` +
      kept.map((text) => `, ${text}`).join("") +
      (atOnce > 0 ? `; ${atOnce} at once, ${threads} thread${threads === 1 ? "" : "s"} each` : "");
  }

  async #one(run: CheckedRun, memory: number | undefined): Promise<void> {
    if (this.#how.stop.aborted) return;
    const name = nameOf(run), log = `${run.folder}.log`;
    await mkdir(dirname(log), { recursive: true });
    using file = await openLog(log);
    const started = performance.now();
    let tail = "", reported = started, metrics: Record<string, number> = {};
    this.#report(`${name}: ${run.state === "interrupted" ? "resumed" : "started"}`);
    const code = await runPart({
      ...this.#how.startOf(name, memory),
      threads: this.#sweep.threads,
      stop: this.#how.stop,
      onLine: (line) => {
        const event = eventOf(line);
        if (!event) return;
        if (this.#how.options.json) {
          // A stage may have printed the line, with the name of another run.
          const { run: _, ...rest } = event;
          if (event.event !== "step") printJson({ run: name, ...rest });
        }
        if (event.event !== "epoch" || typeof event.epoch !== "number") return;
        metrics = this.#epoch(event);
        if (performance.now() - reported < LINE_EVERY) return;
        reported = performance.now();
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

  /** Returns the metrics of an epoch on the sweep's split. */
  #epoch({ metrics }: { readonly metrics?: unknown }): Record<string, number> {
    return (Object(metrics) as Record<string, Record<string, number>>)[this.#sweep.split] ?? {};
  }

  /** Formats the sweep's metric, if it was measured. */
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
  readonly run?: unknown;
  readonly epoch?: unknown;
  readonly metrics?: unknown;
}

/** Parses an event. Other lines, which a stage may print, are ignored. */
function eventOf(line: string): RunEvent | undefined {
  if (!line.startsWith('{"event":')) return undefined;
  try {
    const event = JSON.parse(line);
    return typeof event.event === "string" ? event : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the error of a run: the lines from `error:` to the end, or the last ten lines. */
function lastLines(text: string): string[] {
  const lines = text.trimEnd().split("\n");
  const error = lines.findIndex((line) => /^error:/.test(line));
  return error >= 0 ? lines.slice(error) : lines.slice(-10);
}
