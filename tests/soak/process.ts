import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Disk } from "./disk.ts";
import type { Faults, Moment } from "./faults.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The maximum duration of a process in milliseconds. */
const PATIENCE = 240_000;

/** An event that `--json` printed. */
export interface Event {
  readonly event: string;
  readonly job?: string;
  readonly step?: number;
  readonly resumed?: { readonly step: number };
}

/** The process to start. */
export interface Start {
  /** The arguments of the command line. */
  readonly args: readonly string[];
  /** The flags with which Deno finds the project's modules. */
  readonly flags: readonly string[];
  /** The run folder. */
  readonly out: string;
  /** The faults to inject. */
  readonly faults: Faults;
  /** The disk that the process writes to. */
  readonly disk: Disk;
  /** The size of a checkpoint in bytes. */
  readonly checkpointBytes: number;
}

/** The end of a process, and its output. */
export interface Ended {
  readonly code: number;
  readonly stderr: string;
  readonly events: readonly Event[];
  /** Whether the fault was injected before the process ended. */
  readonly struck: boolean;
  /** Whether training had started by then. */
  readonly training: boolean;
  /** Whether the process certainly handled signals by then, because it had printed something. */
  readonly listening: boolean;
  /** Whether the process was suspended and continued. */
  readonly paused: boolean;
  /** Whether the process had to be killed because it did not end. */
  readonly hung: boolean;
  /** Whether the process had an input thread. */
  readonly inputThread: boolean;
}

/**
 * Runs the command line and injects faults.
 *
 * @param start The process and its faults.
 */
export async function runProcess(start: Start): Promise<Ended> {
  const { faults: { pause, end }, disk, out, checkpointBytes } = start;
  const child = spawn(start);
  const events: Event[] = [];
  let steps = 0, over = false, struck = false, training = false, paused = false, hung = false;
  let listening = false, said = "";
  const waiting: { steps: number; resolve: () => void }[] = [];
  const ended = new Promise<void>((resolve) => void child.status.then(() => resolve()));
  /** Resolves at the time of a fault, or when the process ends. */
  const at = async ({ steps: wanted, milliseconds }: Moment) => {
    const reached = new Promise<void>((resolve) => {
      if (steps >= wanted) resolve();
      else waiting.push({ steps: wanted, resolve });
    });
    await Promise.race([reached, ended]);
    await Promise.race([sleep(milliseconds), ended]);
  };
  /** Sends a signal to the process and its child processes. */
  const toAll = (signal: Deno.Signal) => {
    try {
      Deno.kill(-child.pid, signal);
    } catch {
      // It has ended.
    }
  };
  const toIt = (signal: Deno.Signal) => {
    try {
      child.kill(signal);
    } catch {
      // It has ended.
    }
  };
  const strike = async () => {
    if (!end) return;
    await at(end.at);
    if (over) return;
    if (end.kind === "kill in a checkpoint") {
      if (!await draft(out, ended)) return;
      await Promise.race([sleep(end.room * 10), ended]);
      if (over) return;
    }
    struck = true;
    training = events.some(({ event }) => event === "runStart");
    listening = said !== "" && listens(child.pid) !== false;
    if (end.kind === "full disk") disk.fill(Math.round(end.room * checkpointBytes));
    else if (end.kind === "SIGTERM on a full disk") {
      disk.fill(0);
      toIt("SIGTERM");
    } else if (end.kind.startsWith("kill")) toAll("SIGKILL");
    else if (end.kind === "SIGTERM" || end.kind === "SIGINT") toIt(end.kind);
    else if (end.kind === "two signals") {
      toIt("SIGINT");
      await Promise.race([sleep(50), ended]);
      if (!over) toIt("SIGTERM");
    }
  };
  const rest = async () => {
    if (!pause) return;
    await at(pause.at);
    if (over) return;
    paused = true;
    toAll("SIGSTOP");
    await sleep(pause.milliseconds);
    toAll("SIGCONT");
  };
  const timer = setTimeout(() => {
    hung = true;
    toAll("SIGKILL");
  }, PATIENCE);
  const doing = [strike(), rest()];
  const stderr = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
  })();
  for await (const line of lines(child.stdout)) {
    const event = eventOf(line);
    if (!event) continue;
    events.push(event);
    if (event.event !== "step") continue;
    steps++;
    for (const one of waiting) if (one.steps === steps) one.resolve();
  }
  const { code } = await child.status;
  over = true;
  clearTimeout(timer);
  await Promise.all(doing);
  if (end?.kind === "file limit") struck = true;
  await stderr;
  const inputThread = said.includes("input: a thread makes the batches");
  return { code, stderr: said, events, struck, training, listening, paused, hung, inputThread };
}

function spawn({ args, flags, faults: { launcher, end }, checkpointBytes }: Start) {
  const all = [...args, "--json", "--debug"];
  let program = Deno.execPath(),
    given = launcher
      ? [
        ...["run", "--allow-read", "--allow-write", "--allow-env", "--allow-sys=homedir"],
        ...["--allow-run", "--no-prompt", "--quiet", join(root, "src", "launch", "main.ts")],
        ...["run", "cli.ts", ...all],
      ]
      : ["run", "-A", "--quiet", ...flags, join(root, "src/commands/program.ts"), ...all];
  if (end?.kind === "file limit") {
    const blocks = 1 + Math.round(end.room * checkpointBytes / 512);
    const script = `trap "" XFSZ; ulimit -f ${blocks}; exec "$@"`;
    given = ["-c", script, "sh", program, ...given];
    program = "sh";
  }
  return new Deno.Command(program, {
    args: given,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // A new process group, so that all of its processes can be killed together.
    detached: true,
  }).spawn();
}

/**
 * Checks whether a process catches SIGTERM. Deno catches it before it loads modules, but a signal
 * still ends the process until the modules have been loaded.
 *
 * @param pid The id of the process.
 * @returns The answer; undefined on systems that do not provide it.
 */
function listens(pid: number): boolean | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const caught = /^SigCgt:\s*([\da-f]+)/m.exec(status)?.[1];
    return caught === undefined ? undefined : (BigInt(`0x${caught}`) >> 14n & 1n) === 1n;
  } catch {
    return undefined;
  }
}

/** Waits for the temporary file of a checkpoint. */
async function draft(out: string, ended: Promise<void>): Promise<boolean> {
  const folder = join(out, "checkpoints");
  await Deno.mkdir(folder, { recursive: true });
  using watcher = Deno.watchFs(folder, { recursive: false });
  const seen = (async () => {
    for await (const { kind, paths } of watcher) {
      if (kind === "create" && paths.some((path) => basename(path).startsWith("."))) return true;
    }
    return false;
  })();
  return await Promise.race([seen, ended.then(() => false)]);
}

async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

/** Parses an event; undefined for a line that a kill cut off. */
function eventOf(line: string): Event | undefined {
  try {
    const value = JSON.parse(line);
    return typeof value?.event === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
