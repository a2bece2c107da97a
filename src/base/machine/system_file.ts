/**
 * Files in which Linux tells of the machine, under `/proc` and `/sys`. Deno keeps them from every
 * process that may not do everything, whatever it may read. So the launcher reads them, by another
 * program, and hands over what a run asks for in variables of the environment.
 *
 * @module
 */

/**
 * Reads a file of the system: its text, or `undefined` where it is not there or may not be read.
 */
export type ReadSystemFile = (path: string) => Promise<string | undefined>;

/** The variables by which the launcher hands over what it has read. */
export const handedOver = {
  /** The bytes that control groups leave; not set without a limit. */
  memory: "ROCKET_MEMORY_LEFT",
  /** The line of `/proc/cpuinfo` with what the processor can do. */
  processor: "ROCKET_PROCESSOR",
} as const;

/** Reads a file of the system as a process may that may do everything. */
export const readSystemFile: ReadSystemFile = (path) =>
  Deno.readTextFile(path).catch(() => undefined);

/**
 * Reads a file of the system as a process may that may start programs.
 *
 * @param path The file.
 */
export const readByProgram: ReadSystemFile = async (path) => {
  try {
    const { success, stdout } = await new Deno.Command("cat", { args: [path], stderr: "null" })
      .output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
};

/**
 * What the launcher has handed over.
 *
 * @param name The variable.
 * @returns Its value; `undefined` if nobody has handed it over, or it may not be read.
 */
export function handed(name: typeof handedOver[keyof typeof handedOver]): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

/**
 * The line with the processor's features, which ARM names otherwise.
 *
 * @param cpuinfo The text of `/proc/cpuinfo`.
 */
export function featureLine(cpuinfo: string): string | undefined {
  return /^(?:flags|Features)\s*:.*$/m.exec(cpuinfo)?.[0];
}
