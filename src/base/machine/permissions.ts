/**
 * Permissions of a process, as Deno is told of them and as a person is. It needs no package.
 *
 * @module
 */

import { printable } from "../printable.ts";

/** The permissions that a run may have. */
export const PERMISSIONS = ["read", "write", "net", "import", "env", "sys", "ffi", "run"] as const;

/** A permission of Deno. */
export type Permission = typeof PERMISSIONS[number];

/** A permission of Deno, what it is for, and why. */
export interface Need {
  /** Which permission. */
  readonly permission: Permission;
  /** The path, host, variable or name. */
  readonly of: string;
  /** Why it is needed. */
  readonly why: string;
  /**
   * Whether the line about permissions names it: a variable that the pipeline reads, a folder that
   * holds the home folder, or one that a link leads to.
   */
  readonly told?: boolean;
}

/**
 * A host that there is none of (RFC 2606). Without any, Deno lets modules be loaded from some
 * servers.
 */
export const NOWHERE = "rocket.invalid:443";

/**
 * The host and the port of an address, as Deno's permissions name them.
 *
 * @param url An `http:` or `https:` address.
 */
export function permissionHost({ host, hostname, port, protocol }: URL): string {
  return port ? host : `${hostname}:${protocol === "http:" ? 80 : 443}`;
}

/** The registry that `jsr:` stands for, as Deno has it: `JSR_URL`, or jsr.io. */
export function jsrRegistry(): URL {
  const own = Deno.env.get("JSR_URL");
  return new URL(own && URL.canParse(own) ? own : "https://jsr.io/");
}

/**
 * The permissions of a process as a `deno.json` has them: with `deno run -P`, paths may have
 * commas, and there may be more of them than a command line has room for. Code is loaded from the
 * servers that are needed, and from no other.
 *
 * @param permissions What is needed.
 */
export function permissionSet(permissions: readonly Need[]): Record<string, readonly string[]> {
  const groups = Map.groupBy(permissions, ({ permission }) => permission);
  const granted = Array.from(groups, ([name, needs]) => [name, needs.map(({ of }) => of)] as const);
  return { import: [NOWHERE], ...Object.fromEntries(granted) };
}

/**
 * The flags of Deno that grant what is needed, a flag a permission.
 *
 * @param permissions What is needed.
 * @returns The flags; undefined where a value has a comma, which Deno takes for the end of a value.
 */
export function flagsOf(permissions: readonly Need[]): string[] | undefined {
  if (permissions.some(({ of }) => of.includes(","))) return undefined;
  return Object.entries(permissionSet(permissions)).map(([name, values]) =>
    `--allow-${name}=${values.join(",")}`
  );
}

/**
 * One line about what a run may do.
 *
 * @param permissions What is needed.
 * @param hasCode Whether stages of it are code that is not Rocket's: native code that is loaded
 *   serves that, too, and knows nothing of Deno's permissions.
 */
export function permissionsLine(permissions: readonly Need[], hasCode = false): string {
  const of = (permission: Need["permission"]) =>
    permissions.filter((need) => need.permission === permission);
  const hosts = [...new Set([...of("net"), ...of("import")].map(({ of }) => of))];
  const native = of("ffi").map(({ why }) => why.split(/[,;]/, 1)[0]);
  const variables = of("env").filter(({ told }) => told).map(({ of }) => of);
  const homes = of("read").filter(({ told }) => told).map(({ of }) => of);
  const writes = of("write").map(({ of }) => of);
  return printable([
    `permissions: read ${of("read").length} folders` +
    (homes.length > 0 ? `, ${homes.join(" and ")} among them` : ""),
    writes.length > 0 ? `write ${writes.join(" and ")}` : "write nothing",
    ...(variables.length > 0
      ? [`variable${variables.length > 1 ? "s" : ""} ${variables.join(" and ")}`]
      : []),
    hosts.length > 0 ? `network ${hosts.join(" and ")}` : "no network",
    native.length === 0
      ? "no native code"
      : `native code of ${[...new Set(native)].join(" and ")}` +
        (hasCode ? ": plugins may do anything" : ""),
    `${of("run").length > 0 ? "processes of Deno" : "no other programs"} (--permissions lists all)`,
  ].join(", "));
}
