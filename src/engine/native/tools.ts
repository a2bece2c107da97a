/** The programs that can be used to set up the native engine. Not all of them must be installed. */
export const TOOLS: readonly string[] = [
  "c++",
  "g++",
  "clang++",
  "python3",
  "pip3",
  "pip",
  "python",
  "uvx",
];

/**
 * Checks whether this process may run any of the commands in {@linkcode TOOLS}, which set up the
 * native engine. The process of a command may not run them: the launcher starts another process for
 * the set-up.
 */
export function mayRunTools(): boolean {
  return TOOLS.some((command) =>
    Deno.permissions.querySync({ name: "run", command }).state === "granted"
  );
}
