import { existsSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { createRandom, deriveSeed } from "../../src/base/random.ts";
import { copy } from "./copy.ts";
import type { Disk } from "./disk.ts";
import { describeFaults, drawFaults, type End, ends, type Faults } from "./faults.ts";
import { judge } from "./judge.ts";
import { runProcess } from "./process.ts";
import {
  damage,
  differences,
  draftsIn,
  newestCheckpoint,
  type Outcome,
  outcomeOf,
} from "./run_folder.ts";
import type { Subject } from "./subjects.ts";

/** The options of {@linkcode soak}. */
export interface SoakOptions {
  /** The pipelines to train, in turn. */
  readonly subjects: readonly Subject[];
  /** The seed of all random faults. */
  readonly seed: number;
  /** The number of the first run. */
  readonly first: number;
  /** The time in milliseconds after which no run is started. */
  readonly milliseconds: number;
  /** The maximum number of runs. */
  readonly runs: number;
  /** If aborted, no further run is started. */
  readonly signal?: AbortSignal;
  /** The folder for pipeline files, and for copies of failed runs. */
  readonly folder: string;
  /** The disk for run folders. */
  readonly disk: Disk;
  /** The flags with which Deno finds the project's modules. */
  readonly flags: readonly string[];
  /** Receives progress lines for people. */
  readonly report: (line: string) => void;
  /** Receives the counts after each run. */
  readonly counted?: (counts: SoakCounts) => Promise<void>;
}

/** The counts of a soak test. */
export interface SoakCounts {
  /** Runs that were interrupted and resumed until they were complete. */
  runs: number;
  /** Uninterrupted runs, which provide the expected results. */
  references: number;
  /** Processes of the interrupted runs. */
  processes: number;
  /** Processes that resumed a run. */
  resumes: number;
  /** Processes with an input thread. */
  inputThreads: number;
  /** Processes that the launcher started. */
  launched: number;
  /** Kills that left a partly written file. */
  halfWritten: number;
  /** Steps, including repeated ones. */
  steps: number;
  /** Steps after the last checkpoint that were repeated. */
  again: number;
  /** Repeated steps that a checkpoint contained, or should have contained. */
  lost: number;
  /** Bytes that differ from those of uninterrupted runs. */
  differing: number;
  /** Bytes that were compared. */
  compared: number;
  /** Faults that ended processes, by kind. */
  ends: Record<string, number>;
  /** Other faults of files and processes, by kind. */
  others: Record<string, number>;
  /** Runs by subject. */
  subjects: Record<string, number>;
  /** Runs with unexpected behavior. */
  problems: Problem[];
}

/** A run with unexpected behavior. */
export interface Problem {
  readonly subject: string;
  readonly run: number;
  readonly what: string;
  readonly faults: string;
  readonly folder: string;
}

/** The maximum number of processes of a run. */
const MAX_PROCESSES = 40;

/**
 * Trains the subjects in turn with random faults, and compares the results of each with those of an
 * uninterrupted run.
 *
 * @param options The subjects, the seed, and the limits.
 */
export async function soak(options: SoakOptions): Promise<SoakCounts> {
  return await new Soak(options).all();
}

/** The results of an uninterrupted run. */
interface Reference {
  readonly outcome: Outcome;
  readonly steps: number;
  readonly checkpointBytes: number;
}

class Soak {
  readonly #options: SoakOptions;
  readonly #references = new Map<string, Reference>();
  readonly #counts: SoakCounts = {
    runs: 0,
    references: 0,
    processes: 0,
    resumes: 0,
    inputThreads: 0,
    launched: 0,
    halfWritten: 0,
    steps: 0,
    again: 0,
    lost: 0,
    differing: 0,
    compared: 0,
    ends: {},
    others: {},
    subjects: {},
    problems: [],
  };

  constructor(options: SoakOptions) {
    this.#options = options;
  }

  async all(): Promise<SoakCounts> {
    const { subjects, first, runs, milliseconds, signal } = this.#options;
    const until = performance.now() + milliseconds;
    for (let run = first; run < first + runs && performance.now() < until; run++) {
      if (signal?.aborted) break;
      await this.#run(run, subjects[run % subjects.length]!);
      await this.#options.counted?.(this.#counts);
    }
    return this.#counts;
  }

  async #run(run: number, subject: Subject): Promise<void> {
    const { seed, disk, report } = this.#options;
    const reference = await this.#reference(subject);
    const random = createRandom(deriveSeed(seed, "soak", run));
    const count = random.integer(2, 7);
    const out = join(disk.folder, `run-${run}`);
    const damaged = new Set<string>();
    const possible = ends.filter((kind): kind is End => disk.own || !kind.endsWith("full disk"));
    report(`run ${run}: ${subject.name}, ${count} faults`);
    for (let process = 0; process < MAX_PROCESSES; process++) {
      const last = process >= count;
      const faults = drawFaults(random, { steps: reference.steps, ends: possible, last });
      const hasDamage = this.#damage(
        out,
        faults,
        damaged,
        deriveSeed(seed, "damage", run, process),
      );
      const faultText = describeFaults(hasDamage ? faults : { ...faults, damage: undefined });
      const fail = (what: string) => this.#fail({ run, subject, what, faults: faultText, out });
      const before = newestCheckpoint(out, damaged);
      const resumes = existsSync(join(out, "pipeline.json"));
      const ended = await runProcess({
        ...this.#options,
        args: await this.#args(subject, out, resumes),
        out,
        faults,
        checkpointBytes: reference.checkpointBytes,
      });
      disk.free();
      const wasDamaged = damaged.size > 0;
      for (const name of damaged) {
        if (existsSync(join(out, "checkpoints", `${name}.json.damaged`))) damaged.delete(name);
      }
      const after = newestCheckpoint(out, damaged), drafts = draftsIn(out);
      const { problems, lost, again } = judge({
        ...{ ended, faults, before, after, resumes, drafts },
        damaged: wasDamaged,
      });
      this.#count(faults, ended, { lost, again, resumes, hasDamage, drafts });
      report(`  ${faultText}: ${ended.code}${problems.map((problem) => `; ${problem}`).join("")}`);
      if (problems.length > 0) return await fail(problems.join("; ") + "\n" + ended.stderr);
      if (ended.code !== 0) continue;
      const different = this.#compare(reference, out);
      if (different !== undefined) return await fail(different);
      this.#counts.runs++;
      add(this.#counts.subjects, subject.name);
      await Deno.remove(out, { recursive: true });
      return;
    }
    const faults = `${MAX_PROCESSES} processes`;
    await this.#fail({ run, subject, what: "it did not complete", faults, out });
  }

  /** Returns the results of an uninterrupted run, which is trained the first time. */
  async #reference(subject: Subject): Promise<Reference> {
    const known = this.#references.get(subject.name);
    if (known) return known;
    const out = join(this.#options.disk.folder, `reference-${subject.name}`);
    const faults: Faults = {
      ...{ damage: undefined, pause: undefined, end: undefined, launcher: true },
    };
    const args = await this.#args(subject, out, false);
    const { code, stderr, events } = await runProcess({
      ...{ ...this.#options, args, out, faults, checkpointBytes: 0 },
    });
    if (code !== 0) throw new Error(`${subject.name} fails without faults:\n${stderr}`);
    const outcome = outcomeOf(out);
    const reference = {
      outcome,
      steps: events.filter(({ event }) => event === "step").length,
      checkpointBytes: outcome.files["best.safetensors"]!.length,
    };
    await Deno.remove(out, { recursive: true });
    this.#references.set(subject.name, reference);
    this.#counts.references++;
    const { steps, checkpointBytes } = reference;
    this.#options.report(
      `${subject.name}: ${steps} steps, checkpoints of ${checkpointBytes} bytes`,
    );
    return reference;
  }

  async #args({ name, engine, precision, pipeline }: Subject, out: string, resumes: boolean) {
    if (resumes) return ["resume", out];
    const file = join(this.#options.folder, `${name}.yaml`);
    await Deno.writeTextFile(file, stringify(pipeline));
    return [file, "--engine", engine, "--precision", precision, "--out", out];
  }

  /** Damages a file if the faults include it. Returns whether there was a file to damage. */
  #damage(out: string, faults: Faults, damaged: Set<string>, seed: number): boolean {
    // A run that has written its result is complete.
    if (!faults.damage || existsSync(join(out, "result.json"))) return false;
    const done = damage(out, faults.damage, newestCheckpoint(out, damaged), createRandom(seed));
    if (done?.name) damaged.add(done.name);
    return done !== undefined;
  }

  #compare(reference: Reference, out: string): string | undefined {
    let outcome: Outcome;
    try {
      outcome = outcomeOf(out);
    } catch (error) {
      return `its results cannot be read: ${(error as Error).message}`;
    }
    const different = differences(reference.outcome, outcome);
    for (const bytes of Object.values(outcome.files)) this.#counts.compared += bytes.length;
    for (const bytes of Object.values(different)) this.#counts.differing += bytes;
    const names = Object.entries(different).map(([name, bytes]) => `${name}: ${bytes} bytes`);
    return names.length === 0 ? undefined : `its results differ: ${names.join(", ")}`;
  }

  #count(
    { damage, end, launcher }: Faults,
    { events, struck, paused, inputThread }: Awaited<ReturnType<typeof runProcess>>,
    { lost, again, resumes, hasDamage, drafts }: {
      lost: number;
      again: number;
      resumes: boolean;
      hasDamage: boolean;
      drafts: readonly string[];
    },
  ): void {
    const counts = this.#counts;
    counts.processes++;
    if (resumes) counts.resumes++;
    if (launcher) counts.launched++;
    if (drafts.length > 0) counts.halfWritten++;
    if (inputThread) counts.inputThreads++;
    counts.steps += events.filter(({ event }) => event === "step").length;
    counts.lost += lost;
    counts.again += again;
    if (struck) add(counts.ends, end!.kind);
    if (paused) add(counts.others, "stopped and continued");
    if (hasDamage) add(counts.others, damage!);
  }

  /** Records a failed run and keeps a copy of its folder. */
  async #fail(
    { run, subject, what, faults, out }: {
      run: number;
      subject: Subject;
      what: string;
      faults: string;
      out: string;
    },
  ): Promise<void> {
    const folder = join(this.#options.folder, `failed-${run}`);
    await copy(out, folder);
    await Deno.remove(out, { recursive: true }).catch(() => {});
    this.#counts.problems.push({ subject: subject.name, run, what, faults, folder });
    this.#options.report(
      `run ${run} (${subject.name}) FAILED: ${what}\n  its folder was copied to ${folder}`,
    );
  }
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
