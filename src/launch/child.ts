import { passSignalsTo, receivedSignal } from "./signals.ts";

/** How a child is run. */
export interface ChildOptions {
  /** The folder to run in; the project's folder by default. */
  readonly cwd?: string;
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether what it writes to standard error is passed on, as it is by default. */
  readonly stderr?: "inherit" | "null";
  /** After how many milliseconds it is ended. */
  readonly patience?: number;
  /** Takes what the child writes to standard output; it is passed on by default. */
  readonly onOutput?: (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>;
  /** Takes what the child writes to standard error. */
  readonly onError?: (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>;
}

/**
 * Lets glibc ask for large pages of memory: looking rows up in a large embedding table takes less
 * time where one page holds many of them. Other systems do not know the name.
 */
const HUGE_PAGES = { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" };

/** How a child ended. */
export interface ChildEnd {
  /** The exit code; 128 and the signal's number if a signal ended it. */
  readonly code: number;
  /** The signal that ended it, or that this process had received before it was started. */
  readonly signal: Deno.Signal | null;
}

/**
 * Runs Deno with standard input, output and errors of this process, and waits for its end. Signals
 * are passed on, and the child decides what they mean: it may have a checkpoint to write. After
 * one, no other child is started.
 *
 * @param args The arguments for Deno.
 * @param options The folder, and what takes the output.
 */
export async function runChild(
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildEnd> {
  const before = receivedSignal();
  if (before !== undefined) return { code: before === "SIGINT" ? 130 : 143, signal: before };
  // `deno task` says where the user stands by INIT_CWD, and keeps one that is there already. The
  // child stands in the right place; a `deno task` that it starts should not hear of this one's.
  const { INIT_CWD: _, ...own } = Deno.env.toObject();
  const env = { ...HUGE_PAGES, ...own };
  const { cwd, onOutput, onError, stderr = "inherit", patience } = options;
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
  const late = patience === undefined
    ? undefined
    : setTimeout(() => child.kill("SIGKILL"), patience);
  using _late = { [Symbol.dispose]: () => clearTimeout(late) };
  await Promise.all([
    onOutput && eachChunk(child.stdout, onOutput),
    onError && eachChunk(child.stderr, onError),
  ]);
  const { code, signal } = await child.status;
  return { code, signal };
}

async function eachChunk(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  take: (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>,
): Promise<void> {
  for await (const chunk of stream) await take(chunk);
}

/**
 * As {@linkcode runChild}, for the exit code alone.
 *
 * @param args The arguments for Deno.
 * @param options The folder, and what takes the output.
 * @returns The exit code; 128 and the signal's number for a child that a signal ended, or kept from
 *   its start.
 */
export async function runDeno(
  args: readonly string[],
  options?: ChildOptions,
): Promise<number> {
  return (await runChild(args, options)).code;
}
