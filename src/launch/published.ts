import { dirname, join } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { holdsPath } from "../base/files/holds_path.ts";
import { flagsOf, jsrRegistry, type Need, permissionHost } from "../base/machine/permissions.ts";
import { printable } from "../base/printable.ts";
import { importsOf } from "./imports.ts";
import { logLine } from "./log_line.ts";
import { type ProgramName, programs, Refusal, type Rocket } from "./rocket.ts";
import { importsOfFiles, importsOfUser, readOfUser } from "./user_config.ts";
import { writtenFolders } from "./written_folders.ts";
import { writeTemporary } from "./temporary.ts";

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
 * own flags. The launcher reads the project's configuration itself: Deno must not use it, because it
 * could replace modules of the launcher, which has more permissions than any command.
 *
 * @param args The arguments of the command line.
 */
export const launcherOfPackage = (args: readonly string[]): string[] => [
  ...isCheckout ? [] : ["--no-config", ...NO_LOCK],
  ENTRY,
  ...args,
];

/**
 * Makes processes load Rocket from the JSR registry. Deno's configuration of the user's project, if
 * there is one, determines what other modules import. This configuration could replace modules of
 * Rocket, so a process that loads only Rocket's own code does not use it.
 *
 * @param found The path of the project's `deno.json`; undefined if there is none.
 * @param temporary A folder for temporary files.
 */
export async function packageIn(
  found: string | undefined,
  temporary: string,
): Promise<Rocket> {
  const unwritten = unwrittenFiles(), project = await unwritten(found);
  const text = project === undefined ? "" : readOfUser(project, "config");
  const given = project === undefined
    ? undefined
    : await unwritten(findAbove(dirname(project), ["deno.lock"]));
  const pinned = given === undefined ? "" : readOfUser(given, "lock");
  // A run needs packages that the user's project does not, which must not get into its lock file.
  const lock = join(temporary, "deno.lock");
  if (pinned !== "") await writeTemporary(lock, pinned);
  const registry = permissionHost(jsrRegistry());
  const locked = (file: string) => [
    ...["--node-modules-dir=none", `--lock=${file}`, "--frozen=false"],
  ];
  // A process resolves the packages of the modules that it has loaded so far. Without a lock file,
  // these can be other versions than those that were downloaded, which are for all modules.
  const aloneLock = join(temporary, "own.lock");
  const alone = ["--no-config", ...locked(aloneLock)];
  // A package that `links` of the project lead to is only found with its configuration.
  const isLinked = project !== undefined && isCheckout;
  const writeImports = async () => {
    const file = join(temporary, "project.json");
    const imports = project === undefined
      ? importsOfFiles(file, { imports: ownNames() })
      : await importsOfUser(project, text, unwritten);
    await writeTemporary(file, JSON.stringify(imports));
    return file;
  };
  let imports: Promise<string> | undefined;
  // A command without custom code does not need the file, and does not refuse an invalid one.
  const resolving = async () => [
    "--config",
    isLinked ? project : await (imports ??= writeImports()),
  ];
  const foreign = async () => [...await resolving(), ...locked(lock)];
  const own = isLinked ? await foreign() : alone;
  const ownLock = isLinked ? lock : aloneLock;
  return {
    flags: [...own, `--allow-import=${registry}`],
    usesRegistry: true,
    lock,
    ownLock,
    program: (name) => [ENTRY, `${PREFIX}${name}`],
    key: (isForeign) => [ENTRY, ...isForeign || isLinked ? [project ?? "", text, pinned] : []],
    ownSpecifiers: () => Promise.resolve([ENTRY, ...STARTED.map(urlOf)]),
    foreignImports: async (modules, without) =>
      await importsOf(modules, {
        flags: [...await resolving(), ...NO_LOCK],
        without,
        temporary,
      }),
    cacheFlags: async (isForeign, hosts) => [
      ...isForeign ? await foreign() : own,
      `--allow-import=${[registry, ...hosts].join(",")}`,
    ],
    async grantedFlags(permissions, { isForeign }) {
      // Deno requires this permission even for cached modules.
      const load: Need = { permission: "import", of: registry, why: "Rocket's own modules" };
      const granted = flagsOf([...permissions, load]);
      if (granted) {
        const found = isForeign ? [...await foreign(), ownStorage()] : own;
        return [...granted, "--no-prompt", ...found];
      }
      const path = permissions.find(({ of }) => of.includes(","))?.of;
      throw new Refusal(`Deno cannot grant permissions for a path with a comma: rename ${path}`);
    },
  };
}

/**
 * Returns a function that leaves out a `deno.json`, an import map, or a `deno.lock` that a stage may
 * have written, also through a link: it could make the launcher download packages whose names contain
 * data.
 */
function unwrittenFiles(): (file: string | undefined) => Promise<string | undefined> {
  let written: Promise<string[] | undefined> | undefined;
  return async (file) => {
    if (file === undefined) return undefined;
    const folders = await (written ??= writtenFolders());
    if (!folders?.some((folder) => holdsPath(folder, file))) return file;
    logLine(printable(
      `${file} is not used, because plugins may have written it: move the file to a folder that no ` +
        "run wrote to",
    ));
    return undefined;
  };
}

const NO_LOCK = ["--no-lock", "--node-modules-dir=none"];

/**
 * Returns the flag that gives a process its own `localStorage` and `caches`: Deno finds their data
 * by this address.
 */
const ownStorage = () => `--location=https://${crypto.randomUUID()}.invalid/`;

/** Whether the package is a checkout, to which `links` of a project's configuration lead. */
const isCheckout = import.meta.url.startsWith("file:");

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
