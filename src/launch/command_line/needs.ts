/**
 * Determines what a command line needs: the permissions of its process, each with its reason, and
 * the packages to download. This module imports little, because a separate process runs it before
 * each command.
 *
 * @module
 */

import { isIP } from "node:net";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, keptNetsFolder, teachersFolder } from "../../base/machine/cache_folder.ts";
import { cLibrary } from "../../base/machine/libc.ts";
import { denoFolder } from "../../base/machine/deno_folder.ts";
import {
  hasOnnxRuntime,
  noTelemetry,
  onnxRuntimePackages,
} from "../../base/machine/onnx_packages.ts";
import { draftFolderOf } from "../../base/files/drafts.ts";
import { parquetWriterPackages } from "../../base/machine/parquet_packages.ts";
import { vegaPackages } from "../../base/machine/vega_packages.ts";
import { fixedFolder, isGlob } from "../../base/files/glob.ts";
import { commandVariable } from "../../base/command_name.ts";
import { isInside, isOfSystem } from "../../base/files/holds_path.ts";
import { readTextInside } from "../../base/files/inside.ts";
import { targetOf } from "../../base/files/target_of.ts";
import { rowFormat } from "../../base/files/row_format.ts";
import { runFiles } from "../../base/files/run_files.ts";
import {
  flagsOf,
  jsrRegistry,
  type Need,
  permissionHost,
  permissionSet,
} from "../../base/machine/permissions.ts";
import { handedOver } from "../../base/machine/system_file.ts";
import {
  type AllowedCode,
  allowedCode,
  allowedCodeOfRun,
  isModule,
} from "../../pipeline/allowed_code.ts";
import { type Document, type Evaluate, readDocument } from "../../pipeline/document/document.ts";
import { variablesIn } from "../../pipeline/document/environment.ts";
import { type Place, UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { isElsewhere, isUrl } from "../../pipeline/registry.ts";
import type { SweepValue } from "../../pipeline/sweep_file/schema.ts";
import { findDriver } from "../../engine/native/driver.ts";
import { findGpuBuild, requireGpuBuild } from "../../engine/native/gpu_build.ts";
import { databaseFiles } from "../../../plugins/sources/database_files.ts";
import { duckdbPackages } from "../../../plugins/sources/duckdb_packages.ts";
import type { Cluster } from "../../cluster/processes.ts";
import { type Arguments, parseArguments } from "./arguments.ts";
import { clusterOfCommand } from "./cluster_of_command.ts";
import {
  type CommandName,
  commandOf,
  commandOptions,
  DEFAULT_HOST,
  DEFAULT_PORT,
} from "./grammar.ts";
import { linksOut } from "./links_out.ts";
import { namedFiles } from "./named_files.ts";
import { type CommandOptions, readOptions, refuseArguments } from "./options.ts";
import { readEarlierRun } from "../../run/folder/manifest.ts";
import { readRun } from "../../run/folder/read_run.ts";
import { table } from "../../base/text_table.ts";

/** The permissions whose values are paths. */
const ofPaths: ReadonlySet<Need["permission"]> = new Set(["read", "write", "ffi"]);

/** The permissions, engine, code, and packages that a command line needs. */
export interface Needs {
  /** The permissions. */
  readonly permissions: readonly Need[];
  /** The engine that was requested; undefined if the command computes nothing. */
  readonly engine: string | undefined;
  /** Whether the command runs code other than Rocket's: stages, or a pipeline in TypeScript. */
  readonly hasCode: boolean;
  /**
   * The code other than Rocket's that the command loads: absolute paths, and specifiers such as
   * `npm:x`. Code that has not been allowed is left out.
   */
  readonly code: readonly string[];
  /** For code that only the list of a `deno.json` allows, the path of this file. */
  readonly listedIn: Readonly<Record<string, string>>;
  /** The packages that Rocket loads for this command, in addition to those of every command. */
  readonly packages: readonly string[];
  /**
   * Whether the command may download packages while it runs, because it runs only Rocket's code.
   */
  readonly downloads?: boolean | undefined;
  /**
   * Whether the command only sets up the native engine. It is then a program of its own, with the
   * permissions that this takes.
   */
  readonly setsUp?: boolean | undefined;
  /** Whether the command may compute on a GPU, for which TensorFlow is set up already. */
  readonly usesGpu?: boolean | undefined;
  /** Whether the command answers requests until it is stopped. */
  readonly answers?: boolean | undefined;
  /** The processes that train together; undefined if this process trains alone. */
  readonly cluster?: Cluster | undefined;
  /** The most memory that the command may take, in bytes, if the user limits it. */
  readonly memory?: number | undefined;
}

/** The environment variables that every command reads, each with the reason. */
const variables: Readonly<Record<string, string>> = {
  [commandVariable]: "names the command that messages propose",
  ROCKET_CACHE: "names Rocket's cache",
  ROCKET_TENSORFLOW: "names a TensorFlow",
  XDG_CACHE_HOME: "names the place for caches",
  LOCALAPPDATA: "names the place for caches",
  DENO_DIR: "names Deno's cache",
  LOG_TOKENS: "read by the YAML parser",
  LOG_STREAM: "read by the YAML parser",
  TMPDIR: "names the folder for temporary files",
  TMP: "names the folder for temporary files",
  TEMP: "names the folder for temporary files",
};

/**
 * The built-in sources that read files with DuckDB. A source that is not built in may also use it.
 */
const duckdbSources: ReadonlySet<string> = new Set(["parquet", "csv", "sql"]);

/**
 * Determines the permissions, the engine, the code, and the packages that a command line needs. It
 * reads pipeline files but loads no stage.
 *
 * @param args The arguments after the program's name.
 * @param temporary The folder for temporary files.
 * @param evaluate Returns the exports of a pipeline in TypeScript. By default, the module is
 *   imported, which runs its code.
 * @throws {UserError} If a pipeline file cannot be read.
 */
export async function needsOf(
  args: readonly string[],
  temporary: string,
  evaluate?: Evaluate,
): Promise<Needs> {
  const parsed = parseArguments(args);
  const needs = new NeedList(evaluate);
  if (parsed.help || parsed.version || parsed.unknown.length > 0 || parsed.words.length === 0) {
    return needs.answer();
  }
  const options = readOptions(parsed);
  const { name, words } = commandOf(parsed.words);
  // A server needs nothing of the current folder.
  if (name === "serve") needs.addRocket();
  else needs.addProject();
  await needs.addAllowed(parsed.allowPlugins);
  if (name === "help" || name === "version") return needs.answer();
  if (name === "native") {
    refuseArguments(name, words);
    return { ...needs.answer(), setsUp: true };
  }
  const mayUseGpu = commandOptions(name).includes("device") && options.device !== "cpu";
  if (mayUseGpu && await findGpuBuild()) needs.driver = findDriver();
  const engine = options.modelEngine ?? parsed.engine;
  // The processes of a cluster compute a trained net with the native engine, by which they exchange
  // values.
  const together = name === "evaluate" || name === "predict"
    ? clusterOfCommand(name, parsed, engine)
    : undefined;
  const answer = await needsByCommand[name](needs, {
    ...{ words, options, temporary },
    parsed: { ...parsed, engine: together ? "native" : engine },
  });
  // The command would only find out after it has read the data.
  if (answer.engine !== undefined && options.device === "gpu") await requireGpuBuild();
  const cluster = together ?? clusterOfCommand(name, parsed, answer.engine);
  return {
    ...answer,
    ...cluster && { cluster, engine: "native" },
    usesGpu: options.device === "gpu" || needs.driver !== undefined,
    memory: options.memory,
  };
}

/** The arguments and options of a command, and the folder for temporary files. */
interface Request {
  readonly words: readonly string[];
  readonly parsed: Arguments;
  readonly options: CommandOptions;
  readonly temporary: string;
}

const needsByCommand: Readonly<
  Record<
    Exclude<CommandName, "help" | "version" | "native">,
    (needs: NeedList, request: Request) => Promise<Needs>
  >
> = {
  async run(needs, { words, parsed, temporary }) {
    const file = pipelineFile(words);
    if (file === undefined) return needs.answer();
    await needs.addPipeline(file, parsed);
    const out = resolve(parsed.out ?? "runs");
    const why = parsed.out === undefined ? "the run folder is created in it" : "the run folder";
    needs.add("write", out, why);
    needs.add("read", out, why);
    return needs.withEngine(parsed.engine ?? "auto", temporary);
  },
  async check(needs, { words, parsed, temporary }) {
    const file = pipelineFile(words);
    if (file === undefined) return needs.answer();
    await needs.addPipeline(file, parsed);
    return needs.withEngine(parsed.engine ?? "auto", temporary);
  },
  async resume(needs, { words, parsed, temporary }) {
    const [folder, ...more] = words;
    if (folder === undefined || more.length > 0) return needs.answer();
    const out = resolve(folder);
    needs.add("read", out, "the run folder");
    needs.add("write", out, "the run folder");
    const earlier = await needs.addRun(folder, parsed);
    return needs.withEngine(parsed.engine ?? earlier ?? "auto", temporary);
  },
  async predict(needs, { words, parsed, temporary }) {
    const [folder, input, ...more] = words;
    if (folder === undefined || input === undefined || more.length > 0) return needs.answer();
    const run = resolve(folder);
    needs.add("read", run, "the trained net");
    needs.addKeptNets(run);
    await needs.addInput(input, parsed);
    await needs.addReading(folder, input);
    if (parsed.out !== undefined) needs.addWritten(parsed.out, "the predictions");
    if (parsed.out !== undefined && /\.parquet$/i.test(parsed.out)) needs.addParquetWriter();
    return await needs.withModels([folder], parsed, temporary);
  },
  async evaluate(needs, { words, parsed, temporary }) {
    const [folder, input, ...more] = words;
    if (folder === undefined || more.length > 0) return needs.answer();
    const run = resolve(folder);
    needs.add("read", run, "the trained net");
    needs.addKeptNets(run);
    await needs.addRun(folder, parsed);
    if (input !== undefined) await needs.addInput(input, parsed);
    if (parsed.out !== undefined) needs.addWritten(parsed.out, "the most wrong rows");
    if (parsed.out !== undefined && /\.parquet$/i.test(parsed.out)) needs.addParquetWriter();
    needs.addRows();
    return await needs.withModels([folder], parsed, temporary);
  },
  async export(needs, { words, parsed, temporary }) {
    const [folder, ...more] = words;
    if (folder === undefined || parsed.out === undefined || more.length > 0) return needs.answer();
    needs.add("read", resolve(folder), "the trained net");
    needs.add("write", resolve(parsed.out), "the exported net");
    needs.add("read", resolve(parsed.out), "the exported net");
    await needs.withModels([folder], { ...parsed, engine: "onnx" }, temporary);
    return needs.withEngine(parsed.engine ?? "auto", temporary);
  },
  async serve(needs, { words: [folder, ...more], parsed, options, temporary }) {
    if (folder === undefined || more.length > 0) return needs.answer();
    const run = resolve(folder);
    needs.add("read", run, "the trained net");
    needs.addListen(options.host ?? DEFAULT_HOST, options.port ?? DEFAULT_PORT);
    // An export folder has its net as a file already, and never needs code.
    if (!isRun(run)) {
      await needs.addModel(run, parsed.allowPlugins);
      return { ...needs.withOnnxRuntime(), answers: true };
    }
    needs.addKeptNets(run);
    return { ...await needs.withModels([folder], parsed, temporary), answers: true };
  },
  async sweep(needs, { words: [file], parsed, temporary }) {
    if (file === undefined) return needs.answer();
    const out = resolve(parsed.out ?? "runs");
    needs.add("read", out, "the sweep's folder");
    needs.add("write", out, "the sweep's folder");
    if (parsed.only === undefined) {
      needs.add("env", handedOver.memory, "how much memory all runs together may take");
      needs.add("run", Deno.execPath(), "each run has its own process and permissions");
      // The library that draws the picture is loaded at the end, and only if there is a picture.
      return { ...needs.answer(), downloads: true };
    }
    const { latency } = await needs.addSweep(file, parsed);
    // A part may need no more than the check, whose permissions are shown to the user.
    const measures = parsed.only === "check" || parsed.only === "latency";
    if (measures && latency !== "none") needs.addLatency(latency.engine, parsed.engine);
    return needs.withEngine(parsed.engine ?? "auto", temporary);
  },
  async report(needs, { words, parsed, temporary }) {
    if (words.length === 0 || parsed.out === undefined) return needs.answer();
    for (const folder of words) {
      needs.add("read", resolve(folder), "a run that is reported on");
      needs.addKeptNets(resolve(folder));
      await needs.addReported(folder, parsed);
    }
    needs.addWritten(parsed.out, "the report");
    needs.addRows();
    needs.addPictures();
    return await needs.withModels(words, parsed, temporary);
  },
  compare(needs, { words }) {
    for (const folder of words) needs.add("read", resolve(folder), "a run to compare");
    return Promise.resolve(needs.answer());
  },
  runs(needs, { words: [folder = "runs"] }) {
    needs.add("read", resolve(folder), "the runs to list");
    return Promise.resolve(needs.answer());
  },
  async list(needs, { words, parsed }) {
    for (const file of words.filter((word) => /[./\\]/.test(word))) {
      await needs.addPipeline(file, { ...parsed, set: [] });
    }
    return needs.answer();
  },
  async show(needs, { words: [stage = ""], parsed }) {
    needs.add("read", resolve("."), "the stage to show");
    await needs.addShown(stage, parsed);
    return needs.answer();
  },
  async new(needs, { words: [word, ...rest], parsed, temporary }) {
    const isFolder = word === "project" || word === "package";
    const at = (word === "package" ? rest[1] : rest[0]) ?? ".";
    const folder = isFolder ? resolve(at) : dirname(resolve(at));
    needs.add("read", folder, "files that exist already");
    needs.add("write", folder, "the new files");
    if (parsed.link !== undefined) needs.add("read", resolve(parsed.link), "the copy of Rocket");
    if (word === "project" && parsed.from !== undefined) {
      await needs.addInput(parsed.from, parsed);
      needs.addTemporary(temporary);
    }
    return needs.answer();
  },
};

/**
 * Returns the pipeline file of a command; undefined for wrong arguments, which the command reports.
 */
function pipelineFile([file, ...more]: readonly string[]): string | undefined {
  return file !== undefined && more.length === 0 && /[./\\]/.test(file) ? file : undefined;
}

/**
 * Returns the permissions to evaluate a pipeline in TypeScript: reading its project, and Rocket.
 *
 * @param path The pipeline file.
 */
export async function evaluationNeeds(path: string): Promise<Need[]> {
  const needs = new NeedList();
  needs.addRocket();
  const { folder } = await allowedCode(dirname(path));
  needs.add("read", folder, "the project of the pipeline");
  return needs.all();
}

/**
 * Creates the error for a pipeline in TypeScript whose process ended before it exported a pipeline.
 *
 * @param path The pipeline file.
 */
export function endedEarly(path: string): UserError {
  const file = relative(Deno.cwd(), path);
  return new UserError(`${file} ended before it had exported a pipeline`, {
    place: { file },
    hint: hint(
      "pipeline/ended",
      "end the file with `export default definePipeline({ … })`, do not call Deno.exit(), and let it finish within two minutes",
      { edit: "the file" },
    ),
    exitCode: 2,
  });
}

class NeedList {
  /** The library of NVIDIA's driver, if the command may use a GPU. */
  driver: string | undefined;
  readonly #needs = new Map<string, Need>();
  readonly #evaluate: Evaluate | undefined;
  /** Paths that only Rocket or a package manager fills. Their links are not searched. */
  readonly #own = new Set<string>();
  /** All other paths. One can also be among {@linkcode #own}: a project below Rocket's checkout. */
  readonly #foreign = new Set<string>();
  readonly #code = new Set<string>();
  readonly #listedIn = new Map<string, string>();
  readonly #packages = new Set<string>();
  /** Whether the command runs code other than Rocket's. */
  #hasCode = false;
  /** The code outside of projects that the command line allows. */
  #allowPlugins: readonly string[] = [];

  constructor(evaluate?: Evaluate) {
    this.#evaluate = evaluate;
  }

  all(): Need[] {
    return [...this.#needs.values()];
  }

  answer(engine?: string): Needs {
    if (this.#hasCode) {
      this.#addLinks();
      this.#nameTargets();
    }
    return {
      permissions: this.all(),
      engine,
      hasCode: this.#hasCode,
      code: [...this.#code],
      listedIn: Object.fromEntries(this.#listedIn),
      packages: [...this.#packages],
    };
  }

  add(permission: Need["permission"], of: string, why: string, isMentioned = false): void {
    if (!of.isWellFormed()) {
      throw new UserError(
        `${JSON.stringify(of)} is not valid Unicode, so it cannot be a path or a name`,
        {
          exitCode: 2,
        },
      );
    }
    if (ofPaths.has(permission)) this.#foreign.add(of).add(targetOf(of));
    this.#grant(permission, of, why, isMentioned);
  }

  #grant(permission: Need["permission"], of: string, why: string, isMentioned = false): void {
    const key = `${permission} ${of}`;
    if (this.#needs.has(key)) return;
    const mentioned = isMentioned || permission === "read" && holdsHome(of);
    this.#needs.set(key, { permission, of, why, ...(mentioned && { mentioned }) });
    if (!ofPaths.has(permission)) return;
    // Deno checks the target of a link. The user's own links may lead to another disk.
    const target = targetOf(of);
    if (target !== of) this.#grant(permission, target, `${why}; the target of ${of}`);
  }

  /** Adds a folder or file from which native code is loaded. */
  #addNative(of: string, library: string, does: string): void {
    for (const path of new Set([of, targetOf(of)])) {
      const need = { permission: "ffi", of: path, why: `${library}, ${does}`, library } as const;
      this.#needs.set(`ffi ${path} ${library}`, need);
    }
  }

  /** Adds a folder that only Rocket or a package manager fills, so that it has no foreign links. */
  #addOwn(permission: "read" | "write", of: string, why: string): void {
    this.#grant(permission, of, why);
    this.#own.add(of).add(targetOf(of));
  }

  /** Checks whether code of others may be in a folder, so that its links must be searched. */
  #isSearched(folder: string): boolean {
    return (!this.#own.has(folder) || this.#foreign.has(folder)) && !holdsHome(folder);
  }

  /**
   * Adds the targets of links in the folders that custom code may use. Deno follows links, so the
   * code can use their targets even if the permissions do not name them.
   */
  #addLinks(): void {
    for (const permission of ["read", "write"] as const) {
      const granted = this.all().flatMap((need) => need.permission === permission ? need.of : []);
      // Access to the home folder, which the user sees, includes everything that links in it reach.
      const searched = granted.filter((folder) => this.#isSearched(folder));
      const { links, movable, shared, devices, unfinished } = linksOut(searched, {
        granted,
        writes: permission === "write",
        isSearched: (target) => !holdsHome(target) && !isOfSystem(target),
        isForbidden: isOfSystem,
      });
      for (const { link, target } of links) {
        // Deno protects these folders by their paths, but not links to them.
        if (isOfSystem(target)) {
          throw new UserError(
            `${link} is a link to ${target}, through which code can reach any file: remove the link`,
            { exitCode: 2 },
          );
        }
        this.add(permission, target, `the target of the link ${link}`, true);
      }
      for (const link of movable) {
        throw new UserError(
          `the target of the link ${link} contains .., so custom code could make the link lead to another place: remove the link, or write its target as an absolute path without ..`,
          { exitCode: 2 },
        );
      }
      for (const device of devices) {
        throw new UserError(`${device} is a device, which custom code could use: remove it`, {
          exitCode: 2,
        });
      }
      for (const file of shared) {
        throw new UserError(
          `${file} is a hard link: custom code that writes to it would also change the file under its other path; replace it with a copy`,
          { exitCode: 2 },
        );
      }
      for (const of of unfinished) {
        const why = "it cannot be searched completely for links that lead out of it";
        if (permission === "write") {
          throw new UserError(`custom code must not write to ${of}: ${why}`, {
            exitCode: 2,
          });
        }
        this.#needs.set(`${permission} ${of}`, { permission, of, why, mentioned: true });
      }
    }
  }

  /**
   * Makes the line name the targets of links that the pipeline itself leads through, in the folders
   * that custom code may use.
   */
  #nameTargets(): void {
    const paths = this.all().filter(({ permission }) => ofPaths.has(permission));
    for (const { permission, of } of paths) {
      const target = targetOf(of);
      const leadsOut = target !== of &&
        paths.some((one) =>
          one.permission === permission && one.of !== of && isInside(one.of, of) &&
          !isInside(one.of, target)
        );
      const key = `${permission} ${target}`, need = this.#needs.get(key);
      if (leadsOut && need) this.#needs.set(key, { ...need, mentioned: true });
    }
  }

  /** Adds Rocket's own files and the current folder. */
  addProject(): void {
    this.addRocket();
    this.add("read", resolve("."), "the current folder");
  }

  /**
   * Adds Rocket's own files, the packages from npm, and the environment variables that it reads.
   */
  addRocket(): void {
    const root = new URL("../../../", import.meta.url);
    if (root.protocol === "file:") this.#addOwn("read", fileURLToPath(root), "Rocket's own files");
    this.#addOwn("read", join(denoFolder(), "npm"), "packages from npm");
    for (const [name, why] of Object.entries(variables)) this.add("env", name, why);
    this.add("sys", "homedir", "the cache is in the home folder");
  }

  /**
   * Adds the projects of code that `--allow-plugin` names, which may import files of its project.
   */
  async addAllowed(allowPlugins: readonly string[]): Promise<void> {
    this.#allowPlugins = allowPlugins;
    for (const code of allowPlugins) {
      if (isUrl(code)) continue;
      const { folder } = await allowedCode(dirname(resolve(code)));
      this.add("read", folder, `the project of ${code}, which --allow-plugin names`);
    }
  }

  /** Adds the permissions for everything that the pipelines of a sweep name. */
  async addSweep(
    file: string,
    { set, allowPlugins, allowEnv }: Arguments,
  ): Promise<Pick<SweepValue, "latency">> {
    this.add("read", dirname(resolve(file)), `the folder of ${basename(file)}`);
    const allowed = await allowedCode(dirname(file), allowPlugins);
    this.add("read", allowed.folder, "the project of the sweep");
    const { readSweep } = await import("../../pipeline/sweep_file/read.ts");
    const { runs, value } = await readSweep(file, {
      set,
      allowed,
      allowEnv,
      evaluate: this.#evaluate,
      onVariable: (name) => this.#addVariable(name),
      onFile: (path) => this.#addPart(path, "a pipeline file of the sweep"),
    });
    for (const run of runs) await this.#addNamed(run.document(), allowed);
    return value;
  }

  /**
   * Adds ONNX Runtime if a sweep measures latency with it. With `auto`, nothing is downloaded, and
   * plugins that are restricted because the engine is wasm remain restricted.
   */
  addLatency(engine: "auto" | "onnx", ofRuns: string | undefined): void {
    const isRestricted = this.#hasCode && ofRuns === "wasm";
    if (engine === "auto" && (isRestricted || !hasOnnxRuntime())) return;
    this.#addOnnxRuntime("which measures the latency");
    if (engine === "onnx") { for (const one of onnxRuntimePackages) this.#packages.add(one); }
  }

  async addPipeline(file: string, { set, allowPlugins, allowEnv }: Arguments): Promise<void> {
    const folder = dirname(resolve(file));
    this.add("read", folder, `the folder of ${basename(file)}`);
    const allowed = await allowedCode(dirname(file), allowPlugins);
    const document = await readDocument(file, {
      set,
      allowed,
      allowEnv,
      evaluate: this.#evaluate,
      onVariable: (name) => this.#addVariable(name),
      onFile: (path) => this.#addPart(path, "a pipeline file that it extends"),
    });
    this.add("read", allowed.folder, "the project of the pipeline");
    await this.#addNamed(document, allowed);
  }

  /** Adds a file that a pipeline consists of. */
  #addPart(path: string, why: string): void {
    this.add("read", dirname(path), why);
    const target = targetOf(path);
    if (target !== path) this.add("read", target, `${why}; the target of ${path}`);
    if (!isModule(path)) return;
    this.#hasCode = true;
    this.#code.add(path);
  }

  /** Adds the stage that `show` loads, unless it is built in. */
  async addShown(use: string, { allowPlugins }: Arguments): Promise<void> {
    if (!isElsewhere(use)) return;
    this.#hasCode = true;
    const allowed = await allowedCode(Deno.cwd(), allowPlugins);
    await this.#addCode(use, Deno.cwd(), { allowed, place: { file: use } });
  }

  /**
   * Adds the permissions for everything that the pipeline of an earlier run names. If the folder
   * contains no run, the command reports it.
   *
   * @returns The engine of that run.
   */
  async addRun(out: string, options: Arguments): Promise<string | undefined> {
    const { earlier, allowed, document } = await readRun(out, {
      ...options,
      evaluate: this.#evaluate,
      onVariable: (name) => this.#addVariable(name),
    });
    for (const folder of allowed.folders) this.add("read", folder, "a project of the pipeline");
    await this.#addNamed(document, allowed);
    return earlier.engine;
  }

  /**
   * Adds the code of the stages in `model.json` of a run or an export, and the environment variables
   * in their options. The data of the run is not needed.
   */
  async addModel(out: string, allowPlugins: readonly string[]): Promise<void> {
    this.add("sys", "systemMemoryInfo", "how much memory the rows of a net may take");
    this.add("env", handedOver.memory, "how much memory the command may take");
    const model = await modelOf(out);
    const { light, booster } = Object(Object(model.network).options);
    // The options `light` and `booster` of the network `pair` are networks.
    const stages = [model.network, light, booster, model.transforms].flat().map(Object);
    for (const { options } of stages) {
      variablesIn(options).forEach((name) => this.#addVariable(name));
    }
    // The model of an export folder names stages as well, but their code is never loaded.
    if (!isRun(out)) return;
    const used = stages.map(({ use }) => use)
      .filter((use): use is string => typeof use === "string" && isElsewhere(use));
    if (used.length === 0) return;
    const { project } = await readEarlierRun(out);
    const allowed = await allowedCodeOfRun(out, project, allowPlugins);
    for (const folder of allowed.folders) this.add("read", folder, "a project of the pipeline");
    for (const use of used) {
      this.#hasCode = true;
      // Names in model.json start in the current folder.
      const place = { file: join(out, runFiles.model) };
      await this.#addCode(use, Deno.cwd(), { allowed, place });
    }
  }

  /** Adds the ONNX files of a run's nets, and their hashes, which are in the user's cache. */
  addKeptNets(run: string): void {
    this.add("write", join(run, "model"), "the nets in the form of ONNX Runtime");
    for (const permission of ["write", "read"] as const) {
      // Custom code may write to this folder, so that links in it are searched.
      this.add(permission, keptNetsFolder(), "hashes of the nets in the form of ONNX Runtime");
    }
  }

  /** A file that the command writes, without the folder that contains it. */
  addWritten(file: string, why: string): void {
    const path = resolve(file);
    for (const permission of ["write", "read"] as const) {
      this.add(permission, path, why);
      this.add(permission, draftFolderOf(path), `${why}, while they are written`);
    }
  }

  /** Adds the files with rows, and what reading them requires. */
  async addInput(input: string, options: Arguments): Promise<void> {
    if (/\.ya?ml$/i.test(input)) return await this.#addEntry(input, options);
    this.#addFile(input, resolve("."), { file: input });
    const format = rowFormat(input);
    if (format === "arrow" || format === "images") return;
    this.#addDuckdb("the input");
    this.#addTextFiles();
    for (const one of duckdbPackages) this.#packages.add(one);
  }

  /**
   * Adds the environment variables in the options with which a run reads files of a format, if the
   * input has that format.
   */
  async addReading(run: string, input: string): Promise<void> {
    const { source } = await modelOf(run), { use, options } = Object(source);
    if (use !== rowFormat(input)) return;
    variablesIn(options).forEach((name) => this.#addVariable(name));
  }

  /** What the pipeline of a run names. Without it, a report has no test rows, and says so. */
  async addReported(folder: string, options: Arguments): Promise<void> {
    try {
      await this.addRun(folder, options);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }

  /** What a file with one source entry names. */
  async #addEntry(file: string, { allowPlugins, allowEnv }: Arguments): Promise<void> {
    this.add("read", dirname(resolve(file)), `the folder of ${basename(file)}`);
    const allowed = await allowedCode(dirname(file), allowPlugins);
    const document = await readDocument(file, {
      allowed,
      allowEnv,
      evaluate: this.#evaluate,
      onVariable: (name) => this.#addVariable(name),
      onFile: (path) => this.#addPart(path, "a file that the input extends"),
    });
    this.add("read", allowed.folder, "the project of the input");
    // The entry stands where a pipeline has one of its sources.
    await this.#addNamed({
      value: { data: { test: document.value } },
      folderOf: (path) => document.folderOf(path.slice(2)),
      place: (path) => document.place(path.slice(2)),
    }, allowed);
    this.#addTextFiles();
  }

  /** What the sources that use DuckDB ask the machine. */
  #addTextFiles(): void {
    this.add("sys", "systemMemoryInfo", "how much memory DuckDB may take");
    this.add("sys", "statfs", "whether the disk has space for copies of text files in UTF-8");
    this.add("env", handedOver.memory, "how much memory the command may take");
  }

  /** What writes Parquet files. */
  addParquetWriter(): void {
    for (const one of parquetWriterPackages) this.#packages.add(one);
  }

  /** What draws pictures. */
  addPictures(): void {
    for (const one of vegaPackages) this.#packages.add(one);
  }

  /** Adds the permissions to check whether rows fit in memory or, as a copy, on the disk. */
  addRows(): void {
    this.add("sys", "systemMemoryInfo", "whether all rows fit in memory");
    this.add("sys", "statfs", "whether the disk has space for copied rows");
    this.add("env", handedOver.memory, "how much memory the command may take");
  }

  /** Adds the address that a server listens on. */
  addListen(host: string, port: number): void {
    this.add("net", `${isIP(host) === 6 ? `[${host}]` : host}:${port}`, "the server listens there");
  }

  /**
   * Returns the needs of a command that computes the trained nets of folders. Their `model.json` may
   * name code, even if their pipelines do not.
   */
  async withModels(
    folders: readonly string[],
    { engine = "auto", allowPlugins }: {
      readonly engine?: string | undefined;
      readonly allowPlugins: readonly string[];
    },
    temporary: string,
  ): Promise<Needs> {
    for (const folder of folders) await this.addModel(folder, allowPlugins);
    this.addTemporary(temporary);
    // The command refuses other engines for an export folder, so none is set up.
    if (folders.some(isRun) && (engine === "native" || engine === "wasm")) {
      return this.withEngine(engine, temporary);
    }
    return this.withOnnxRuntime();
  }

  /** Adds the folder for temporary files. */
  addTemporary(folder: string): void {
    this.#addOwn("write", folder, "temporary files of this command");
    this.#addOwn("read", folder, "temporary files of this command");
  }

  /** The needs of a command that only loads a net with ONNX Runtime. */
  withOnnxRuntime(): Needs {
    this.#addOnnxRuntime("which computes the net");
    for (const one of onnxRuntimePackages) this.#packages.add(one);
    return this.answer();
  }

  #addOnnxRuntime(what: string): void {
    this.#addNative(join(denoFolder(), "npm"), "ONNX Runtime", what);
    this.add("env", noTelemetry, "turns off ONNX Runtime's telemetry");
  }

  /**
   * Adds an environment variable that the pipeline or `model.json` names. The line about permissions mentions it,
   * even if Rocket itself reads it as well.
   */
  #addVariable(name: string): void {
    this.#needs.set(`env ${name}`, {
      permission: "env",
      of: name,
      why: "the pipeline or model.json names it",
      mentioned: true,
    });
  }

  /** Adds what a pipeline names: the code of its stages, and the files that they read. */
  async #addNamed(
    document: Pick<Document, "value" | "folderOf" | "place">,
    allowed: AllowedCode,
  ): Promise<void> {
    for (const { what, kind, text, path, isPath: isKnown } of namedFiles(document.value)) {
      const place = document.place(path);
      const isCode = what === "stage" && isElsewhere(text);
      if (kind === "source" && (isCode || duckdbSources.has(text))) this.#addDuckdb(text);
      if (kind === "source" && duckdbSources.has(text)) {
        for (const one of duckdbPackages) this.#packages.add(one);
      }
      if (isCode) {
        this.#hasCode = true;
        await this.#addCode(text, document.folderOf(path), { allowed, place });
      }
      if (what === "run") await this.#addTeacher(resolve(document.folderOf(path), text));
      else if (what === "onnx") this.#addOnnxTeacher(text, document.folderOf(path), place);
      else if (isKnown || isPath(text)) this.#addFile(text, document.folderOf(path), place);
    }
  }

  /** Adds the run of a teacher, its code, and the cache for its logits. */
  async #addTeacher(run: string): Promise<void> {
    this.add("read", run, "the run of a teacher");
    await this.addModel(run, this.#allowPlugins);
    this.#addTeachersCache();
  }

  /** Adds the ONNX file of a teacher, ONNX Runtime, and the cache for its outputs. */
  #addOnnxTeacher(file: string, folder: string, place: Place): void {
    this.#addFile(isElsewhere(file) ? file : `./${file}`, folder, place);
    this.#addOnnxRuntime("which computes the teacher");
    for (const one of onnxRuntimePackages) this.#packages.add(one);
    this.#addTeachersCache();
  }

  #addTeachersCache(): void {
    for (const permission of ["write", "read"] as const) {
      // Custom code may write to this folder, so that links in it are searched.
      this.add(permission, teachersFolder(), "outputs of teachers for training rows");
    }
  }

  /**
   * Adds code to load, and its server. Code that is not allowed is left out; the command reports it.
   */
  async #addCode(use: string, folder: string, { allowed, place }: {
    readonly allowed: AllowedCode;
    readonly place: Place;
  }): Promise<void> {
    const [specifier] = use.split("#", 1) as [string];
    try {
      const list = await allowed.refuse(specifier, { folder, place: undefined });
      if (list !== undefined) this.#listedIn.set(specifier, list);
    } catch (error) {
      if (error instanceof UserError) return;
      throw error;
    }
    this.#addServer(specifier, place);
    if (!isUrl(specifier)) this.#code.add(resolve(folder, specifier));
    else this.#code.add(/^file:/i.test(specifier) ? fileURLToPath(specifier) : specifier);
  }

  /** Adds the server of code that the user allows. */
  #addServer(name: string, place: Place): void {
    if (/^jsr:/i.test(name)) this.add("import", hostOf(jsrRegistry(), place), name);
    if (!/^https?:/i.test(name) || !URL.canParse(name)) return;
    this.add("import", hostOf(new URL(name), place), name);
  }

  #addFile(name: string, folder: string, place: Place): void {
    // A stage's module may be followed by # and a name; the name of a file may contain #.
    const specifier = statOf(resolve(folder, name)) ? name : name.split("#", 1)[0]!;
    if (/^https?:/i.test(name)) {
      if (URL.canParse(name)) this.add("net", hostOf(new URL(name), place), name);
      return;
    }
    if (isUrl(name)) return;
    const path = isAbsolute(specifier) ? specifier : resolve(folder, specifier);
    const info = statOf(path);
    // A glob is searched from its last folder without a wildcard; a folder is read itself.
    const fixed = !info && isGlob(path)
      ? resolve(folder, fixedFolder(specifier))
      : info?.isDirectory
      ? path
      : dirname(path);
    this.add("read", fixed, `the folder ${fixed === path ? "" : "of "}${name}`);
    const target = targetOf(path);
    if (target === path) return;
    this.add("read", target, `the target of ${name}`);
    // Rocket refuses a database with a log, which DuckDB looks for beside the target.
    if (databaseFiles.extensions.test(path)) {
      this.add("read", `${target}.wal`, `whether ${name} has a log`);
    }
  }

  #addDuckdb(use: string): void {
    this.#addNative(join(denoFolder(), "npm"), "DuckDB", `which reads ${use}`);
  }

  /** Returns the needs of a command that computes with an engine. */
  withEngine(engine: string, temporary: string): Needs {
    this.#addEngine(engine, temporary);
    return this.answer(engine);
  }

  #addEngine(engine: string, temporary: string): void {
    const cache = cacheFolder();
    this.#addOwn("write", temporary, "temporary files of this run");
    this.#addOwn("read", temporary, "temporary files of this run");
    this.#addOwn("read", cache, "TensorFlow");
    this.add("sys", "uid", "whether the cache is this user's");
    this.add("sys", "systemMemoryInfo", "whether all rows fit in memory");
    this.add("sys", "statfs", "whether the disk has space for copied rows");
    this.add("env", handedOver.memory, "how much memory the run may take");
    this.add("env", handedOver.processor, "whether the processor computes in bfloat16");
    if (engine === "wasm") return;
    this.#addNative(cache, "TensorFlow", "which computes");
    const c = cLibrary();
    if (c !== undefined) this.#addNative(c, "TensorFlow", "whose messages the C library hides");
    this.add("env", "TF_CPP_MIN_LOG_LEVEL", "sets TensorFlow's log level");
    this.add("env", "TF_NUM_INTRAOP_THREADS", "sets TensorFlow's number of threads");
    // A run that is continued sets them again without the options.
    this.add("env", "TF_DETERMINISTIC_OPS", "makes TensorFlow compute the same bytes in each run");
    this.add("env", "TF_XLA_FLAGS", "makes TensorFlow compile graphs with XLA");
    if (this.driver === undefined) return;
    this.#addNative(this.driver, "NVIDIA's driver", "whose GPUs TensorFlow uses");
    this.add("env", "LD_LIBRARY_PATH", "names folders of NVIDIA's driver");
    this.add("env", "NVIDIA_TF32_OVERRIDE", "turns off the rounding of float32 to TF32");
  }
}

/** Checks whether a folder is a run folder, and not one that `export` wrote. */
const isRun = (folder: string): boolean => statOf(join(folder, runFiles.pipeline)) !== undefined;

/**
 * Returns the host and port of an address for Deno's permissions. A `*` would stand for many hosts,
 * so it is rejected.
 */
function hostOf(url: URL, place?: Place): string {
  const { hostname } = url;
  if (!/^([\w-]+\.)*[\w-]+\.?$|^\[[\da-f:.]+\]$/.test(hostname)) {
    throw new UserError(`${JSON.stringify(hostname)} is not a host name or an IP address`, {
      place,
      hint: hint(
        "address/host",
        "write the complete host name, such as https://data.example.org/x.arrow",
        {
          edit: "the address",
        },
      ),
      exitCode: 2,
    });
  }
  return permissionHost(url);
}

/** Checks whether a folder contains the user's home folder. */
function holdsHome(folder: string): boolean {
  const home = homedir();
  return [home, targetOf(home)].some((one) =>
    !/^\.\.([/\\]|$)/.test(relative(folder, one)) &&
    !isAbsolute(relative(folder, one))
  );
}

/** What `model.json` of a run or an export names. */
interface ModelNames {
  readonly network?: unknown;
  readonly transforms?: unknown;
  readonly source?: unknown;
}

/**
 * Reads `model.json` of a folder, unless it is a link that leads out of the folder. The command
 * reports what is wrong with the file.
 */
async function modelOf(folder: string): Promise<ModelNames> {
  try {
    return Object(JSON.parse(await readTextInside(folder, runFiles.model)));
  } catch {
    return {};
  }
}

/**
 * Checks whether a text of a pipeline may be a path. A text without a slash and without an
 * extension is a name.
 */
const isPath = (text: string) => text.length < 4096 && !text.includes("\n") && /[./]/.test(text);

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Formats the permissions of a command line with their reasons, whether it loads custom code, and
 * the flags of Deno that grant the permissions.
 *
 * @param needs The permissions, and whether custom code is loaded.
 */
export function permissionsText(
  { permissions, hasCode, setsUp, cluster }: Pick<
    Needs,
    "permissions" | "hasCode" | "setsUp" | "cluster"
  >,
): string[] {
  if (setsUp) {
    return [
      "This command loads no custom code. It may read and write all files, read all environment",
      "variables, and start programs, since it sets up TensorFlow with pip and a compiler.",
    ];
  }
  const rows = permissions.map(({ permission, of, why }) => [
    permission,
    of,
    why,
  ]);
  const flags = flagsOf(permissions)?.map((flag) => `'${flag.replaceAll("'", `'\\''`)}'`).join(" ");
  return [
    ...table(["permission", "for", "why"], rows, ["left", "left", "left"]),
    "",
    ...cluster
      ? [
        `TensorFlow listens on ${cluster.addresses[cluster.rank]}, outside of these permissions.`,
        "",
      ]
      : [],
    hasCode ? "This command loads custom code." : "This command loads no custom code.",
    ...(flags !== undefined ? [flags] : [
      "A path with a comma cannot be granted by a flag. Write this in a deno.json, and start with deno run -P:",
      ...JSON.stringify({ permissions: { default: permissionSet(permissions) } }, undefined, 2)
        .split("\n"),
    ]),
  ];
}
