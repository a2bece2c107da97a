import type { Ended } from "./process.ts";
import type { End, Faults } from "./faults.ts";
import { isBefore, type Reached } from "./run_folder.ts";
import { EVERY_STEPS } from "./subjects.ts";

/** What is known of a process when it has ended. */
export interface Observed {
  /** How it ended. */
  readonly ended: Ended;
  /** What was done to it. */
  readonly faults: Faults;
  /** Where it had to go on; absent at the start. */
  readonly before: Reached | undefined;
  /** Where the next one has to go on. */
  readonly after: Reached | undefined;
  /** Whether a checkpoint was damaged before. */
  readonly damaged: boolean;
  /** Whether it was to resume a run. */
  readonly resumes: boolean;
  /** Drafts that it left. */
  readonly drafts: readonly string[];
}

/** What was found. */
export interface Verdict {
  /** What should not have been, in words. */
  readonly problems: readonly string[];
  /** Steps that a checkpoint held, or should have, and that were done again. */
  readonly lost: number;
  /** Steps after the last checkpoint, which are done again. */
  readonly again: number;
}

/**
 * Says whether a process did what is promised.
 *
 * @param observed What is known of it.
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
      problems.push(`it went on from ${start.job} ${from}, and not from ${told(before)}`);
      lost += before ? Math.max(1, before.step - (start.job === before.job ? from : 0)) : 0;
    }
    problems.push(...wordProblems(observed));
  }
  if (isBefore(after, before)) problems.push(`its newest checkpoint became older: ${told(after)}`);
  let again = 0;
  if (done) {
    again = Math.max(0, done.step - (after?.job === done.job ? after.step : 0));
    const [, step, job] = /^stopped after step (\d+) of (\S+)$/m.exec(ended.stderr) ?? [];
    if (step !== undefined) {
      if (Number(step) !== done.step || job !== done.job || again > 0) {
        problems.push(`it was stopped after ${done.job} ${done.step} and kept ${told(after)}`);
        lost += again;
      }
    } else if (again > EVERY_STEPS) {
      problems.push(`it came to ${done.job} ${done.step} and kept ${told(after)}`);
      lost += again - EVERY_STEPS;
    }
  }
  // Who is killed cannot tidy up, nor who dies of a signal before it listens.
  const deaf = ended.struck && !ended.listening;
  const abrupt = ended.code === 137 || deaf;
  if (!abrupt && drafts.length > 0) {
    problems.push(`it left ${drafts.join(", ")}`);
  }
  return { problems, lost, again };
}

const told = (stand: Reached | undefined) => stand ? `${stand.job} ${stand.step}` : "the start";

/** The last step that was made; steps have to follow one another. */
function stepsOf({ events }: Ended, problems: string[]): Reached | undefined {
  let last: Reached | undefined;
  for (const { event, job, step, resumed } of events) {
    if (event === "runStart") last = { job: job!, step: resumed?.step ?? 0 };
    if (event !== "step") continue;
    if (last?.job !== job || step !== last!.step + 1) {
      problems.push(`step ${job} ${step} came after ${told(last)}`);
    }
    last = { job: job!, step: step! };
  }
  return last;
}

/** Whether a damaged checkpoint, and a start from nothing, were told of. */
function wordProblems({ ended: { stderr, code }, before, damaged, resumes }: Observed): string[] {
  const problems: string[] = [];
  if (damaged && !/is damaged \(.*\); the run uses the one before it/.test(stderr)) {
    problems.push("it said nothing of a damaged checkpoint");
  }
  if (!damaged && stderr.includes("is damaged")) problems.push("it found a checkpoint damaged");
  if (resumes && !before && !stderr.includes("it starts from scratch")) {
    problems.push("it said nothing of its start from nothing");
  }
  if (code === 0 && /^error: /m.test(stderr)) problems.push("it ended well and printed an error");
  return problems;
}

/** What a process may end with, if it has not come to its end before. */
function codesOf(kind: End, listening: boolean): number[] {
  if (kind.startsWith("kill")) return [137];
  if (kind === "full disk" || kind === "file limit") return [1];
  // A process that does not listen yet dies of the signal.
  const stopped = listening ? [130] : [130, 143];
  // A checkpoint that was just removed may have left room for the next.
  return kind === "SIGTERM on a full disk" ? [1, ...stopped] : stopped;
}

/** Whether the exit code and the message are those that its fault should have. */
function codeProblems(ended: Ended, faults: Faults): string[] {
  const { code, stderr, struck, training, listening, events } = ended;
  const kind = struck ? faults.end?.kind : undefined;
  const problems: string[] = [];
  const finished = events.some(({ event }) => event === "runEnd");
  if (code === 0) {
    if (!finished) problems.push("it ended with 0 and without a result");
    return problems;
  }
  const expected = kind === undefined ? [] : codesOf(kind, listening);
  if (!expected.includes(code)) problems.push(`it ended with ${code}`);
  const messages = stderr.match(/^error: .*/gm) ?? [];
  if (code === 1) {
    const told = messages.length === 1 &&
      /cannot be (written|created): .*(full|space|maximum size)/i.test(messages[0]!);
    if (!told) problems.push(`its message is ${JSON.stringify(messages)}`);
  } else if (messages.length > 0) {
    problems.push(`it printed ${messages[0]}`);
  }
  if (code === 130 && training && kind !== "two signals") {
    if (!/^stopped after step \d+ of /m.test(stderr)) problems.push("it said nothing of its stop");
    if (!/^checkpoint: /m.test(stderr)) problems.push("it named no checkpoint");
    if (!/^ {2}deno task pipeline resume /m.test(stderr)) problems.push("it named no command");
  }
  return problems;
}
