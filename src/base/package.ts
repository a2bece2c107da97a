import config from "../../deno.json" with { type: "json" };

/** Rocket's version. */
export const ROCKET_VERSION: string = config.version;

/**
 * The version of a package that `deno.json` names by one version.
 *
 * @param name The package, as imports name it.
 */
export function packageVersion(name: keyof typeof config.imports): string {
  return config.imports[name].split("@").at(-1)!;
}
