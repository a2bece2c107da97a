/**
 * The options of {@linkcode runPart}, such as the number of threads and the functions that receive
 * the output of the process.
 */
export interface PartOptions {
  /** The arguments for Deno. */
  readonly command: readonly string[];
  /** Environment variables that are added to those of this process. */
  readonly env: Readonly<Record<string, string>>;
  /** The number of the engine's threads; one per processor by default. */
  readonly threads?: number;
  /** Aborted to make the process end. */
  readonly stop: AbortSignal;
  /** Called with each line of the standard output. */
  readonly onLine: (line: string) => void;
  /** Called with the bytes of the standard error. */
  readonly onError: (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;
}

/**
 * Runs one part of a sweep in a child process, such as the training of one setting with one seed.
 *
 * @param options The command, its environment, and callbacks for its output.
 * @returns The exit code of the process.
 */
export async function runPart(
  { command, env, threads, stop, onLine, onError }: PartOptions,
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...command],
    env: {
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
      // The process has already ended.
    }
  };
  // The signal may have been aborted before the process started.
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

/** The length from which on a line cannot be an event, so that the rest of it is left out. */
const LONGEST = 2 ** 24;

/** Reads lines. A stage may print a line without an end. */
async function eachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  let parts: string[] = [], length = 0;
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    for (const [index, piece] of text.split("\n").entries()) {
      if (index > 0) {
        onLine(parts.join(""));
        [parts, length] = [[], 0];
      }
      if (length < LONGEST) parts.push(piece);
      length += piece.length;
    }
  }
  if (length > 0) onLine(parts.join(""));
}

async function eachChunk(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onChunk: (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>,
): Promise<void> {
  for await (const chunk of stream) await onChunk(chunk);
}

/**
 * Starts tasks in the given order and runs several of them at the same time.
 *
 * @param tasks The tasks.
 * @param atOnce The number of tasks to run at once.
 * @param run Runs one task.
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
