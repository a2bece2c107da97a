/** The programs that set the native engine up, those that are there. */
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

/** Whether this process may run any of {@linkcode TOOLS}; `deno task pipeline` has others do it. */
export function mayRunTools(): boolean {
  return TOOLS.some((command) =>
    Deno.permissions.querySync({ name: "run", command }).state === "granted"
  );
}
