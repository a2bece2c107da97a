/** A part of a sweep in a process of its own. */
export interface PartOptions {
  /** The arguments for Deno. */
  readonly command: readonly string[];
  /** More of the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Threads of the engine; all processors by default. */
  readonly threads?: number;
  /** Asks it to come to its end. */
  readonly stop: AbortSignal;
  /** Takes each line of its standard output. */
  readonly onLine: (line: string) => void;
  /** Takes what it writes to standard error. */
  readonly onError: (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;
}

/**
 * Runs a part as a process of its own.
 *
 * @param options What it does.
 * @returns Its exit code.
 */
export async function runPart(
  { command, env, threads, stop, onLine, onError }: PartOptions,
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...command],
    env: {
      // The launcher runs the command line where the user stands.
      INIT_CWD: Deno.cwd(),
      ...env,
      ...(threads !== undefined && { TF_NUM_INTRAOP_THREADS: String(threads) }),
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // A terminal's Ctrl-C is for this process, which passes it on once.
    detached: true,
  }).spawn();
  const end = () => {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended in the meantime.
    }
  };
  // It may have been asked for just before.
  if (stop.aborted) end();
  stop.addEventListener("abort", end);
  try {
    const [{ code }] = await Promise.all([
      child.status,
      eachLine(child.stdout, onLine),
      eachChunk(child.stderr, onError),
    ]);
    return code;
  } finally {
    stop.removeEventListener("abort", end);
  }
}

async function eachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
  }
  if (rest !== "") onLine(rest);
}

async function eachChunk(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onChunk: (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>,
): Promise<void> {
  for await (const chunk of stream) await onChunk(chunk);
}

/**
 * Does tasks, several at once, in their order.
 *
 * @param tasks The tasks.
 * @param atOnce How many at once.
 * @param run Does one.
 */
export async function pool<Task>(
  tasks: readonly Task[],
  atOnce: number,
  run: (task: Task) => Promise<void>,
): Promise<void> {
  const left = tasks.values();
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (const task of left) await run(task);
  }));
}
