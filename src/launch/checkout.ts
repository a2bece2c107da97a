import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { NOWHERE } from "../base/machine/permissions.ts";
import { configOfRuns, grantedArguments } from "./granted.ts";
import { importMap, mapUrl, projectImports } from "./import_map.ts";
import { importsOf } from "./imports.ts";
import type { Project } from "./project.ts";
import { programs, type Rocket } from "./rocket.ts";
import { writeTemporary } from "./temporary.ts";

/** The programs that run in the same process as code that is not known before. */
const ENTRIES = [programs.command, programs.needs, programs.evaluate];

const EMPTY = "data:application/typescript,export%20%7B%7D";

/**
 * Describes how processes load Rocket's modules from a checkout of its repository. The import map
 * of the repository determines what all modules import.
 *
 * @param project The repository.
 * @param temporary A folder for temporary files.
 */
export function checkoutOf(project: Project, temporary: string): Rocket {
  const { root, config, standIns, flags } = project;
  const resolving = (imports: Readonly<Record<string, string>>) => [
    ...["--no-config", "--no-lock", "--node-modules-dir=none"],
    ...["--import-map", mapUrl(imports)],
  ];
  const imports = projectImports(root, config, standIns);
  return {
    flags,
    usesRegistry: false,
    lock: undefined,
    ownLock: undefined,
    program: (name) => [join(root, programs[name])],
    key: (isForeign) =>
      isForeign ? [] : [root, JSON.stringify(config.imports), ...standIns.map(({ path }) => path)],
    async ownSpecifiers() {
      const modules = ENTRIES.map((entry) => join(root, entry));
      const found = await importsOf(modules, { flags: resolving(imports), temporary });
      // Modules of the JSR registry are only used if they are already in the cache.
      return found.filter((one) => !one.startsWith("jsr:"));
    },
    async foreignImports(modules, without) {
      // What Rocket's own modules import is known.
      const foreign = { ...imports };
      for (const [entry, target] of Object.entries(config.exports)) {
        foreign[config.name + entry.slice(1)] = EMPTY;
        foreign[pathToFileURL(join(root, target)).href] = EMPTY;
      }
      return await importsOf(modules, { flags: resolving(foreign), without, temporary });
    },
    async cacheFlags(_, hosts) {
      const file = join(temporary, "fetch.json");
      await writeTemporary(file, JSON.stringify(configOfRuns(config)));
      return [
        ...["--config", file, "--import-map", importMap(root, config, standIns)],
        `--allow-import=${hosts.length > 0 ? hosts.join(",") : NOWHERE}`,
      ];
    },
    grantedFlags: (permissions, { name }) =>
      grantedArguments(project, permissions, join(temporary, `${name}.json`)),
  };
}
