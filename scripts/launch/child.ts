import { readByProgram } from "../../files/system_file.ts";

/** How a child is run. */
export interface ChildOptions {
  /** The folder to run in; the project's folder by default. */
  readonly cwd?: string;
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Takes what the child writes to standard output; it is passed on by default. */
  readonly onOutput?: (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>;
}

/** Signals that ask a process to come to its end. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/**
 * Lets glibc ask for large pages of memory: looking rows up in a large embedding table takes less time
 * where one page holds many of them. Other systems do not know the name.
 */
const HUGE_PAGES = { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" };

/** For how long, in milliseconds, one more of a signal is taken for an echo of the same. */
const ECHO = 1_000;

/**
 * Runs Deno with standard input, output and errors of this process, and waits for its end. Signals
 * are passed on, and the child decides what they mean: it may have a checkpoint to write.
 *
 * @param args The arguments for Deno.
 * @param options The folder, and what takes the output.
 * @returns The exit code; 128 and the signal's number for a child that a signal ended.
 */
export async function runDeno(
  args: readonly string[],
  options: ChildOptions = {},
): Promise<number> {
  // `deno task` says where the user stands by INIT_CWD, and keeps one that is there already. The
  // child stands in the right place; a `deno task` that it starts should not hear of this one's.
  const { INIT_CWD: _, ...own } = Deno.env.toObject();
  const env = { ...HUGE_PAGES, ...own };
  const { cwd, onOutput } = options;
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { ...env, ...options.env },
    clearEnv: true,
    stdin: "inherit",
    stdout: onOutput ? "piped" : "inherit",
    stderr: "inherit",
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  const stop = passSignalsTo(child);
  try {
    if (onOutput) { for await (const chunk of child.stdout) await onOutput(chunk); }
    return (await child.status).code;
  } finally {
    stop();
  }
}

/** Passes signals on to a child until the returned function is called. */
function passSignalsTo(child: Deno.ChildProcess): () => void {
  const listeners = SIGNALS.map((signal) => {
    let last = -Infinity;
    const listener = async () => {
      const now = performance.now();
      if (now - last < ECHO) return;
      last = now;
      if (signal === "SIGINT" && await comesFromTerminal()) return;
      try {
        child.kill(signal);
      } catch {
        // It has ended in the meantime.
      }
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return () => listeners.forEach((remove) => remove());
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
