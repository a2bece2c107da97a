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
 * Checks whether this process may run any of {@linkcode TOOLS}. In `deno task pipeline`, another
 * process runs them.
 */
export function mayRunTools(): boolean {
  return TOOLS.some((command) =>
    Deno.permissions.querySync({ name: "run", command }).state === "granted"
  );
}
