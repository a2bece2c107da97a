// @ts-types="npm:@types/semver@^7.7.0/functions/satisfies.d.ts"
import satisfies from "semver/functions/satisfies.js";
// @ts-types="npm:@types/semver@^7.7.0/ranges/valid.d.ts"
import validRange from "semver/ranges/valid.js";
import { ROCKET_VERSION } from "../base/package.ts";

/**
 * Checks whether a text is a range of versions in the notation of npm, such as `^0.1`.
 *
 * @param range The text.
 */
export function isVersionRange(range: string): boolean {
  return validRange(range) !== null;
}

/**
 * Checks whether a range of versions contains a version of Rocket. A prerelease counts as a version
 * before its release.
 *
 * @param range The range, such as `^0.1`.
 * @param version The version; this one by default.
 */
export function containsRocket(range: string, version: string = ROCKET_VERSION): boolean {
  return satisfies(version, range, { includePrerelease: true });
}
