import { dirname, join } from "node:path";
import { NOWHERE, permissionHost } from "../base/machine/permissions.ts";
import { printable } from "../base/printable.ts";
import { runChild } from "./child.ts";
import { recall, remember } from "./fetched.ts";
import { configOfRuns } from "./granted.ts";
import { importMap } from "./import_map.ts";
import { importsOf } from "./imports.ts";
import type { Project } from "./project.ts";
import { receivedSignal } from "./signals.ts";
import { tell } from "./tell.ts";
import { writtenFolders } from "./written_folders.ts";

/** The modules of Rocket that a run starts with. */
const ENTRIES = ["cli.ts", "src/launch/programs/needs.ts", "src/launch/programs/evaluate.ts"];

/** What a command line loads beside what each loads. */
export interface Downloads {
  /** Packages that Rocket loads, such as `npm:x@1`. */
  readonly packages: readonly string[];
  /** Code that is not Rocket's: absolute paths, and specifiers. */
  readonly code: readonly string[];
  /** The servers from which code may be loaded, as `HOST:PORT`. */
  readonly hosts: readonly string[];
}

/**
 * Has Deno download what a process will load, before it starts. The process itself takes what is
 * there (`--cached-only`): the name of a package, which code makes up, could tell a registry what
 * it has read. What is downloaded follows from the texts of modules; none of them runs.
 */
export class Fetcher {
  readonly #project: Project;
  readonly #temporary: string;
  #own: readonly string[] = [];

  /**
   * @param project Rocket.
   * @param temporary A folder for temporary files.
   */
  constructor(project: Project, temporary: string) {
    this.#project = project;
    this.#temporary = temporary;
  }

  /**
   * Downloads what each command line loads.
   *
   * @returns Whether it is there; what is wrong has been told.
   */
  async fetchOwn(): Promise<boolean> {
    const { root, config, standIns } = this.#project;
    const key = [root, JSON.stringify(config.imports), ...standIns.map(({ path }) => path)];
    const known = await recall(key);
    if (known) {
      this.#own = known.specifiers;
      return true;
    }
    const imports = await importsOf(this.#project, {
      modules: ENTRIES.map((entry) => join(root, entry)),
      temporary: this.#temporary,
    });
    // Modules of the JSR registry are used only where they are in the cache already.
    const specifiers = imports.filter((one) => !one.startsWith("jsr:"));
    const problem = await this.#fetch(specifiers, [], "npm packages");
    if (problem !== undefined) {
      if (receivedSignal() !== undefined) return false;
      tell(`error: packages that Rocket needs cannot be downloaded: ${printable(problem)}`);
      tell("hint: run this once where the network can be reached; from then on it needs none");
      return false;
    }
    this.#own = specifiers;
    await remember(key, { specifiers, paths: await this.#pathsOf(specifiers, []) });
    return true;
  }

  /**
   * Downloads what a command line loads beside. What cannot be downloaded is told; whether that is
   * a mistake is seen where it is loaded.
   *
   * @param downloads What it is.
   */
  async fetch({ packages, code, hosts }: Downloads): Promise<void> {
    const beside = new Set(packages);
    const written = code.length > 0 ? await writtenFolders() : undefined;
    for (const one of code) if (isUrl(one)) beside.add(one);
    if (written) {
      const specifiers = await importsOf(this.#project, {
        modules: code.filter((one) => !isUrl(one)),
        foreign: true,
        // What a stage has written decides nothing.
        without: written,
        temporary: this.#temporary,
      });
      for (const specifier of specifiers) beside.add(specifier);
    }
    for (const specifier of this.#own) beside.delete(specifier);
    // What may not be loaded is refused where it is named.
    const wanted = [...beside].filter((specifier) => isFrom(specifier, hosts)).sort();
    if (wanted.length === 0) return;
    const all = [...this.#own, ...wanted];
    if (await recall(all)) return;
    const what = wanted.length > 3 ? `${wanted.length} packages` : wanted.join(" and ");
    if (await this.#fetch(all, hosts, what) === undefined) {
      await remember(all, { specifiers: all, paths: await this.#pathsOf(all, hosts) });
      return;
    }
    // One that there is none of keeps no other away.
    for (const specifier of wanted) {
      if (receivedSignal() !== undefined) return;
      const problem = await this.#fetch([...this.#own, specifier], hosts);
      if (problem !== undefined) tell(printable(`${specifier} cannot be downloaded: ${problem}`));
    }
  }

  /** Downloads, and says so if there is something to download; returns what is wrong. */
  async #fetch(
    specifiers: readonly string[],
    hosts: readonly string[],
    what?: string,
  ): Promise<string | undefined> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let announced = what === undefined;
    const { code } = await runChild(["cache", ...await this.#arguments(specifiers, hosts)], {
      env: { NO_COLOR: "1" },
      onError(chunk) {
        chunks.push(chunk);
        if (announced || !new TextDecoder().decode(chunk).includes("Download ")) return;
        announced = true;
        tell(printable(`downloading ${what}, this once …`));
      },
    });
    if (code === 0) return undefined;
    return problemOf(await new Blob(chunks).text());
  }

  /** The files and folders that packages and modules consist of. */
  async #pathsOf(specifiers: readonly string[], hosts: readonly string[]): Promise<string[]> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    const args = await this.#arguments(specifiers, hosts);
    await runChild(["info", "--json", ...args], {
      onOutput: (chunk) => void chunks.push(chunk),
      stderr: "null",
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

  async #arguments(specifiers: readonly string[], hosts: readonly string[]): Promise<string[]> {
    const { root, config, standIns } = this.#project;
    const entry = join(this.#temporary, "fetch.ts"), own = join(this.#temporary, "fetch.json");
    await Deno.writeTextFile(
      entry,
      specifiers.map((one) => `import ${JSON.stringify(one)};\n`).join(""),
    );
    await Deno.writeTextFile(own, JSON.stringify(configOfRuns(config)));
    return [
      ...["--config", own, "--import-map", importMap(root, config, standIns)],
      ...[`--allow-import=${hosts.length > 0 ? hosts.join(",") : NOWHERE}`, entry],
    ];
  }
}

/** What `deno info` prints, as far as it is read. */
interface Installed {
  readonly npmPackages: Readonly<Record<string, { readonly localPath?: string }>>;
  readonly modules: readonly { readonly specifier: string; readonly local?: string }[];
}

/** Whether code is named by a specifier, and not by its path: drives of Windows have one letter. */
const isUrl = (code: string) => /^[A-Za-z][A-Za-z0-9+.-]+:/.test(code);

/** Whether something comes from npm, or from one of some servers. */
function isFrom(specifier: string, hosts: readonly string[]): boolean {
  if (/^npm:/i.test(specifier)) return true;
  if (/^jsr:/i.test(specifier)) return hosts.length > 0;
  if (!/^https?:/i.test(specifier) || !URL.canParse(specifier)) return false;
  return hosts.includes(permissionHost(new URL(specifier)));
}

/** What Deno says is wrong, in a line. */
function problemOf(text: string): string {
  const [first = "", ...more] = text.slice(text.indexOf("error: ") + "error: ".length).split("\n");
  const end = more.findIndex((line) => line.startsWith("Stack backtrace"));
  const causes = end < 0 ? more : more.slice(0, end);
  const cause = causes.map((line) => /^\s+0: (.*)/.exec(line)?.[1])
    .find((words) => words !== undefined);
  return cause === undefined ? first : `${first}: ${cause}`;
}
