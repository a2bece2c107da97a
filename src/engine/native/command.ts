import { posix, win32 } from "node:path";
import type { OperatingSystem } from "../../base/machine/end_signals.ts";
import { isFile } from "./files.ts";

/** The result of a command: whether it succeeded, and its output. */
export interface CommandResult {
  /** Whether the command ended with exit code 0. */
  readonly success: boolean;
  /** The command's standard output and standard error, in the order of arrival. */
  readonly output: string;
  /** The signal that ended the command, such as `SIGILL`, or null. */
  readonly signal: string | null;
}

/** Options for running a command in a child process. */
export interface CommandOptions {
  /** The folder to run in. */
  readonly cwd?: string;
  /** Environment variables in addition to those of this process. */
  readonly env?: Record<string, string>;
  /** Called with each complete line of output. */
  readonly onLine?: (line: string) => void;
  /** A signal that ends the command. */
  readonly abort?: AbortSignal;
}

/**
 * Finds a command in PATH, like a shell.
 *
 * @param name The command's name, or an absolute path.
 * @returns Its path, or undefined if it is not found.
 */
export async function findCommand(name: string): Promise<string | undefined> {
  for (const path of commandPaths(name, Deno.build.os, Deno.env.get("PATH") ?? "")) {
    if (await isFile(path)) return path;
  }
  return undefined;
}

/**
 * Lists the paths at which a command may be found, in the order in which a shell looks for it.
 *
 * @param name The command's name, or an absolute path.
 * @param os The operating system.
 * @param folders The value of PATH.
 */
export function commandPaths(name: string, os: OperatingSystem, folders: string): string[] {
  const { delimiter, isAbsolute, join } = os === "windows" ? win32 : posix;
  const suffixes = os === "windows" ? [".exe", ".cmd", ""] : [""];
  const paths = isAbsolute(name)
    ? [name]
    : folders.split(delimiter).map((folder) => folder ? join(folder, name) : name);
  return paths.flatMap((path) => suffixes.map((suffix) => path + suffix));
}

/**
 * Runs a command without input and waits for its end.
 *
 * @param command The command and its arguments.
 * @param options The folder, the environment, and the listener for lines of output.
 * @returns The result. A command that cannot be started counts as failed.
 */
export async function runCommand(
  command: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [program = "", ...args] = command;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      ...options.cwd === undefined ? {} : { cwd: options.cwd },
      ...options.abort === undefined ? {} : { signal: options.abort },
      env: options.env ?? {},
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    return {
      success: false,
      output: error instanceof Error ? error.message : `${error}`,
      signal: null,
    };
  }
  let output = "";
  const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop() ?? "";
      lines.forEach((line) => options.onLine?.(line));
    }
  };
  const [status] = await Promise.all([child.status, read(child.stdout), read(child.stderr)]);
  return { success: status.success, output, signal: status.signal };
}
