import { relative } from "node:path";
import { removeOpenDrafts } from "../base/files/drafts.ts";
import type { Interruption } from "../base/errors.ts";
import type { Output } from "../stages/output.ts";
import { endProcess } from "./ending.ts";
import { sayAfterKey } from "../base/terminal.ts";
import { removeRunDrafts } from "../base/files/run_drafts.ts";

/** Signals that ask for an end. */
const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/** The exit code of what a signal has ended. */
export const INTERRUPTED = 130;

/** What a signal does now. */
let stop: () => void = () => end("stopped before it began");

const listener = () => stop();

let heard = false;

/**
 * Begins to listen to signals: from now on one ends the process with exit code 130, until a command says what else
 * it does. They are listened to until the process ends, as one that comes just before would otherwise end it with
 * an exit code of its own.
 */
export function hearSignals(): void {
  // To remove and add them again would leave a moment without.
  if (!heard) { for (const signal of signals) Deno.addSignalListener(signal, listener); }
  heard = true;
}

/**
 * Says what signals do from now on.
 *
 * @param next Called for each signal.
 */
export function onSignal(next: () => void): void {
  stop = next;
  hearSignals();
}

/** Leaves signals to the system, which ends the process at once, also one that never waits. */
export function leaveSignals(): void {
  if (heard) { for (const signal of signals) Deno.removeSignalListener(signal, listener); }
  heard = false;
}

/** Ends the process, with nothing half written. */
function end(...lines: readonly string[]): never {
  removeOpenDrafts();
  if (lines.length > 0) sayAfterKey(lines);
  endProcess(INTERRUPTED);
}

/** What a run needs to be ended by signals. */
export interface Interruptible {
  /** Aborted by the first signal, once training has begun. */
  readonly signal: AbortSignal;
  /** Has to hear of the run's events, to know when training begins. */
  readonly listener: Pick<Output, "runStart">;
  /** From now on there is nothing left that a signal could end. */
  over(): void;
}

/**
 * Listens to signals for a run that they may end. During training the first signal asks it to finish its step and
 * to write a checkpoint; the second one, and any before training has begun, ends the process at once. Once the run
 * is over, they change nothing any more.
 *
 * @param out The run folder.
 * @param quiet Whether the person asked for silence.
 * @returns What the run needs.
 */
export function listenToSignals(out: string, quiet: boolean): Interruptible {
  const controller = new AbortController();
  onSignal(() => {
    removeRunDrafts(out);
    const [more, ...lines] = hintOf(out);
    end(`stopped before training began${more}`, ...lines);
  });
  return {
    signal: controller.signal,
    listener: {
      runStart: () => {
        onSignal(() => {
          if (controller.signal.aborted) end();
          controller.abort();
          if (!quiet) sayAfterKey("finishing the step; once more ends at once");
        });
      },
    },
    over: () => onSignal(() => {}),
  };
}

/** A run that was being resumed can be again. */
function hintOf(out: string): readonly [string, ...string[]] {
  try {
    Deno.statSync(`${out}/pipeline.json`);
  } catch {
    return [""];
  }
  return ["; to go on:", `  ${resumeCommand(out)}`];
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
): string[] {
  return [
    message,
    ...(checkpoint === undefined ? [] : [`checkpoint: ${checkpoint}`]),
    "to go on:",
    `  ${resumeCommand(out)}`,
  ];
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
