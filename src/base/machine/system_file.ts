/**
 * Reads files under `/proc` and `/sys`, in which Linux describes the machine. Deno hides them from
 * all processes without full permissions. The launcher therefore reads them through another program
 * and passes the needed values on in environment variables.
 *
 * @module
 */

/**
 * Reads a file of the system. The result is undefined if the file does not exist or cannot be read.
 */
export type ReadSystemFile = (path: string) => Promise<string | undefined>;

/** The environment variables in which the launcher passes values on to a run. */
export const handedOver = {
  /** The most memory that the run may take, in bytes; not set if the launcher sets no limit. */
  memory: "ROCKET_MEMORY_LEFT",
  /** The line of `/proc/cpuinfo` that lists the features of the processor. */
  processor: "ROCKET_PROCESSOR",
  /** Set if the launcher expects marked exit codes. */
  exit: "ROCKET_EXIT",
  /** Whether the command loads custom code: {@linkcode NO_CODE}, or another text. */
  code: "ROCKET_CODE",
  /** What a closed terminal does: it ends the command (`heard`), or nothing (`ignored`). */
  hangup: "ROCKET_HANGUP",
  /** The processes that train together, as JSON; not set for a run of one process. */
  cluster: "ROCKET_CLUSTER",
} as const;

/** The value of the variable `ROCKET_CODE` for a command without custom code. */
export const NO_CODE = "none";

/** Reads a file of the system directly, which requires full permissions. */
export const readSystemFile: ReadSystemFile = (path) =>
  Deno.readTextFile(path).catch(() => undefined);

/**
 * The shell. Its path is absolute: a name could lead to a program in the current folder, if `PATH`
 * contains it.
 */
export const SHELL = "/bin/sh";

/**
 * Returns a command of the shell that prints a file, with nothing but built-in commands.
 *
 * @param variable The name of the variable with the path.
 */
export const printingOf = (variable: string): string =>
  `while IFS= read -r line; do printf '%s\\n' "$line"; done < "$${variable}"`;

/**
 * Reads a file of the system through a shell, which requires the permission to start programs.
 *
 * @param path The file.
 */
export const readByProgram: ReadSystemFile = async (path) => {
  try {
    const args = ["-c", printingOf("1"), "sh", path];
    const { success, stdout } = await new Deno.Command(SHELL, { args, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Returns a value that the launcher passed to this process in an environment variable.
 *
 * @param name The name of the environment variable.
 * @returns The value; `undefined` if the variable is not set or may not be read.
 */
export function handed(name: typeof handedOver[keyof typeof handedOver]): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

/**
 * Finds the line of `/proc/cpuinfo` that lists the instruction sets that the processor supports:
 * `flags`, or `Features` on ARM.
 *
 * @param cpuinfo The text of `/proc/cpuinfo`.
 */
export function featureLine(cpuinfo: string): string | undefined {
  return /^(?:flags|Features)\s*:.*$/m.exec(cpuinfo)?.[0];
}
