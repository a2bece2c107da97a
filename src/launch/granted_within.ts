/**
 * What the parts of a sweep may do: no more than its check, of which the person was told. Pipelines
 * in TypeScript may name something else each time.
 *
 * @module
 */

import { isInside } from "../base/files/holds_path.ts";
import type { Need, Permission } from "../base/machine/permissions.ts";
import { printable } from "../base/printable.ts";

/**
 * The variables by which the first process of a sweep names a file to the launchers of its parts.
 */
export const grantedVariables = {
  /** The launcher writes to the file what it grants. */
  keep: "ROCKET_KEEP_GRANTED",
  /** The launcher grants no more than what is in the file. */
  within: "ROCKET_GRANTED_WITHIN",
} as const;

/** What a command line is granted. */
export interface Granted {
  /** The permissions. */
  readonly permissions: readonly Need[];
  /** Whether code that is not Rocket's runs with them. */
  readonly hasCode: boolean;
}

/** What a part of a sweep has for its own. */
export interface OwnOfPart {
  /** Its folder for temporary files. */
  readonly temporary: string;
  /** Its `--out`: the sweep's folder, which may be a link of the person's. */
  readonly out?: string | undefined;
}

/** Permissions of files and folders, which hold for what is in these. */
const ofPaths: ReadonlySet<Permission> = new Set(["read", "write", "ffi"]);

/**
 * What a part of a sweep names beyond what its check has named.
 *
 * @param part What the part needs.
 * @param check What its check had.
 * @param own What differs from part to part.
 * @returns A sentence for the person, if there is anything.
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
  if (part.hasCode && !check.hasCode) beyond.push("code that is not Rocket's");
  if (beyond.length === 0) return undefined;
  return `a pipeline of the sweep names more than when it was checked, and than the line about permissions tells: ${
    beyond.join(", ")
  }; let it name the same each time`;
}

function targetOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
