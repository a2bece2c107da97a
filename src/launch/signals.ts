import { endSignals, HANGUP } from "../base/machine/end_signals.ts";
import { readByProgram, SHELL } from "../base/machine/system_file.ts";

/** The time in milliseconds during which a repeated signal counts as the same one. */
const ECHO = 1_000;

/**
 * The time in milliseconds after a second signal, in which a child process has to end. A stage that
 * computes without a pause keeps the child from handling signals.
 */
const GRACE = 3_000;

/** The child processes that receive signals. */
const children = new Set<Deno.ChildProcess>();

let received: Deno.Signal | undefined;

/**
 * Starts listening to signals and forwards them to child processes. A child decides how it ends,
 * since it may have a checkpoint to write. The listeners remain until this process ends. Otherwise,
 * a signal between two children or after the last one would determine the exit code.
 */
export function hearSignals(): void {
  hearHangups();
  for (const signal of endSignals()) {
    let last = -Infinity;
    Deno.addSignalListener(signal, () => {
      const now = performance.now();
      if (now - last < ECHO) return;
      last = now;
      if (received !== undefined) killLater();
      received ??= signal;
      for (const child of children) passOn(signal, child);
    });
  }
}

let hangups: "heard" | "ignored" | undefined;

/**
 * Returns what this process and its children do when the terminal is closed: end (`heard`), or
 * continue (`ignored`), because this process was started with `nohup`. Undefined if that is
 * unknown.
 */
export const reactionToHangups = (): typeof hangups => hangups;

/** Starts listening to the signal of a closed terminal. */
function hearHangups(): void {
  if (Deno.build.os === "windows") return;
  try {
    hangups = ignoresHangups() ? "ignored" : "heard";
  } catch {
    // There is no shell.
    return;
  }
  Deno.addSignalListener(HANGUP, () => {
    // Deno ends a process without a listener, even if it was started with `nohup`.
    if (hangups === "ignored") return;
    received ??= HANGUP;
    // A terminal may send the signal several times, so children react only to the first one.
    for (const child of children) passOn(HANGUP, child);
  });
}

/**
 * Checks whether this process was started in such a way that it ignores the signal of a closed
 * terminal. Child processes inherit this as long as Deno listens to no signal, and a shell cannot
 * change it.
 */
function ignoresHangups(): boolean {
  const args = ["-c", "trap 'echo heard' HUP; kill -s HUP $$"];
  return new Deno.Command(SHELL, { args, stderr: "null" }).outputSync().stdout.length === 0;
}

/** Kills the child processes that do not end by themselves. */
function killLater(): void {
  const timer = setTimeout(() => {
    for (const child of children) passOn("SIGKILL", child);
  }, GRACE);
  Deno.unrefTimer(timer);
}

/**
 * Returns the first signal that asked this process to end, if any. After a signal, no more child
 * processes should be started.
 */
export function receivedSignal(): Deno.Signal | undefined {
  return received;
}

/**
 * Forwards signals to a child process.
 *
 * @param child The child process.
 * @returns An object that stops forwarding when it is disposed of, after the child has ended.
 */
export function passSignalsTo(child: Deno.ChildProcess): Disposable {
  children.add(child);
  return { [Symbol.dispose]: () => void children.delete(child) };
}

async function passOn(signal: Deno.Signal, child: Deno.ChildProcess): Promise<void> {
  const isKey = signal === "SIGINT" || signal === "SIGBREAK";
  if (isKey && await comesFromTerminal()) return;
  try {
    child.kill(signal);
  } catch {
    // The child has already ended.
  }
}

/**
 * Checks whether Ctrl-C came from a terminal. The terminal sends it to the whole foreground process
 * group, so child processes receive it without forwarding.
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

/** Returns the process group of this process and that of the terminal's foreground (-1 if none). */
async function processGroups(): Promise<(string | undefined)[]> {
  if (Deno.build.os === "linux") {
    // PID (COMMAND) STATE PARENT GROUP SESSION TERMINAL FOREGROUND …
    const text = await readByProgram(`/proc/${Deno.pid}/stat`) ?? "";
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return [fields[2], fields[5]];
  }
  const { stdout } = await new Deno.Command("/bin/ps", {
    args: ["-o", "pgid=,tpgid=", "-p", String(Deno.pid)],
  }).output();
  return new TextDecoder().decode(stdout).trim().split(/\s+/);
}
