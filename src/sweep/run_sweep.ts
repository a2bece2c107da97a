import { dirname } from "node:path";
import { Interruption, UserError } from "../base/errors.ts";
import type { Precision } from "../engine/capture/precision.ts";
import { type EngineChoice, openEngine } from "../engine/engine.ts";
import { allowedCode } from "../pipeline/allowed_code.ts";
import type { SweepFile } from "../pipeline/sweep_file/define.ts";
import {
  readSweep,
  type ReadSweepOptions,
  readSweepValue,
  type Sweep,
} from "../pipeline/sweep_file/read.ts";
import { namingPermissions } from "../run/missing_permission.ts";
import { runPlan } from "../run/run.ts";
import type { Output } from "../stages/output.ts";
import { type CheckedSweep, checkSweep, nameOf, type SweepOptions } from "./check.ts";
import { type Latency, measureLatency, withoutOnnxRuntime } from "./latency.ts";
import { finishedNets, withRunLock, withSweepLock } from "./one_run.ts";
import { readOutcomes } from "./results.ts";
import { type SweepTable, sweepTable } from "./table.ts";
import { writeTable } from "./write.ts";

/** The options of {@linkcode runSweep}, such as the sweep's folder and the engine. */
export interface RunSweepOptions {
  /** The sweep's folder; `runs/NAME` by default. Finished runs in it are not run again. */
  readonly out?: string;
  /** Changes to all pipelines as `PATH=VALUE`, such as `train.epochs=3`. */
  readonly set?: readonly string[];
  /** Code outside the project's folder that pipelines may load, such as `npm:their-stage@1`. */
  readonly allowPlugins?: readonly string[];
  /** The setting that the others are compared with, instead of the sweep's. */
  readonly reference?: string;
  /** The engine; `auto` by default. */
  readonly engine?: EngineChoice;
  /** The device of the native engine; `auto` by default. */
  readonly device?: "auto" | "cpu" | "gpu";
  /** Whether to use only operations that compute the same bytes in each run; false by default. */
  readonly deterministic?: boolean;
  /** Whether XLA compiles training steps. */
  readonly xla?: boolean;
  /** The precision of training steps, if the machine supports it; float32 by default. */
  readonly precision?: Precision;
  /**
   * When it is aborted, the current run finishes its step, writes a checkpoint, and an
   * `Interruption` is thrown. The same call continues from there.
   */
  readonly signal?: AbortSignal;
  /** Returns a listener to the events of a run, by the run's name, such as `rocket/seed-1`. */
  readonly listener?: (run: string) => Output;
  /** Called with each progress message, which is one line. */
  readonly report?: (line: string) => void;
}

/** A run of a sweep that failed. */
export interface SweepFailure {
  /** The run's name, such as `rocket/seed-1`. */
  readonly run: string;
  /** The error that ended the run. */
  readonly error: Error;
}

/** The result of {@linkcode runSweep}: the table of results, and the runs that failed. */
export interface SweepResult {
  /** The sweep's folder. */
  readonly out: string;
  /** The results by setting. */
  readonly table: SweepTable;
  /** The paths of the files with the table. */
  readonly files: readonly string[];
  /** The runs that failed; the same call tries them again. */
  readonly failures: readonly SweepFailure[];
}

/**
 * Runs all settings of a sweep with all seeds and writes a table of the results, like the command
 * `deno task pipeline sweep FILE`.
 *
 * The runs happen one after another in this process, with the permissions of the program. The
 * command instead starts a process for each run, so several runs are possible at once and each has
 * only the permissions that it needs. A process loads TensorFlow once, with the sweep's number of
 * threads. If TensorFlow is already loaded, its number of threads does not change, and results may
 * differ in their last digits.
 *
 * @param sweep The path of a sweep file, or a sweep from `defineSweep()`. Relative paths in such a
 *   sweep start from the current folder.
 * @param options The folder, the engine, and listeners.
 * @returns The table, and the runs that failed.
 * @throws {UserError} If the sweep or one of its pipelines is wrong, before any run starts; or if
 *   the program lacks a permission, which the hint names.
 * @throws {Interruption} If `signal` is aborted.
 *
 * @example
 * ```ts
 * import { defineSweep, runSweep } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const sweep = defineSweep({
 *   base: "pipelines/digits.yaml",
 *   seeds: [1],
 *   settings: {
 *     alone: { losses: [{ use: "cross-entropy", on: "light" }] },
 *     rocket: {},
 *   },
 *   latency: "none",
 * });
 * const { table, failures } = await runSweep(sweep, {
 *   out: `${await Deno.makeTempDir()}/sweep`,
 *   engine: "wasm",
 *   set: ["train={ epochs: 1, batch: 256 }", "network={ use: mlp, light: [8], booster: [16] }"],
 * });
 * assertEquals(failures, []);
 * assertEquals(table.rows.map(({ setting }) => setting), ["alone", "rocket"]);
 * ```
 */
export async function runSweep(
  sweep: string | SweepFile,
  options: RunSweepOptions = {},
): Promise<SweepResult> {
  return await namingPermissions(async () => {
    const folder = typeof sweep === "string" ? dirname(sweep) : Deno.cwd();
    const allowed = await allowedCode(folder, options.allowPlugins);
    const reading: ReadSweepOptions = {
      allowed,
      reference: options.reference,
      ...(options.set && { set: options.set }),
    };
    const read = typeof sweep === "string"
      ? await readSweep(sweep, reading)
      : await readSweepValue(sweep, reading);
    const { engine, device, deterministic, xla, precision, out } = options;
    const how = { engine, device, deterministic, xla, precision, out, allowed };
    return await new SweepOfProgram(read, how, options).run();
  });
}

/** A sweep whose runs happen in this process. */
class SweepOfProgram {
  readonly #sweep: Sweep;
  readonly #how: SweepOptions;
  readonly #options: RunSweepOptions;
  readonly #report: (line: string) => void;

  constructor(sweep: Sweep, how: SweepOptions, options: RunSweepOptions) {
    this.#sweep = sweep;
    this.#how = how;
    this.#options = options;
    this.#report = options.report ?? (() => {});
  }

  async run(): Promise<SweepResult> {
    const { threads } = this.#sweep.value;
    // TensorFlow reads the number of threads when it is opened first, so this happens here.
    const { engine = "auto", device, deterministic, xla } = this.#options;
    await openEngine(engine, () => {}, { threads, device, deterministic, xla });
    const checked = await checkSweep(this.#sweep, this.#how, this.#report);
    return await withSweepLock(checked.out, () => this.#all(checked));
  }

  async #all(checked: CheckedSweep): Promise<SweepResult> {
    const { out } = checked, failures: SweepFailure[] = [];
    for (const run of this.#sweep.runs) {
      try {
        await this.#one(run);
      } catch (error) {
        // Errors that a user can fix belong to the run. Other errors end the program.
        if (error instanceof Interruption || !(error instanceof UserError)) throw error;
        failures.push({ run: nameOf(run), error });
        this.#report(`${nameOf(run)}: failed`);
      }
    }
    const outcomes = await readOutcomes(checked);
    const latency = outcomes.length > 0 ? await this.#latency(checked) : undefined;
    const table = sweepTable(checked, outcomes, latency);
    const files = await writeTable(out, table, outcomes, this.#report);
    return { out, table, files, failures };
  }

  async #one(run: Sweep["runs"][number]): Promise<void> {
    const name = nameOf(run);
    const { engine, device, deterministic, xla, precision, signal, listener } = this.#options;
    const wait = () => this.#report(`another process is running ${name}; waiting until it ends`);
    await withRunLock(this.#sweep, run, this.#how, wait, async ({ plan, folder, state }) => {
      if (state === "finished") return;
      this.#report(`${name}: ${state === "interrupted" ? "resumed" : "started"}`);
      await runPlan(plan, {
        out: folder,
        engine,
        device,
        deterministic,
        xla,
        precision,
        resume: state === "interrupted",
        quiet: true,
        report: this.#report,
        ...(signal && { signal }),
        ...(listener && { listener: listener(name) }),
      });
      this.#report(`${name}: done`);
    });
  }

  /** Measures latency if this process has one thread, since its TensorFlow cannot be reconfigured. */
  async #latency({ latency, threads }: CheckedSweep): Promise<Latency | undefined> {
    if (latency === undefined) return undefined;
    if (threads !== 1) {
      this.#report(
        "the table will not contain latencies, because measuring them requires `threads: 1` here; the command `sweep` can measure them with any number of threads",
      );
      return undefined;
    }
    const nets = await finishedNets(this.#sweep, this.#how.allowed, this.#how);
    const { engine = "auto" } = this.#options;
    const measured = await measureLatency(nets, latency, engine, this.#report);
    if (measured.reason !== undefined) this.#report(withoutOnnxRuntime(measured));
    return measured;
  }
}
