/**
 * Formats the permissions of a process for Deno and for users. This module imports no packages.
 *
 * @module
 */

import { printable } from "../printable.ts";

/** The kinds of permissions that Rocket can grant to a run. */
export const PERMISSIONS = ["read", "write", "net", "import", "env", "sys", "ffi", "run"] as const;

/** A kind of permission in Deno, such as `read`. */
export type Permission = typeof PERMISSIONS[number];

/** A permission that a run needs, with its value and the reason. */
export interface Need {
  /** The permission. */
  readonly permission: Permission;
  /** The path, host, environment variable or name that the permission is for. */
  readonly of: string;
  /** The reason why the run needs it. */
  readonly why: string;
  /**
   * Whether the line about permissions mentions the value. It does so for a variable that the
   * pipeline reads, a folder that contains the home folder, and the target of a link.
   */
  readonly mentioned?: boolean;
  /** The native code that a permission for native code is for, as the line names it. */
  readonly library?: string;
}

/**
 * A host that does not exist (RFC 2606). Rocket grants imports from this host to processes that
 * must not import from any server. If it granted none, Deno would allow imports from some servers
 * by default.
 */
export const NOWHERE = "rocket.invalid:443";

/**
 * Returns the host and the port of an address in the form of Deno's permissions.
 *
 * @param url An `http:` or `https:` address.
 */
export function permissionHost({ host, hostname, port, protocol }: URL): string {
  return port ? host : `${hostname}:${protocol === "http:" ? 80 : 443}`;
}

/** Returns the registry of `jsr:` specifiers: `JSR_URL` if it is set, or jsr.io, as in Deno. */
export function jsrRegistry(): URL {
  const own = Deno.env.get("JSR_URL");
  return new URL(own && URL.canParse(own) ? own : "https://jsr.io/");
}

/**
 * Converts permissions to a set for a `deno.json`, for use with `deno run -P`. Unlike on a command
 * line, paths may contain commas, and their number is not limited. Code may only be loaded from the
 * listed servers.
 *
 * @param permissions The permissions that the process needs.
 */
export function permissionSet(permissions: readonly Need[]): Record<string, readonly string[]> {
  const groups = Map.groupBy(permissions, ({ permission }) => permission);
  const granted = Array.from(
    groups,
    ([name, needs]) => [name, [...new Set(needs.map(({ of }) => of))]] as const,
  );
  return { import: [NOWHERE], ...Object.fromEntries(granted) };
}

/**
 * Converts permissions to flags of Deno, one flag per kind of permission.
 *
 * @param permissions The permissions that the process needs.
 * @returns The flags; undefined if a value contains a comma, which Deno reads as a separator.
 */
export function flagsOf(permissions: readonly Need[]): string[] | undefined {
  if (permissions.some(({ of }) => of.includes(","))) return undefined;
  // No file has such a name, and no argument can contain it.
  const possible = permissions.filter(({ of }) => !of.includes("\0"));
  return Object.entries(permissionSet(possible)).map(([name, values]) =>
    `--allow-${name}=${values.join(",")}`
  );
}

/**
 * Summarizes the permissions of a run in one line.
 *
 * @param permissions The permissions of the run.
 * @param hasCode Whether the pipeline uses code other than Rocket's. Such code can call loaded
 *   native code, which Deno's permissions do not restrict.
 * @param listens The address on which TensorFlow listens, if it does.
 */
export function permissionsLine(
  permissions: readonly Need[],
  hasCode = false,
  listens?: string,
): string {
  const of = (permission: Need["permission"]) =>
    permissions.filter((need) => need.permission === permission);
  const named = (needs: readonly Need[]) => needs.map(({ of }) => inLine(of));
  const hosts = [...new Set(named([...of("net"), ...of("import")]))];
  const native = of("ffi").map(({ library }) => library ?? "other libraries");
  const variables = named(of("env").filter(({ mentioned }) => mentioned));
  const homes = named(of("read").filter(({ mentioned }) => mentioned));
  const writes = named(of("write"));
  return printable([
    `permissions: read ${of("read").length} folders` +
    (homes.length > 0 ? ` including ${homes.join(" and ")}` : ""),
    writes.length > 0 ? `write ${writes.join(" and ")}` : "write nothing",
    ...(variables.length > 0
      ? [`variable${variables.length > 1 ? "s" : ""} ${variables.join(" and ")}`]
      : []),
    hosts.length > 0 ? `network ${hosts.join(" and ")}` : "no network",
    ...(listens === undefined
      ? []
      : [`TensorFlow listens on ${inLine(listens)} outside of these permissions`]),
    native.length === 0
      ? "no native code"
      : `native code of ${[...new Set(native)].join(" and ")}` +
        (hasCode ? ": plugins are not restricted" : ""),
    of("run").length > 0 ? "Deno processes" : "no other programs",
    `${hasCode ? "custom code" : "no custom code"} (--permissions lists all)`,
  ].join(", "));
}

/** Letters, digits and marks; the marks of Japanese words are modifier letters to Unicode. */
const WORD = "\\p{Lu}\\p{Ll}\\p{Lt}\\p{Lo}\\p{M}\\p{N}\\u3005\\u303b\\u309d\\u309e\\u30fc-\\u30fe";

/** Names that need no quotes. */
const PLAIN = new RegExp(`^[${WORD}/\\\\._:@+~#%=*[\\]-]+$`, "u");

/**
 * Characters that could look like punctuation of the line, such as U+201A, which resembles a comma.
 * A mark without a letter is one of them: on a space, U+030B resembles a quote.
 */
const MISLEADING = new RegExp(`[^\\x20-\\x7e${WORD}]|(?<![\\p{L}\\p{M}])\\p{M}`, "gu");

/**
 * Quotes a name that could be read as other words of the line, such as a folder that is called
 * `a, write nothing, no network`.
 */
const inLine = (name: string): string =>
  (PLAIN.test(name) ? name : JSON.stringify(name)).replace(
    MISLEADING,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
