import { commandName } from "../base/command_name.ts";
import { endSignals, HANGUP } from "../base/machine/end_signals.ts";
import { handed, handedOver } from "../base/machine/system_file.ts";
import { removeOpenDrafts } from "../base/files/drafts.ts";
import type { Interruption } from "../base/errors.ts";
import type { Output } from "../stages/output.ts";
import { quoted } from "../base/quoted.ts";
import { fromHere } from "./next_steps.ts";
import { takeEnd } from "./ending.ts";
import { sayAfterKey } from "../base/terminal.ts";
import { removeRunDrafts } from "../base/files/run_drafts.ts";

const endProcess: (code: number) => never = takeEnd();

const signals = endSignals();

/** What a closed terminal does, as the launcher has found out; undefined if that is unknown. */
const hangups = handed(handedOver.hangup);

/** The exit code of a command that a signal ended. */
export const INTERRUPTED = 130;

/** What the next signal does. */
let stop: () => void = () => end("stopped before the command started");

let isStopping = false;

const listener = () => {
  isStopping = true;
  stop();
};

/** A closed terminal sends its signal several times, so only the first signal counts. */
const hangupListener = () => {
  if (hangups === "heard" && !isStopping) listener();
};

let heard = false;

/**
 * Starts listening to signals. A signal ends the process with exit code 130, unless a command sets
 * another reaction with {@linkcode onSignal}. The listeners remain until the process ends. Without
 * them, a signal at the very end would cause a different exit code.
 */
export function hearSignals(): void {
  // Removing and adding the listeners again would leave a moment without any.
  if (!heard) {
    for (const signal of signals) Deno.addSignalListener(signal, listener);
    if (hangups !== undefined) Deno.addSignalListener(HANGUP, hangupListener);
  }
  heard = true;
}

/**
 * Sets the function to call when a signal asks this process to end. It replaces the function that
 * was set before.
 *
 * @param next Called for each signal.
 */
export function onSignal(next: () => void): void {
  stop = next;
  hearSignals();
}

/** Removes the listeners, so that a signal ends the process at once, even in a busy loop. */
export function leaveSignals(): void {
  if (heard) {
    for (const signal of signals) Deno.removeSignalListener(signal, listener);
    if (hangups === "heard") Deno.removeSignalListener(HANGUP, hangupListener);
  }
  heard = false;
}

/** Ends the process without leaving partly written files. */
function end(...lines: readonly string[]): never {
  removeOpenDrafts();
  if (lines.length > 0) sayAfterKey(lines);
  endProcess(INTERRUPTED);
}

/** Connects a run with the signals that can end it. */
export interface Interruptible {
  /** Aborted by the first signal after training has started. */
  readonly signal: AbortSignal;
  /** Listens to the run's events, to know when training starts. */
  readonly listener: Pick<Output, "runStart">;
  /** Ignores signals from now on, because the run is complete. */
  over(): void;
}

/**
 * Listens for signals during a run. During training the first signal asks the run to finish its step
 * and write a checkpoint. The second signal, and any signal before training has started, ends the
 * process at once. After the run, signals have no effect.
 *
 * @param out The run folder.
 * @param quiet Whether the user asked for no progress output (`--quiet`).
 * @returns The abort signal and the listener to pass to the run.
 */
export function listenToSignals(out: string, quiet: boolean): Interruptible {
  const controller = new AbortController();
  onSignal(() => {
    removeRunDrafts(out);
    const [more, ...lines] = hintOf(out);
    end(`stopped before training started${more}`, ...lines);
  });
  return {
    signal: controller.signal,
    listener: {
      runStart: () => {
        onSignal(() => {
          if (controller.signal.aborted) end();
          controller.abort();
          if (!quiet) sayAfterKey("finishing the step and saving; a second signal ends at once");
        });
      },
    },
    over: () => onSignal(() => {}),
  };
}

/**
 * Returns the end of the message and the command that resumes the run. If the folder has no
 * `pipeline.json`, the run cannot be resumed, and the text is empty.
 */
function hintOf(out: string): readonly [string, ...string[]] {
  try {
    Deno.statSync(`${out}/pipeline.json`);
  } catch {
    return [""];
  }
  return [". To continue:", `  ${resumeCommand(out)}`];
}

/**
 * Formats the message for the user after a run was interrupted.
 *
 * @param interruption The interruption.
 * @param out The run folder.
 */
export function describeInterruption(
  { message, checkpoint }: Interruption,
  out: string,
): string[] {
  return [
    message,
    ...(checkpoint === undefined ? [] : [`checkpoint: ${checkpoint}`]),
    "to continue:",
    `  ${resumeCommand(out)}`,
  ];
}

/**
 * Returns the command that resumes a run, to be typed in the current folder.
 *
 * @param out The run folder.
 */
export function resumeCommand(out: string): string {
  return `${commandName()} resume ${quoted(fromHere(out))}`;
}
