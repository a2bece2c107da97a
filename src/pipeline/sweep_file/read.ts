/**
 * Reads sweep files into lists of pipelines whose values know their places.
 *
 * @module
 */

import { commandName } from "../../base/command_name.ts";
import { basename, extname } from "node:path";
import { fileKey } from "../../base/files/file_key.ts";
import { changeAt, parsePath } from "../document/changes.ts";
import { collect } from "../../base/collect.ts";
import {
  type Document,
  documentOf,
  extended,
  pathFrom,
  type Reading,
  readNode,
  type ReadOptions,
  startReading,
} from "../document/document.ts";
import { type Problem, UserError } from "../../base/errors.ts";
import { quoted } from "../../base/quoted.ts";
import { formatCount } from "../../base/text_table.ts";
import { sweepFiles } from "../../base/files/sweep_files.ts";
import { hint, type HintText, nameHint } from "../../base/hints.ts";
import { largest } from "../../base/long_lists.ts";
import { mergePipelines } from "../document/merge_pipelines.ts";
import { childOf, type MapNode, type Node, nodeOf, placeOf } from "../document/nodes.ts";
import { zodProblems } from "../option_problems.ts";
import { type Axis, combinations, type GridPoint, shortNames } from "./grid.ts";
import { sweepSchema, type SweepValue } from "./schema.ts";

/** A setting of a sweep at one point of the grid. */
export interface Setting {
  /** Its name, with the grid's values: `rocket,depth=10`. */
  readonly key: string;
  /** Its name in the file. */
  readonly name: string;
  /**
   * The key of the setting that it is compared with: the reference at the same point of the grid.
   */
  readonly reference: string;
  /**
   * The key of the setting that trains a net of the booster's size alone, at the same point of the
   * grid, if the sweep has one.
   */
  readonly booster?: string | undefined;
}

/** One run of a sweep: a setting with a seed. */
export interface SweepRun {
  /** The setting's key. */
  readonly setting: string;
  /** The seed. */
  readonly seed: number;
  /** Returns the run's pipeline; throws if a change from the command line is wrong. */
  document(): Document;
}

/** A sweep that was read from a sweep file, or from a value in a program. */
export interface Sweep {
  /** The document of the sweep, which knows the places of its values. */
  readonly document: Document;
  /** The name of the sweep's folder. */
  readonly name: string;
  /** The settings at all points of the grid, in the order of the file. */
  readonly settings: readonly Setting[];
  /** The seeds. */
  readonly seeds: readonly number[];
  /** The runs: all settings with the first seed, then all settings with the next seed. */
  readonly runs: readonly SweepRun[];
  /** The checked value of the file, except for its pipelines. */
  readonly value: SweepValue;
}

/** The options for reading a sweep file. */
export interface ReadSweepOptions extends ReadOptions {
  /** The setting that the others are compared with, instead of the file's. */
  readonly reference?: string | undefined;
}

/**
 * Reads a sweep file and the pipelines that it names.
 *
 * @param file A YAML, JSON or TypeScript file.
 * @param options Changes to all pipelines, the code that may be read, and callbacks.
 * @returns The sweep; its pipelines are not checked yet.
 * @throws {UserError} With all problems of the sweep file; exit code 2.
 */
export async function readSweep(file: string, options: ReadSweepOptions): Promise<Sweep> {
  const reading = startReading(options);
  return await sweepOf(await readNode(file, reading), file, options, reading);
}

/**
 * Reads a sweep that a program provides as a value.
 *
 * @param value The sweep, from `defineSweep()`; relative paths start from the current folder.
 * @param options As for {@linkcode readSweep}.
 * @returns The sweep; its pipelines are not checked yet.
 * @throws {UserError} With all problems of the sweep; exit code 2.
 */
export async function readSweepValue(value: object, options: ReadSweepOptions): Promise<Sweep> {
  const origin = { file: "the sweep", folder: Deno.cwd() }, reading = startReading(options);
  const root = await extended(nodeOf(value, origin), reading);
  return await sweepOf(root, origin.file, options, reading);
}

async function sweepOf(
  node: Node,
  file: string,
  options: ReadSweepOptions,
  reading: Reading,
): Promise<Sweep> {
  const root = node as MapNode;
  const document = documentOf(root, file, reading.environment);
  refusePipeline(document);
  const subject = { document, path: [], stage: "the sweep" };
  const problems = zodProblems(sweepSchema, document.value, subject);
  if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
  const value = sweepSchema.parse(document.value);
  return await new SweepReader(root, document, value, options, reading).read();
}

/** Rejects a pipeline file. Otherwise, the message would list all keys of a sweep as missing. */
function refusePipeline({ file, value }: Document): void {
  const has = (key: string) => Object.hasOwn(Object(value), key);
  if (!has("network") || has("base")) return;
  throw new UserError(`${file} is a pipeline file, not a sweep file`, {
    hint: hint(
      "sweep/pipeline",
      `to run it: ${commandName()} ${
        quoted(file)
      }; to compare variants, write a sweep file with this file as its \`base\``,
      { outside: "another command reads the file" },
    ),
    exitCode: 2,
  });
}

/** The largest number of runs of a sweep: a small file can have grids with billions of points. */
const MOST_RUNS = 10_000;

/** The maximum number of paths in a grid. */
const MOST_AXES = 50;

/** The names of files in a sweep's folder, which a setting cannot have. */
const ownFiles: ReadonlySet<string> = new Set(Object.values(sweepFiles));

/** The maximum length of the name of a setting's folder in bytes. Most file systems allow 255. */
const LONGEST_NAME = 200;

/**
 * Returns the name of a sweep without `name`, after which its folder is called. The file's name may
 * consist of dots, which would lead to another folder.
 */
function nameOf(file: string): string {
  const name = basename(file, extname(file));
  return /^\.*$/.test(name) ? "sweep" : name;
}

class SweepReader {
  readonly #root: MapNode;
  readonly #document: Document;
  readonly #value: SweepValue;
  readonly #options: ReadSweepOptions;
  readonly #reading: Reading;
  readonly #problems: Problem[] = [];

  constructor(
    root: MapNode,
    document: Document,
    value: SweepValue,
    options: ReadSweepOptions,
    reading: Reading,
  ) {
    this.#root = root;
    this.#document = document;
    this.#value = value;
    this.#options = options;
    this.#reading = reading;
  }

  async read(): Promise<Sweep> {
    const { name, settings: written, seeds } = this.#value, { file } = this.#document;
    const names = Object.keys(written);
    if (names.length === 0) this.#problem("the sweep has no settings", ["settings"]);
    const reference = this.#reference(names), booster = this.#booster(names);
    this.#refuseSeedsTwice();
    this.#refuseFileNames(names);
    const common = this.#axes(this.#part("grid"), ["grid"]);
    const own = names.map((name) =>
      this.#axes(
        childOf(this.#part("settings", name)!, "grid"),
        ["settings", name, "grid"],
      )
    );
    this.#refuseManyRuns(common, own);
    // The folders of runs are named after the keys of their settings. A change to the grid of one
    // setting must not change the keys of others.
    this.#refuseManyAxes(common, own);
    const textsOf = (axes: readonly Axis[]) => axes.map((axis) => axis[0]!.text);
    const ofCommon = shortNames(textsOf(common));
    const ofOwn = own.map((axes) => shortNames([...ofCommon.keys(), ...textsOf(axes)]));
    const labels = (points: readonly GridPoint[], short: ReadonlyMap<string, string>) =>
      points.map(({ text, label }) => `${short.get(text)}=${label}`);
    const base = await this.#base();
    const settings: Setting[] = [], pipelines: Node[] = [];
    for (const [index, name] of names.entries()) {
      const changes = this.#part("settings", name)!;
      const setting = await collect(
        this.#problems,
        () => withSetting(base, changes, this.#reading),
      );
      for (const shared of combinations(common)) {
        const at = labels(shared, ofCommon);
        for (const points of combinations(own[index]!)) {
          settings.push({
            key: [name, ...at, ...labels(points, ofOwn[index]!)].join(","),
            name,
            reference: [reference, ...at].join(","),
            ...(booster !== undefined && { booster: [booster, ...at].join(",") }),
          });
          const node = setting &&
            await collect(this.#problems, () => atPoints(setting, [...shared, ...points]));
          pipelines.push(node ?? base);
        }
      }
    }
    if (own[names.indexOf(reference)]?.length) {
      this.#problem(
        "the reference setting cannot have its own `grid`, because there can be only one reference",
        ["settings", reference, "grid"],
      );
    }
    if (booster !== undefined && own[names.indexOf(booster)]?.length) {
      this.#problem(
        "the setting of `booster` cannot have its own `grid`, because there can be only one booster",
        ["settings", booster, "grid"],
      );
    }
    this.#refuseLongNames(settings);
    this.#refuseSameFolders(settings);
    if (this.#problems.length > 0) throw new UserError(this.#problems, { exitCode: 2 });
    const runs = seeds.flatMap((seed, at): SweepRun[] =>
      settings.map(({ key }, index) => ({
        setting: key,
        seed,
        document: () => {
          const value = this.#part("seeds", at)!, place = placeOf(value, ["seeds", at]);
          const node = changeAt(pipelines[index]!, ["seed"], value, place);
          return documentOf(node, file, {
            ...this.#reading.environment,
            set: this.#options.set ?? [],
          });
        },
      }))
    );
    return {
      document: this.#document,
      name: name ?? nameOf(file),
      settings,
      seeds,
      runs,
      value: this.#value,
    };
  }

  /** Rejects grids that vary so many options that their labels could not be part of a folder's name. */
  #refuseManyAxes(common: readonly Axis[], own: readonly (readonly Axis[])[]): void {
    const most = largest(own.map(({ length }) => common.length + length));
    if (most <= MOST_AXES) return;
    const place = this.#document.place([common.length > 0 ? "grid" : "settings"]);
    throw new UserError(
      `a grid of the sweep varies ${formatCount(most)} options; at most ${MOST_AXES} are allowed`,
      { place, exitCode: 2 },
    );
  }

  /** Rejects grids whose values have more combinations than a sweep can run. */
  #refuseManyRuns(common: readonly Axis[], own: readonly (readonly Axis[])[]): void {
    const points = (axes: readonly Axis[]) => axes.reduce((count, { length }) => count * length, 1);
    const settings = own.reduce((sum, axes) => sum + points(axes), 0);
    const runs = settings * points(common) * this.#value.seeds.length;
    if (runs <= MOST_RUNS) return;
    const place = this.#document.place([common.length > 0 ? "grid" : "settings"]);
    throw new UserError(
      `the sweep has ${formatCount(runs)} runs; at most ${formatCount(MOST_RUNS)} are allowed`,
      { place, exitCode: 2 },
    );
  }

  /** Returns a value of the file; undefined if it does not exist. */
  #part(...path: readonly (string | number)[]): Node | undefined {
    return path.reduce<Node | undefined>((node, key) => node && childOf(node, key), this.#root);
  }

  /**
   * Reads the base pipeline and disables `train.baseline`, since a sweep trains the light net alone
   * as a setting of its own.
   */
  async #base(): Promise<Node> {
    const node = this.#part("base")!, { base } = this.#value;
    const read = typeof base === "string"
      ? await readNode(pathFrom(node.origin.folder, base), this.#reading, placeOf(node, ["base"]))
      : await extended(node, this.#reading);
    const baseline = ["train", "baseline"]
      .reduce<Node | undefined>((part, key) => part && childOf(part, key), read);
    if (!baseline) return read;
    const none: Node = { ...baseline, kind: "scalar", value: "none" };
    return changeAt(read, ["train", "baseline"], none, placeOf(baseline, []));
  }

  #reference(names: readonly string[]): string {
    const asked = this.#options.reference;
    const reference = asked ?? this.#value.reference ?? names[0] ?? "";
    if (names.length > 0 && !names.includes(reference)) {
      this.#problems.push({
        message: `the reference ${JSON.stringify(reference)} is not a setting of the sweep`,
        place: asked === undefined ? this.#document.keyPlace(["reference"]) : undefined,
        hint: nameHint("sweep/reference", {
          written: reference,
          names,
          intro: "the settings are",
          change: (name) =>
            asked === undefined ? { set: { ".": name } } : {
              args: {
                replace: { [asked]: name, [`--reference=${asked}`]: `--reference=${name}` },
              },
            },
        }),
      });
    }
    return reference;
  }

  #booster(names: readonly string[]): string | undefined {
    const { booster } = this.#value;
    if (booster === undefined || names.length === 0 || names.includes(booster)) return booster;
    this.#problems.push({
      message: `the booster ${JSON.stringify(booster)} is not a setting of the sweep`,
      place: this.#document.place(["booster"]),
      hint: nameHint("sweep/booster", {
        written: booster,
        names,
        intro: "the settings are",
        change: (name) => ({ set: { ".": name } }),
      }),
    });
    return booster;
  }

  /** The folders of settings are in the sweep's folder, beside its files. */
  #refuseFileNames(names: readonly string[]): void {
    for (const name of names) {
      // Some file systems ignore case.
      if (!ownFiles.has(fileKey(name))) continue;
      this.#problem(
        `the setting cannot be called ${name}, because the sweep writes a file with this name`,
        ["settings", name],
        hint("sweep/file-name", "rename the setting", { edit: "the name" }),
      );
    }
  }

  /** Rejects settings whose names are too long for folders. */
  #refuseLongNames(settings: readonly Setting[]): void {
    const long = settings.find(({ key }) => new TextEncoder().encode(key).length > LONGEST_NAME);
    if (!long) return;
    this.#problem(
      `the name of the setting's folder would be longer than ${LONGEST_NAME} bytes: ${long.key}`,
      ["settings", long.name],
      hint(
        "sweep/long-name",
        "use a shorter name for the setting, and for the values of the grid: { NAME: VALUE }",
        { edit: "the names" },
      ),
    );
  }

  /** Rejects settings whose folders are the same on file systems that ignore case. */
  #refuseSameFolders(settings: readonly Setting[]): void {
    const seen = new Map<string, string>();
    for (const { key, name } of settings) {
      const other = seen.get(fileKey(key));
      if (other !== undefined) {
        this.#problem(
          `the settings ${other} and ${key} differ only in case, so some file systems treat their folders as one`,
          ["settings", name],
          hint("sweep/case", "rename one of the settings", {
            edit: "the name",
          }),
        );
      }
      seen.set(fileKey(key), key);
    }
  }

  #refuseSeedsTwice(): void {
    const { seeds } = this.#value;
    for (const [index, seed] of seeds.entries()) {
      if (seeds.indexOf(seed) < index) {
        this.#problem(`the seed ${seed} is listed twice`, ["seeds", index]);
      }
    }
  }

  #axes(grid: Node | undefined, path: readonly string[]): Axis[] {
    if (grid?.kind !== "map") return [];
    return Array.from(grid.entries, ([text, { value: node }]): Axis => {
      const keys = parsePath(text);
      if (!keys) {
        this.#problem(
          `${JSON.stringify(text)} is not a valid path of a pipeline option`,
          [...path, text],
          hint("sweep/axis", "write a path and its values, such as losses.2.weight: [0.01, 0.1]", {
            edit: "the path",
          }),
        );
      }
      const point = (label: string, value: Node) => ({ path: keys ?? [text], text, label, value });
      if (node.kind === "map") {
        return Array.from(node.entries, ([label, { value }]) => point(label, value));
      }
      const items = node.kind === "list" ? node.items : [];
      const labels = items.map((item) => item.kind === "scalar" ? String(item.value) : "");
      for (const [index, label] of labels.entries()) {
        if (labels.indexOf(label) < index) {
          this.#problem(`the value ${label} is listed twice`, [...path, text, index]);
        }
      }
      return items.map((item, index) => point(labels[index]!, item));
    }).filter((axis) => axis.length > 0);
  }

  #problem(message: string, path: readonly (string | number)[], hint?: HintText): void {
    this.#problems.push({ message, place: this.#document.keyPlace(path), hint });
  }
}

/**
 * Applies a setting to the base pipeline: merges its maps, then sets the values of its paths.
 */
async function withSetting(base: Node, setting: Node, reading: Reading): Promise<Node> {
  if (setting.kind !== "map") return base;
  const parts = new Map(setting.entries), changes: [string, Node][] = [];
  parts.delete("grid");
  for (const [key, { value }] of setting.entries) {
    if (!/[.[]/.test(key)) continue;
    parts.delete(key);
    changes.push([key, value]);
  }
  const laid = mergePipelines(base, await extended({ ...setting, entries: parts }, reading));
  return changes.reduce((node, [key, value]) => {
    const path = parsePath(key), place = placeOf(value, [key]);
    if (path) return changeAt(node, path, value, place);
    throw new UserError(`${JSON.stringify(key)} is not a valid path of a pipeline option`, {
      place,
      hint: hint("sweep/change", "write a path and a value, such as losses.2.weight: 0.1", {
        edit: "the path",
      }),
      exitCode: 2,
    });
  }, laid);
}

function atPoints(pipeline: Node, points: readonly GridPoint[]): Node {
  return points.reduce(
    (node, { path, value }) => changeAt(node, path, value, placeOf(value, path)),
    pipeline,
  );
}
