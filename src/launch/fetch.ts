import { dirname, join } from "node:path";
import { holdsPath } from "../base/files/holds_path.ts";
import { permissionHost } from "../base/machine/permissions.ts";
import { printable } from "../base/printable.ts";
import { runChild } from "./child.ts";
import { usualLimit } from "./memory_limit.ts";
import { recall, remember } from "./fetched.ts";
import type { Rocket } from "./rocket.ts";
import { receivedSignal } from "./signals.ts";
import { logLine } from "./log_line.ts";
import { writtenFolders } from "./written_folders.ts";
import { writeTemporary } from "./temporary.ts";

/**
 * The packages and code that a command line needs in addition to Rocket's own code and the packages
 * that every command needs.
 */
export interface Downloads {
  /** The packages that Rocket loads, such as `npm:x@1`. */
  readonly packages: readonly string[];
  /** Whether the process may run code other than Rocket's, and so resolves packages as it does. */
  readonly hasCode: boolean;
  /** Code other than Rocket's: absolute paths, and specifiers. */
  readonly code: readonly string[];
  /** For code that only the list of a `deno.json` allows, the path of this file. */
  readonly listedIn: Readonly<Record<string, string>>;
  /** The servers from which code may be loaded, as `HOST:PORT`. */
  readonly hosts: readonly string[];
}

/**
 * Downloads what a process will load before the process starts, using Deno. The process itself only
 * loads cached modules (`--cached-only`). Otherwise, its code could send data to a registry by
 * importing packages with made-up names. The downloads are determined by parsing the sources of the
 * modules, without running them.
 */
export class Fetcher {
  readonly #rocket: Rocket;
  readonly #temporary: string;
  #own: readonly string[] = [];

  /**
   * Makes a downloader.
   *
   * @param rocket How Deno finds modules.
   * @param temporary A folder for temporary files.
   */
  constructor(rocket: Rocket, temporary: string) {
    this.#rocket = rocket;
    this.#temporary = temporary;
  }

  /**
   * Downloads the packages that every command line loads.
   *
   * @returns Whether the packages are available; if not, an error has been printed.
   */
  async fetchOwn(): Promise<boolean> {
    const key = this.#rocket.key(false), { ownLock } = this.#rocket;
    const known = await recall(key);
    if (known && (ownLock === undefined || known.lock !== undefined)) {
      if (ownLock !== undefined) await writeTemporary(ownLock, known.lock!);
      this.#own = known.specifiers;
      return true;
    }
    const specifiers = await this.#rocket.ownSpecifiers();
    const problem = await this.#fetch(specifiers, OWN, "npm packages");
    if (problem !== undefined) {
      if (receivedSignal() !== undefined) return false;
      logLine(`error: packages that Rocket needs cannot be downloaded: ${printable(problem)}`);
      logLine("hint: run this once with network access; later runs do not need the network");
      return false;
    }
    this.#own = specifiers;
    const paths = await this.#pathsOf(specifiers, OWN);
    await remember(key, { specifiers, paths, ...await lockOf(ownLock) });
    return true;
  }

  /**
   * Downloads what a command line loads in addition. A failed download is reported, but only causes
   * an error if the code is really loaded.
   *
   * @param downloads The packages and code of the command line.
   */
  async fetch({ packages, hasCode, code, listedIn, hosts }: Downloads): Promise<void> {
    const beside = new Set(packages);
    const written = code.length > 0 ? await writtenFolders() : undefined;
    for (const one of code.filter(isUrl)) {
      // A stage may have written the list, with data that it has read in the name of a package.
      const list = Object.hasOwn(listedIn, one) ? listedIn[one] : undefined;
      if (list === undefined || written && !written.some((folder) => holdsPath(folder, list))) {
        beside.add(one);
      } else {
        logLine(printable(
          `${one} is not downloaded: only ${list} allows it, which plugins may have written`,
        ));
      }
    }
    if (written) {
      const modules = code.filter((one) => !isUrl(one));
      // Files that a stage may have written must not cause downloads.
      const specifiers = await this.#rocket.foreignImports(modules, written);
      for (const specifier of specifiers) beside.add(specifier);
    }
    for (const specifier of this.#own) beside.delete(specifier);
    // Code that may not be loaded is rejected later, at the place that names it.
    const { usesRegistry } = this.#rocket;
    const lock = hasCode ? this.#rocket.lock : this.#rocket.ownLock;
    const wanted = [...beside].filter((one) => isFrom(one, hosts, usesRegistry)).sort();
    if (wanted.length === 0 && (!hasCode || lock === undefined)) return;
    const all = [...this.#own, ...wanted], key = [...this.#rocket.key(hasCode), ...all];
    const known = await recall(key);
    if (known) {
      if (lock !== undefined) await writeTemporary(lock, known.lock ?? "");
      return;
    }
    const what = wanted.length === 0
      ? "packages"
      : wanted.length > 3
      ? `${wanted.length} packages`
      : wanted.join(" and ");
    const processes = { isForeign: hasCode, hosts };
    if (await this.#fetch(all, processes, what) === undefined) {
      const paths = await this.#pathsOf(all, processes);
      await remember(key, { specifiers: all, paths, ...await lockOf(lock) });
      return;
    }
    // One package that does not exist must not prevent the download of the others.
    for (const specifier of wanted) {
      if (receivedSignal() !== undefined) return;
      const problem = await this.#fetch([...this.#own, specifier], processes);
      if (problem !== undefined) {
        logLine(printable(`${specifier} cannot be downloaded: ${problem}`));
      }
    }
  }

  /** Downloads specifiers, with a message if this takes a download; returns the error, if any. */
  async #fetch(
    specifiers: readonly string[],
    processes: Processes,
    what?: string,
  ): Promise<string | undefined> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let announced = what === undefined;
    const { code } = await runChild(["cache", ...await this.#arguments(specifiers, processes)], {
      env: { NO_COLOR: "1" },
      memory: usualLimit(),
      onError(chunk) {
        chunks.push(chunk);
        if (announced || !new TextDecoder().decode(chunk).includes("Download ")) return;
        announced = true;
        logLine(printable(`downloading ${what}, which is only needed once …`));
      },
    });
    if (code === 0) return undefined;
    return problemOf(await new Blob(chunks).text());
  }

  /** Returns the paths of the files and folders of packages and modules. */
  async #pathsOf(specifiers: readonly string[], processes: Processes): Promise<string[]> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    const args = await this.#arguments(specifiers, processes);
    await runChild(["info", "--json", ...args], {
      onOutput: (chunk) => void chunks.push(chunk),
      stderr: "null",
      memory: usualLimit(),
    });
    const { npmPackages, modules }: Installed = JSON.parse(await new Blob(chunks).text());
    return [
      ...Object.values(npmPackages).flatMap(({ localPath }) =>
        localPath === undefined ? [] : [localPath, join(dirname(localPath), "registry.json")]
      ),
      ...modules.flatMap(({ specifier, local }) =>
        local === undefined || specifier.startsWith("file:") ? [] : [local]
      ),
    ];
  }

  async #arguments(
    specifiers: readonly string[],
    { isForeign, hosts }: Processes,
  ): Promise<string[]> {
    // Deno would keep what it makes of TypeScript in its cache.
    const entry = join(this.#temporary, "fetch.js");
    await writeTemporary(
      entry,
      specifiers.map((one) => `import ${JSON.stringify(one)};\n`).join(""),
    );
    return [...await this.#rocket.cacheFlags(isForeign, hosts), entry];
  }
}

/** Returns the content of a lock file, as a part of a record. */
async function lockOf(file: string | undefined): Promise<{ readonly lock?: string }> {
  return file === undefined ? {} : { lock: await Deno.readTextFile(file) };
}

/** The processes that will load what is downloaded. */
interface Processes {
  /** Whether they may run code other than Rocket's. */
  readonly isForeign: boolean;
  /** The servers from which they may load code, as `HOST:PORT`. */
  readonly hosts: readonly string[];
}

/** Processes that run only Rocket's code. */
const OWN: Processes = { isForeign: false, hosts: [] };

/** The output of `deno info`, as far as it is read. */
interface Installed {
  readonly npmPackages: Readonly<Record<string, { readonly localPath?: string }>>;
  readonly modules: readonly { readonly specifier: string; readonly local?: string }[];
}

/** Checks whether code is named by a URL. A single letter before the colon is a Windows drive. */
const isUrl = (code: string) => /^[A-Za-z][A-Za-z0-9+.-]+:/.test(code);

/** Checks whether a specifier refers to npm, to a used registry, or to one of the given servers. */
function isFrom(specifier: string, hosts: readonly string[], usesRegistry: boolean): boolean {
  if (/^npm:/i.test(specifier)) return true;
  if (/^jsr:/i.test(specifier)) return usesRegistry || hosts.length > 0;
  if (!/^https?:/i.test(specifier) || !URL.canParse(specifier)) return false;
  return hosts.includes(permissionHost(new URL(specifier)));
}

/** Extracts the error message from Deno's output, as one line. */
function problemOf(text: string): string {
  const [first = "", ...more] = text.slice(text.indexOf("error: ") + "error: ".length).split("\n");
  const end = more.findIndex((line) => line.startsWith("Stack backtrace"));
  const causes = end < 0 ? more : more.slice(0, end);
  const cause = causes.map((line) => /^\s+0: (.*)/.exec(line)?.[1])
    .find((words) => words !== undefined);
  return cause === undefined ? first : `${first}: ${cause}`;
}
