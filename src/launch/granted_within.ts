/**
 * Limits the permissions of a sweep's parts to those of its check, which were shown to the user.
 * Without this limit, a pipeline in TypeScript could name other folders and hosts each time it is
 * evaluated.
 *
 * @module
 */

import { isInside } from "../base/files/holds_path.ts";
import { targetOf } from "../base/files/target_of.ts";
import type { Need, Permission } from "../base/machine/permissions.ts";
import { printable } from "../base/printable.ts";

/**
 * The environment variables that limit the permissions of a sweep's parts to those of the sweep's
 * check. Each contains the path of a file with permissions. The first process of a sweep sets them
 * for the launchers of the parts.
 */
export const grantedVariables = {
  /** The launcher writes the permissions that it grants to this file. */
  keep: "ROCKET_KEEP_GRANTED",
  /** The launcher grants at most the permissions in this file. */
  within: "ROCKET_GRANTED_WITHIN",
} as const;

/** The permissions that were granted to a command line. */
export interface Granted {
  /** The permissions. */
  readonly permissions: readonly Need[];
  /** Whether code other than Rocket's runs with these permissions. */
  readonly hasCode: boolean;
}

/**
 * Folders that a part of a sweep may use even if the check of the sweep needed no permission for
 * them.
 */
export interface OwnOfPart {
  /** The folder for temporary files. */
  readonly temporary: string;
  /** The value of `--out`, which is the sweep's folder and may be a link. */
  readonly out?: string | undefined;
}

/** The permissions whose values are paths. A permission for a folder includes its content. */
const ofPaths: ReadonlySet<Permission> = new Set(["read", "write", "ffi"]);

/**
 * Checks whether a part of a sweep needs permissions that the check of the sweep did not have.
 *
 * @param part The permissions that the part needs.
 * @param check The permissions of the check.
 * @param own The folders that differ from part to part.
 * @returns The error message; undefined if the part needs no other permissions.
 */
export function beyondCheck(
  part: Granted,
  check: Granted,
  { temporary, out }: OwnOfPart,
): string | undefined {
  const covers = (granted: Need, { permission, of }: Need) =>
    granted.permission === permission &&
    (granted.of === of || ofPaths.has(permission) && isInside(granted.of, of));
  const known = (need: Need) => check.permissions.some((granted) => covers(granted, need));
  const own = [temporary, targetOf(temporary)];
  if (out !== undefined && known({ permission: "write", of: out, why: "" })) {
    own.push(targetOf(out));
  }
  const beyond = part.permissions.filter((need) =>
    !known(need) && !(ofPaths.has(need.permission) && own.some((of) => isInside(of, need.of)))
  ).map(({ permission, of }) => `${permission} ${printable(of)}`);
  if (part.hasCode && !check.hasCode) beyond.push("code other than Rocket's");
  if (beyond.length === 0) return undefined;
  return `a pipeline of the sweep needs permissions that it did not need when the sweep was checked: ${
    beyond.join(", ")
  }; make the pipeline name the same files, hosts and code each time`;
}
