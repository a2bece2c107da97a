import { readByProgram } from "../base/machine/system_file.ts";

/** Signals that ask a process to come to its end. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** For how long, in milliseconds, one more of a signal is taken for an echo of the same. */
const ECHO = 1_000;

/** The children that signals are passed on to. */
const children = new Set<Deno.ChildProcess>();

let received: Deno.Signal | undefined;

/**
 * Begins to listen to signals, and passes them on to the children that there are: these decide what
 * they mean, as they may have a checkpoint to write. They are listened to until the process ends:
 * between two children, and after the last one, they would end it with an exit code of their own.
 */
export function hearSignals(): void {
  for (const signal of SIGNALS) {
    let last = -Infinity;
    Deno.addSignalListener(signal, () => {
      const now = performance.now();
      if (now - last < ECHO) return;
      last = now;
      received ??= signal;
      for (const child of children) passOn(signal, child);
    });
  }
}

/**
 * The first signal that asked for an end, if there was one; then no more children should be
 * started.
 */
export function receivedSignal(): Deno.Signal | undefined {
  return received;
}

/**
 * Passes signals on to a child.
 *
 * @param child The child.
 * @returns Ends that, when the child has ended.
 */
export function passSignalsTo(child: Deno.ChildProcess): Disposable {
  children.add(child);
  return { [Symbol.dispose]: () => void children.delete(child) };
}

async function passOn(signal: Deno.Signal, child: Deno.ChildProcess): Promise<void> {
  if (signal === "SIGINT" && await comesFromTerminal()) return;
  try {
    child.kill(signal);
  } catch {
    // It has ended in the meantime.
  }
}

/**
 * Whether Ctrl-C reaches this process and its children alike, so that the child has been told: the
 * terminal sends it to the whole group of processes in its foreground.
 */
async function comesFromTerminal(): Promise<boolean> {
  if (Deno.build.os === "windows") return true;
  try {
    const [group, foreground] = await processGroups();
    return group === foreground;
  } catch {
    return Deno.stdin.isTerminal();
  }
}

/** The group of this process, and the one in its terminal's foreground (-1 without a terminal). */
async function processGroups(): Promise<(string | undefined)[]> {
  if (Deno.build.os === "linux") {
    // PID (COMMAND) STATE PARENT GROUP SESSION TERMINAL FOREGROUND …
    const text = await readByProgram(`/proc/${Deno.pid}/stat`) ?? "";
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return [fields[2], fields[5]];
  }
  const { stdout } = await new Deno.Command("ps", {
    args: ["-o", "pgid=,tpgid=", "-p", String(Deno.pid)],
  }).output();
  return new TextDecoder().decode(stdout).trim().split(/\s+/);
}
