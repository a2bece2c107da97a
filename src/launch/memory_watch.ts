import { formatBytes } from "../base/bytes.ts";
import { logLine } from "./log_line.ts";
import { limitNow, type MemoryLimit } from "./memory_limit.ts";
import { SystemReader } from "./system_reader.ts";

/** The memory in bytes that a thread can take per second, by a generous estimate. */
const RATE = 4e9;

/** The shortest and the longest time between two looks at the memory, in milliseconds. */
const SHORTEST = 10, LONGEST = 5_000;

/**
 * Returns the shortest time in which a process can reach its memory limit. The memory of the
 * process need not be read again before this time has passed.
 *
 * @param left The memory between what the process takes and the limit, in bytes.
 * @param threads The number of threads that can take memory at the same time.
 * @returns The time in milliseconds, between 10 and 5,000.
 */
export function timeToLimit(left: number, threads: number): number {
  return Math.min(LONGEST, Math.max(SHORTEST, left / (RATE * threads) * 1000));
}

/**
 * Watches the memory of a child process from outside, since the child may be busy in native code,
 * and kills it when it takes more than a limit. A limit that was not chosen by the user is raised if
 * more memory has become available in the meantime.
 */
export class MemoryWatch implements Disposable {
  readonly #child: Deno.ChildProcess;
  #wake: (() => void) | undefined;
  #ended = false;
  #exceeded: MemoryLimit | undefined;

  /**
   * Starts watching.
   *
   * @param child The child process.
   * @param limit The limit; undefined if there is none on this system.
   */
  constructor(child: Deno.ChildProcess, limit: Promise<MemoryLimit | undefined>) {
    this.#child = child;
    this.#watch(limit);
  }

  /** The limit that the child has exceeded; undefined if it has not. */
  get exceeded(): MemoryLimit | undefined {
    return this.#exceeded;
  }

  async #watch(known: Promise<MemoryLimit | undefined>): Promise<void> {
    let limit = await known;
    if (!limit || this.#ended) return;
    using reader = new SystemReader();
    const page = await pageSize(reader);
    const threads = navigator.hardwareConcurrency;
    while (page && !this.#ended) {
      // SIZE RESIDENT SHARED …, in pages.
      const statm = await reader.read(`/proc/${this.#child.pid}/statm`);
      if (statm === undefined) return;
      const used = Number(statm.split(" ")[1]) * page;
      if (used > limit.bytes && limit.by === "launcher") {
        const now: MemoryLimit | undefined = await limitNow(reader.read, used);
        if (now && now.bytes > limit.bytes) limit = now;
      }
      if (used > limit.bytes && !this.#ended) return this.#kill(limit);
      await this.#sleep(timeToLimit(limit.bytes - used, threads));
    }
  }

  #kill(limit: MemoryLimit): void {
    try {
      this.#child.kill("SIGKILL");
      this.#exceeded = limit;
    } catch {
      // The child has already ended.
    }
  }

  async #sleep(time: number): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, time);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Stops watching, after the child has ended. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.#wake?.();
  }
}

/** Returns the size of a page of memory, in bytes, by comparing two files about the shell. */
async function pageSize({ read }: SystemReader): Promise<number | undefined> {
  const pages = (await read("/proc/self/statm"))?.split(" ")[1];
  const size = /^VmRSS:\s+(\d+) kB$/m.exec(await read("/proc/self/status") ?? "")?.[1];
  if (pages === undefined || size === undefined) return undefined;
  // It is a power of 2. The shell may have taken another page in between.
  return 2 ** Math.round(Math.log2(Number(size) * 1024 / Number(pages)));
}

/**
 * Prints that a process was ended because of its memory.
 *
 * @param limit The limit that it has exceeded.
 */
export function reportExceeded({ bytes, by }: MemoryLimit): void {
  const double = formatBytes(2 * bytes).replace(" ", "");
  const [which, advice] = {
    launcher: [
      "nine tenths of what is available",
      "read less data at a time, use smaller batches or nets, or end other programs; --memory sets another limit",
    ],
    user: [
      "the limit that --memory sets",
      `if you trust the files that it reads, set a larger limit, such as --memory ${double}`,
    ],
    sweep: [
      "its part of the sweep's limit",
      "run fewer runs at once, such as with --jobs 1, or set a larger limit with --memory",
    ],
  }[by];
  // A line of progress may not be complete.
  if (Deno.stderr.isTerminal()) logLine("");
  logLine(
    `error: the command took more than ${formatBytes(bytes)} of memory, ${which}: it was ended`,
  );
  logLine(` hint: ${advice}`);
}
