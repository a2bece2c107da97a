import { memorySize } from "../base/bytes.ts";
import { leftInGroups } from "../base/machine/control_groups.ts";
import type { ReadSystemFile } from "../base/machine/system_file.ts";
import { grantedVariables } from "./granted_within.ts";
import { Refusal } from "./rocket.ts";
import { SystemReader } from "./system_reader.ts";

/** The most memory that a process may take. */
export interface MemoryLimit {
  /** The limit in bytes. */
  readonly bytes: number;
  /**
   * Who has set it: this process, from the available memory; the user; or a sweep, for one of its
   * runs.
   */
  readonly by: "launcher" | "user" | "sweep";
}

/**
 * The part of the available memory that a command may take. The rest is for the time until the
 * launcher has noticed and ended a process, and for other programs.
 */
const PART = 0.9;

let usual: Promise<MemoryLimit | undefined> | undefined;

/**
 * Returns the limit that applies unless the user chooses another one: nine tenths of the memory that
 * was available when this process asked for the first time.
 *
 * @returns The limit; undefined if this system does not tell how much memory a process takes.
 */
export function usualLimit(): Promise<MemoryLimit | undefined> {
  return usual ??= (async () => {
    if (Deno.build.os !== "linux") return undefined;
    using reader = new SystemReader();
    return await limitNow(reader.read, 0);
  })();
}

/**
 * Returns the limit of a command.
 *
 * @param bytes The limit that the user, or a sweep, has set; undefined for the usual one.
 * @returns The limit; undefined if this system does not tell how much memory a process takes.
 * @throws {Refusal} If a limit was set that this system cannot watch.
 */
export async function limitOf(bytes: number | undefined): Promise<MemoryLimit | undefined> {
  const usual = await usualLimit();
  if (bytes === undefined) return usual;
  if (usual) return { bytes, by: Deno.env.has(grantedVariables.within) ? "sweep" : "user" };
  throw new Refusal(
    "--memory needs Linux and the program sh, which reads how much memory a process takes",
  );
}

/**
 * Returns the value of `--memory` in a command line. The process that reads files for the launcher
 * needs this limit before the other arguments are parsed.
 *
 * @param args The arguments.
 * @returns The size in bytes; undefined if there is none, or none that the command accepts.
 */
export function writtenMemory(args: readonly string[]): number | undefined {
  const option = "--memory";
  const at = args.findLastIndex((argument) =>
    argument === option || argument.startsWith(`${option}=`)
  );
  const text = args[at] === option ? args[at + 1] : args[at]?.slice(option.length + 1);
  return text === undefined ? undefined : memorySize(text);
}

/**
 * Returns nine tenths of the memory that a process takes or could take now: on the machine, and
 * within the limits of its Linux control groups.
 *
 * @param read Reads a file of the system.
 * @param used The memory that the process takes already, in bytes.
 */
export async function limitNow(
  read: ReadSystemFile,
  used: number,
): Promise<MemoryLimit | undefined> {
  const available = /^MemAvailable: +(\d+) kB$/m.exec(await read("/proc/meminfo") ?? "")?.[1];
  if (available === undefined) return undefined;
  const left = Math.min(Number(available) * 1024, await leftInGroups(read));
  return { bytes: Math.floor(PART * (used + left)), by: "launcher" };
}
