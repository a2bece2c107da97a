import type { Outcome } from "./outcome.ts";

/** What a person is to be told. */
export interface Expectation {
  /**
   * 1: the run failed; 2: the command or the pipeline file is wrong; 0: at most there is a warning.
   */
  readonly code: number;
  /** The end of the first place that is printed, such as `3:17`; undefined where there is none. */
  readonly at?: string | undefined;
  /** Whether it reports to standard output what it does before. */
  readonly reports?: boolean | undefined;
  /** What is printed somewhere. */
  readonly words: readonly string[];
  /** Whether the run comes to its end all the same, and prints what it came to. */
  readonly results?: boolean;
}

/** The most time of a core that a refusal may take, in seconds. */
const maxSeconds = 5;

/** The most memory that a refusal may take. */
const maxBytes = 1e9;

/** A problem: what is wrong, where, and what to do about it, each on a line or a few. */
const problem = /^(?:error|warning): .+(\n(?! -->| hint:).*){0,3}(\n --> .+)?(\n hint: .+)?$/;

/**
 * Says how a refusal is not what it should be.
 *
 * @param outcome How the command line ended.
 * @param expectation What was expected of it.
 * @returns A sentence each; none if all is well.
 */
export function faultsOf(outcome: Outcome, expectation?: Expectation): string[] {
  const { code, stdout, stderr, seconds, peakBytes } = outcome;
  const faults: string[] = [];
  const check = (holds: boolean, fault: string) => void (holds || faults.push(fault));
  check(code === 1 || code === 2 || code === expectation?.code, `it ends with ${code}`);
  const results = expectation?.results ?? false;
  if (results) check(stdout !== "", "it prints no results");
  else check(stdout === "" || expectation?.reports === true, "it prints to standard output");
  check(!/^\s+at .*:\d+:\d+\)?$/m.test(stderr), "it prints a stack trace");
  check(!/bug in Rocket/.test(stderr), "it is called a bug in Rocket");
  check(!/\[object |\bundefined\b/.test(stderr), "it prints a value that is none");
  check(seconds < maxSeconds, `it takes ${seconds.toFixed(1)} s`);
  check(peakBytes < maxBytes, `it takes ${(peakBytes / 1e6).toFixed(0)} MB`);
  const problems = problemsIn(stderr);
  // A refusal is made of problems and of nothing else.
  if (code !== 0 && problems.length === 0) problems.push(stderr);
  check(
    code !== 0 || problems.length === (expectation?.words.length ?? 0),
    `it gives ${problems.length} warnings`,
  );
  check(problems.every((text) => problem.test(text)), "it is more than a paragraph a problem");
  check(problems.every((text) => text.length < 1500), "it is long");
  if (expectation) {
    const { code: expected, at, words } = expectation;
    check(code === expected, `it ends with ${code}; expected ${expected}`);
    const place = /^ --> (.*)$/m.exec(stderr)?.[1];
    if (at !== undefined) {
      check(place?.endsWith(`:${at}`) ?? false, `its place is ${place}; expected ${at}`);
    }
    for (const text of words) {
      check(stderr.includes(text), `it does not say ${JSON.stringify(text)}`);
    }
  }
  return faults;
}

/**
 * What is printed from the first error or warning on: before it there may be what engine is used.
 */
function problemsIn(stderr: string): string[] {
  const start = stderr.search(/^(error|warning): /m);
  const told = stderr.slice(start).replaceAll(/^initial weights: .*$\n?/gm, "");
  return start < 0 ? [] : told.trimEnd().split(/\n\n|\n(?=warning: )/);
}
