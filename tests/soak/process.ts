import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Disk } from "./disk.ts";
import type { Faults, Moment } from "./faults.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** How long a process may live. */
const PATIENCE = 240_000;

/** A line of `--json`. */
export interface Event {
  readonly event: string;
  readonly job?: string;
  readonly step?: number;
  readonly resumed?: { readonly step: number };
}

/** What is started. */
export interface Start {
  /** Arguments of the command line. */
  readonly args: readonly string[];
  /** How Deno finds the project's modules. */
  readonly flags: readonly string[];
  /** The run folder. */
  readonly out: string;
  /** What is done to it. */
  readonly faults: Faults;
  /** Where it writes. */
  readonly disk: Disk;
  /** The bytes of a checkpoint. */
  readonly checkpointBytes: number;
}

/** How a process ended. */
export interface Ended {
  readonly code: number;
  readonly stderr: string;
  readonly events: readonly Event[];
  /** Whether its fault came before its end. */
  readonly struck: boolean;
  /** Whether training had begun by then. */
  readonly training: boolean;
  /** Whether it surely listened to signals by then: it had said something. */
  readonly listening: boolean;
  /** Whether it was stopped and continued. */
  readonly paused: boolean;
  /** Whether it had to be killed, as it did not end. */
  readonly hung: boolean;
  /** Whether an input thread made its batches. */
  readonly inputThread: boolean;
}

/**
 * Runs the command line, and does to it what is to be done.
 *
 * @param start What is started.
 */
export async function runProcess(start: Start): Promise<Ended> {
  const { faults: { pause, end }, disk, out, checkpointBytes } = start;
  const child = spawn(start);
  const events: Event[] = [];
  let steps = 0, over = false, struck = false, training = false, paused = false, hung = false;
  let listening = false, said = "";
  const waiting: { steps: number; resolve: () => void }[] = [];
  const ended = new Promise<void>((resolve) => void child.status.then(() => resolve()));
  /** Resolves at a moment of the process, or at its end. */
  const at = async ({ steps: wanted, milliseconds }: Moment) => {
    const reached = new Promise<void>((resolve) => {
      if (steps >= wanted) resolve();
      else waiting.push({ steps: wanted, resolve });
    });
    await Promise.race([reached, ended]);
    await Promise.race([sleep(milliseconds), ended]);
  };
  /** To the process and all that it has started. */
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
      : ["run", "-A", "--quiet", ...flags, join(root, "cli.ts"), ...all];
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
    // A group of its own, all of which can be killed at once.
    detached: true,
  }).spawn();
}

/**
 * Whether a process, or Deno itself, has begun to catch SIGTERM: Deno does before it loads modules,
 * and dies of it all the same until these have been loaded.
 *
 * @param pid The process.
 * @returns Undefined where the system does not tell.
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

/** An event; a line that was cut off by a kill is none. */
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
