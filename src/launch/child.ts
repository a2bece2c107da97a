import { constants } from "node:os";
import type { MemoryLimit } from "./memory_limit.ts";
import { MemoryWatch, reportExceeded } from "./memory_watch.ts";
import { passSignalsTo, receivedSignal } from "./signals.ts";

/** The options of running a child process. */
export interface ChildOptions {
  /** The folder to run in; the project's folder by default. */
  readonly cwd?: string;
  /** Environment variables that are added to those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether to show the child's standard error (`inherit`, the default) or to discard it. */
  readonly stderr?: "inherit" | "null";
  /** The time in milliseconds after which the child is killed; unlimited by default. */
  readonly patience?: number;
  /** The most memory that the child may take; unlimited by default. */
  readonly memory?: Promise<MemoryLimit | undefined>;
  /** Called with chunks of the child's standard output, which is shown by default. */
  readonly onOutput?: (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>;
  /** Called with chunks of the child's standard error. */
  readonly onError?: (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>;
}

/**
 * Makes glibc request huge memory pages, which speed up lookups in large embedding tables. Other
 * systems ignore the variable.
 */
const HUGE_PAGES = { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" };

/** Keeps Deno from asking its server for updates, because a run has no network access. */
const NO_UPDATE_CHECK = { DENO_NO_UPDATE_CHECK: "1" };

/** The way in which a child process ended. */
export interface ChildEnd {
  /** The exit code; 128 and the signal's number if a signal ended it. */
  readonly code: number;
  /** The signal that ended the child, or that this process received before starting it. */
  readonly signal: Deno.Signal | null;
  /** Whether the child was killed because of its memory, which was reported. The code is 1 then. */
  readonly isTooLarge?: true;
}

/**
 * Runs Deno with the standard input, output and error of this process, and waits until it ends.
 * Signals are forwarded, and the child decides how it ends, since it may have a checkpoint to
 * write. After a signal, no other child is started.
 *
 * @param args The arguments for Deno.
 * @param options The folder, the environment, and callbacks for the output.
 */
export async function runChild(
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildEnd> {
  const before = receivedSignal();
  if (before !== undefined) return { code: codeOf(before), signal: before };
  // `deno task` passes the user's folder in INIT_CWD and keeps an existing value. The child already
  // runs in the right folder, and a `deno task` that it starts must set its own value. NODE_OPTIONS
  // can make Deno load modules (`--require`) which are not part of Rocket.
  const { INIT_CWD: _, NODE_OPTIONS: __, ...own } = Deno.env.toObject();
  const env = { ...HUGE_PAGES, ...NO_UPDATE_CHECK, ...own };
  const { cwd, onOutput, onError, stderr = "inherit", patience, memory } = options;
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { ...env, ...options.env },
    clearEnv: true,
    stdin: "inherit",
    stdout: onOutput ? "piped" : "inherit",
    stderr: onError ? "piped" : stderr,
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  using _passing = passSignalsTo(child);
  using watch = memory && new MemoryWatch(child, memory);
  const late = patience === undefined
    ? undefined
    : setTimeout(() => child.kill("SIGKILL"), patience);
  using _late = { [Symbol.dispose]: () => clearTimeout(late) };
  await Promise.all([
    onOutput && eachChunk(child.stdout, onOutput),
    onError && eachChunk(child.stderr, onError),
  ]);
  const { code, signal } = await child.status;
  if (watch?.exceeded && signal === "SIGKILL") {
    reportExceeded(watch.exceeded);
    return { code: 1, signal: null, isTooLarge: true };
  }
  return { code, signal };
}

/** Returns the exit code of a process that a signal ended: 128 and the number of the signal. */
const codeOf = (signal: Deno.Signal): number =>
  128 + (constants.signals as Readonly<Partial<Record<Deno.Signal, number>>>)[signal]!;

async function eachChunk(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>,
): Promise<void> {
  for await (const chunk of stream) await take(chunk);
}

/**
 * Runs Deno like {@linkcode runChild} and returns only the exit code.
 *
 * @param args The arguments for Deno.
 * @param options The folder, the environment, and callbacks for the output.
 * @returns The exit code. If a signal ended the child or prevented its start, this is 128 plus the
 *   number of the signal.
 */
export async function runDeno(
  args: readonly string[],
  options?: ChildOptions,
): Promise<number> {
  return (await runChild(args, options)).code;
}
