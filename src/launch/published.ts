import { dirname, join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { flagsOf, jsrRegistry, type Need, permissionHost } from "../base/machine/permissions.ts";
import { mapUrl } from "./import_map.ts";
import { importsOf } from "./imports.ts";
import { type ProgramName, programs, Refusal, type Rocket } from "./rocket.ts";

/**
 * The entry point of the command line. The version is exact, so that all modules of a process are
 * of this version, whatever range of versions a plugin names.
 */
const ENTRY = `jsr:${config.name}@${config.version}/cli`;

/** What precedes the name of a program in the first argument of the entry point. */
const PREFIX = "program:";

/** The modules that nothing imports by a literal: programs, and those that start as threads. */
const STARTED = [
  ...Object.values(programs),
  ...["src/input/worker.ts", "src/model/session_thread.ts"],
];

/**
 * Determines which program of the package a process runs. The launcher starts a process for each
 * program with an argument that names it; without such an argument, the process is the launcher.
 *
 * @param first The first argument of the process.
 * @returns The program's name; undefined for the launcher.
 */
export function programOf(first: string | undefined): ProgramName | undefined {
  if (!first?.startsWith(PREFIX)) return undefined;
  const name = first.slice(PREFIX.length);
  return Object.hasOwn(programs, name) ? name as ProgramName : undefined;
}

/**
 * Returns the arguments for `deno run` that start the published launcher. They must follow Deno's
 * own flags.
 *
 * @param args The arguments of the command line.
 */
export const launcherOfPackage = (args: readonly string[]): string[] => [ENTRY, ...args];

/**
 * Makes processes load Rocket from the JSR registry. Deno's configuration of the user's project, if
 * there is one, determines what other modules import. This configuration could replace modules of
 * Rocket, so a process that loads only Rocket's own code does not use it.
 *
 * @param project The path of the project's `deno.json`; undefined if there is none.
 * @param temporary A folder for temporary files.
 */
export async function packageIn(
  project: string | undefined,
  temporary: string,
): Promise<Rocket> {
  const text = project === undefined ? "" : await Deno.readTextFile(project);
  const given = project === undefined ? undefined : findAbove(dirname(project), ["deno.lock"]);
  const pinned = given === undefined ? "" : await Deno.readTextFile(given);
  // A run needs packages that the user's project does not, which must not get into its lock file.
  const lock = join(temporary, "deno.lock");
  if (pinned !== "") await Deno.writeTextFile(lock, pinned);
  const registry = permissionHost(jsrRegistry());
  const locked = (file: string) => [
    ...["--node-modules-dir=none", `--lock=${file}`, "--frozen=false"],
  ];
  // A process resolves the packages of the modules that it has loaded so far. Without a lock file,
  // these can be other versions than those that were downloaded, which are for all modules.
  const aloneLock = join(temporary, "own.lock");
  const alone = ["--no-config", ...locked(aloneLock)];
  const resolving = project === undefined
    ? ["--no-config", "--import-map", mapUrl(ownNames())]
    : ["--config", project];
  const foreign = [...resolving, ...locked(lock)];
  // A package that `links` of the project lead to is only found with its configuration.
  const isLinked = import.meta.url.startsWith("file:");
  const own = isLinked ? foreign : alone;
  const ownLock = isLinked ? lock : aloneLock;
  return {
    flags: [...own, `--allow-import=${registry}`],
    usesRegistry: true,
    lock,
    ownLock,
    program: (name) => [ENTRY, `${PREFIX}${name}`],
    key: (isForeign) => [ENTRY, ...isForeign || isLinked ? [project ?? "", text, pinned] : []],
    ownSpecifiers: () => Promise.resolve([ENTRY, ...STARTED.map(urlOf)]),
    foreignImports: (modules, without) =>
      importsOf(modules, { flags: [...resolving, ...NO_LOCK], without, temporary }),
    cacheFlags: (isForeign, hosts) =>
      Promise.resolve([
        ...isForeign ? foreign : own,
        `--allow-import=${[registry, ...hosts].join(",")}`,
      ]),
    grantedFlags(permissions, { isForeign }) {
      // Deno requires this permission even for cached modules.
      const load: Need = { permission: "import", of: registry, why: "Rocket's own modules" };
      const granted = flagsOf([...permissions, load]);
      if (granted) {
        return Promise.resolve([...granted, "--no-prompt", ...isForeign ? foreign : own]);
      }
      const path = permissions.find(({ of }) => of.includes(","))?.of;
      throw new Refusal(`Deno cannot grant permissions for a path with a comma: rename ${path}`);
    },
  };
}

const NO_LOCK = ["--no-lock", "--node-modules-dir=none"];

/** Returns the address of a module of Rocket. */
const urlOf = (path: string) => new URL(`../../${path}`, import.meta.url).href;

/** The import map for code of users who have no `deno.json`, by which they import Rocket. */
function ownNames(): Record<string, string> {
  const { name, version } = config;
  return { [name]: `jsr:${name}@${version}`, [`${name}/`]: `jsr:/${name}@${version}/` };
}

/**
 * Finds the configuration file (`deno.json`) of the project that contains a folder.
 *
 * @param folder The folder.
 * @returns The path of the file; undefined if there is none.
 */
export const projectOf = (folder: string): string | undefined =>
  findAbove(folder, ["deno.json", "deno.jsonc"]);

/** Finds the nearest file with one of the names, in a folder or a folder above it. */
function findAbove(folder: string, names: readonly string[]): string | undefined {
  for (let at = folder;; at = dirname(at)) {
    for (const name of names) if (isFile(join(at, name))) return join(at, name);
    if (at === dirname(at)) return undefined;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
