import { delimiter, isAbsolute, join } from "node:path";
import { isFile } from "./files.ts";

/** How a command ended. */
export interface CommandResult {
  /** Whether it ended with code 0. */
  readonly success: boolean;
  /** What it wrote to both of its outputs, in the order of arrival. */
  readonly output: string;
  /** The signal that ended it, such as `SIGILL`, if one did. */
  readonly signal: string | null;
}

/** How to run a command. */
export interface CommandOptions {
  /** The folder to run in. */
  readonly cwd?: string;
  /** Environment variables set on top of this process's own. */
  readonly env?: Record<string, string>;
  /** Called with each line of output as soon as it is whole. */
  readonly onLine?: (line: string) => void;
  /** Ends the command. */
  readonly abort?: AbortSignal;
}

/**
 * Looks a command up in PATH, as a shell would.
 *
 * @param name The command's name, or an absolute path.
 * @returns Its path, or undefined if there is none.
 */
export async function findCommand(name: string): Promise<string | undefined> {
  const suffixes = Deno.build.os === "windows" ? [".exe", ".cmd", ""] : [""];
  const folders = isAbsolute(name) ? [""] : (Deno.env.get("PATH") ?? "").split(delimiter);
  for (const folder of folders) {
    for (const suffix of suffixes) {
      const path = (folder ? join(folder, name) : name) + suffix;
      if (await isFile(path)) return path;
    }
  }
  return undefined;
}

/**
 * Runs a command to its end, without input.
 *
 * @param command The command and its arguments.
 * @param options Folder, environment, and who is told of each line.
 * @returns How it ended; a command that could not be started counts as one that failed.
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
