import { resolve } from "node:path";

/**
 * Returns the folder with TensorFlow that the environment variable `ROCKET_TENSORFLOW` names.
 *
 * @returns The absolute path, or undefined if the variable is not set.
 */
export function givenFolder(): string | undefined {
  const given = Deno.env.get("ROCKET_TENSORFLOW");
  return given ? resolve(given) : undefined;
}
