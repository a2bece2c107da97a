import config from "../../deno.json" with { type: "json" };

/** The name of Rocket's package. */
export const PACKAGE_NAME: string = config.name;

/**
 * The part of Deno's configuration that lists the npm packages whose installation scripts must not
 * run.
 */
export const ALLOW_SCRIPTS: unknown = config.allowScripts;

/** Rocket's version. */
export const ROCKET_VERSION: string = config.version;

/**
 * Returns the version of a package from the imports of `deno.json`, where it must be an exact
 * version.
 *
 * @param name The package's name in the imports of `deno.json`.
 */
export function packageVersion(name: keyof typeof config.imports): string {
  return config.imports[name].split("@").at(-1)!;
}
