import type { Ended } from "./process.ts";
import type { End, Faults } from "./faults.ts";
import { isBefore, type StepOfJob } from "./run_folder.ts";
import { EVERY_STEPS } from "./subjects.ts";

/** The facts about a process that has ended. */
export interface Observed {
  /** The exit code, output and events of the process. */
  readonly ended: Ended;
  /** The faults that were injected. */
  readonly faults: Faults;
  /** The newest intact checkpoint before the process; absent if there was none. */
  readonly before: StepOfJob | undefined;
  /** The newest intact checkpoint after the process; absent if there is none. */
  readonly after: StepOfJob | undefined;
  /** Whether a checkpoint was damaged before the process started. */
  readonly damaged: boolean;
  /** Whether the process resumed a run. */
  readonly resumes: boolean;
  /** The names of drafts (partly written files) that the process left behind. */
  readonly drafts: readonly string[];
}

/** The result of {@linkcode judge}. */
export interface Verdict {
  /** Descriptions of unexpected behavior. */
  readonly problems: readonly string[];
  /** The number of repeated steps that a checkpoint contained, or should have contained. */
  readonly lost: number;
  /** The number of steps after the last checkpoint, which the next process repeats. */
  readonly again: number;
}

/**
 * Checks whether a process behaved as documented.
 *
 * @param observed The facts about the process.
 */
export function judge(observed: Observed): Verdict {
  const { ended, faults, before, after, drafts } = observed;
  const problems: string[] = [];
  if (ended.hung) problems.push("it did not end");
  problems.push(...codeProblems(ended, faults));
  let lost = 0;
  const start = ended.events.find(({ event }) => event === "runStart");
  const done = stepsOf(ended, problems);
  if (start) {
    const from = start.resumed?.step ?? 0;
    const right = before ? start.job === before.job && from === before.step : from === 0;
    if (!right) {
      problems.push(`it resumed from ${start.job} ${from}; expected ${positionText(before)}`);
      lost += before ? Math.max(1, before.step - (start.job === before.job ? from : 0)) : 0;
    }
    problems.push(...messageProblems(observed));
  }
  if (isBefore(after, before)) {
    problems.push(`its newest checkpoint is older than before: ${positionText(after)}`);
  }
  let again = 0;
  if (done) {
    again = Math.max(0, done.step - (after?.job === done.job ? after.step : 0));
    const [, step, job] = /^stopped after step (\d+) of (\S+)$/m.exec(ended.stderr) ?? [];
    if (step !== undefined) {
      if (Number(step) !== done.step || job !== done.job || again > 0) {
        problems.push(
          `it stopped after ${done.job} ${done.step}, but its newest checkpoint is from ${
            positionText(after)
          }`,
        );
        lost += again;
      }
    } else if (again > EVERY_STEPS) {
      problems.push(
        `it reached ${done.job} ${done.step}, but its newest checkpoint is from ${
          positionText(after)
        }`,
      );
      lost += again - EVERY_STEPS;
    }
  }
  // A process that is killed, or receives a signal before it handles signals, cannot clean up.
  const unprepared = ended.struck && !ended.listening;
  const abrupt = ended.code === 137 || unprepared;
  if (!abrupt && drafts.length > 0) {
    problems.push(`it left the drafts ${drafts.join(", ")}`);
  }
  return { problems, lost, again };
}

const positionText = (stand: StepOfJob | undefined) =>
  stand ? `${stand.job} ${stand.step}` : "the start";

/** Returns the last step. Adds a problem if the steps are not consecutive. */
function stepsOf({ events }: Ended, problems: string[]): StepOfJob | undefined {
  let last: StepOfJob | undefined;
  for (const { event, job, step, resumed } of events) {
    if (event === "runStart") last = { job: job!, step: resumed?.step ?? 0 };
    if (event !== "step") continue;
    if (last?.job !== job || step !== last!.step + 1) {
      problems.push(`step ${job} ${step} follows ${positionText(last)}`);
    }
    last = { job: job!, step: step! };
  }
  return last;
}

/** Checks the messages about damaged checkpoints and about starting from scratch. */
function messageProblems(
  { ended: { stderr, code }, before, damaged, resumes }: Observed,
): string[] {
  const problems: string[] = [];
  if (damaged && !/is damaged \(.*\); the run uses the one before it/.test(stderr)) {
    problems.push("it did not report a damaged checkpoint");
  }
  if (!damaged && stderr.includes("is damaged")) {
    problems.push("it reported a damaged checkpoint, but none was damaged");
  }
  if (resumes && !before && !stderr.includes("it starts from scratch")) {
    problems.push("it did not report that it started from scratch");
  }
  if (code === 0 && /^error: /m.test(stderr)) {
    problems.push("it printed an error, but its exit code is 0");
  }
  return problems;
}

/** Returns the exit codes that a fault may cause if the run has not completed before. */
function codesOf(kind: End, listening: boolean): number[] {
  if (kind.startsWith("kill")) return [137];
  if (kind === "full disk" || kind === "file limit") return [1];
  // A process that does not handle signals yet is terminated by the signal.
  const stopped = listening ? [130] : [130, 143];
  // Removing an old checkpoint may have made space for the next one.
  return kind === "SIGTERM on a full disk" ? [1, ...stopped] : stopped;
}

/** Checks whether the exit code and the messages are those that the fault should cause. */
function codeProblems(ended: Ended, faults: Faults): string[] {
  const { code, stderr, struck, training, listening, events } = ended;
  const kind = struck ? faults.end?.kind : undefined;
  const problems: string[] = [];
  const finished = events.some(({ event }) => event === "runEnd");
  if (code === 0) {
    if (!finished) problems.push("its exit code is 0, but it has no result");
    return problems;
  }
  const expected = kind === undefined ? [] : codesOf(kind, listening);
  if (!expected.includes(code)) problems.push(`its exit code is ${code}`);
  const messages = stderr.match(/^error: .*/gm) ?? [];
  if (code === 1) {
    const isFullDisk = messages.length === 1 &&
      /cannot be (written|created): .*(full|space|maximum size)/i.test(messages[0]!);
    if (!isFullDisk) problems.push(`its message is ${JSON.stringify(messages)}`);
  } else if (messages.length > 0) {
    problems.push(`it printed ${messages[0]}`);
  }
  if (code === 130 && training && kind !== "two signals") {
    if (!/^stopped after step \d+ of /m.test(stderr)) {
      problems.push("it did not report after which step it stopped");
    }
    if (!/^checkpoint: /m.test(stderr)) problems.push("it did not name its checkpoint");
    if (!/^ {2}deno task pipeline resume /m.test(stderr)) {
      problems.push("it did not print the command that resumes the run");
    }
  }
  return problems;
}
