import { relative } from "node:path";
import type { Interruption } from "../pipeline/errors.ts";
import type { Output } from "../pipeline/stages/output.ts";
import { say } from "../pipeline/terminal.ts";

/** Signals that ask for an end. */
export const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** The exit code of what a signal has ended. */
export const INTERRUPTED = 130;

/** What a run needs to be ended by signals. */
export interface Interruptible {
  /** Aborted by the first signal, once training has begun. */
  readonly signal: AbortSignal;
  /** Has to hear of the run's events, to know when training begins. */
  readonly listener: Pick<Output, "runStart">;
}

/**
 * Listens to signals for a run that they may end. During training the first signal asks it to finish its step and
 * to write a checkpoint; the second one, and any before training has begun, ends the process at once. They are
 * listened to until the process ends: one that comes just before would otherwise end it with an exit code of its own.
 *
 * @param out The run folder.
 * @param quiet Whether the person asked for silence.
 * @returns What the run needs.
 */
export function listenToSignals(out: string, quiet: boolean): Interruptible {
  const controller = new AbortController();
  let training = false;
  const stop = () => {
    if (training && !controller.signal.aborted) {
      controller.abort();
      if (!quiet) say("\nfinishing the step; once more ends at once");
      return;
    }
    if (!training) say(`\nstopped before training began${hintOf(out)}`);
    Deno.exit(INTERRUPTED);
  };
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  return {
    signal: controller.signal,
    listener: {
      runStart: () => {
        training = true;
      },
    },
  };
}

/** A run that was being resumed can be again. */
function hintOf(out: string): string {
  try {
    Deno.statSync(`${out}/pipeline.json`);
  } catch {
    return "";
  }
  return `; to go on:\n  ${resumeCommand(out)}`;
}

/**
 * What a person is told when a run was stopped.
 *
 * @param interruption How it ended.
 * @param out The run folder.
 */
export function describeInterruption(
  { message, checkpoint }: Interruption,
  out: string,
): string {
  const written = checkpoint === undefined ? "" : `\ncheckpoint: ${checkpoint}`;
  return `${message}${written}\nto go on:\n  ${resumeCommand(out)}`;
}

/**
 * The command that goes on with a run, to be pasted where the person stands.
 *
 * @param out The run folder.
 */
export function resumeCommand(out: string): string {
  const path = relative(Deno.cwd(), out) || ".";
  return `deno task pipeline resume ${quoted(path.startsWith("-") ? `./${path}` : path)}`;
}

/** As a shell takes it for one word. */
export function quoted(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
