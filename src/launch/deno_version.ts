/** The oldest version of Deno that runs Rocket. */
export const OLDEST_DENO = "2.8.0";

/**
 * Returns why a version of Deno cannot run Rocket; undefined if it can.
 *
 * @param version The version, such as `2.9.6`.
 */
export function denoProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_DENO.split(".").map(Number) as [number, number];
  if (major > oldestMajor || major === oldestMajor && minor >= oldestMinor) return undefined;
  return `Rocket needs Deno ${OLDEST_DENO} or newer, but this is Deno ${version}: run deno upgrade`;
}
