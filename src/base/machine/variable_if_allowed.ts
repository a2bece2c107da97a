/**
 * Returns the value of an environment variable that this process may not be allowed to read.
 *
 * @param name The name of the variable.
 * @returns The value; undefined if the variable is not set or may not be read.
 */
export function variableIfAllowed(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
