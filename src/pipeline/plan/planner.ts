import { fileKey } from "../../base/files/file_key.ts";
import { collect } from "../../base/collect.ts";
import type { Document, Path } from "../document/document.ts";
import { STAGE } from "../document/environment.ts";
import type { Place, Problem } from "../../base/errors.ts";
import { hint, type HintText } from "../../base/hints.ts";
import { appendTo } from "../../base/long_lists.ts";
import { checkOptions } from "../option_problems.ts";
import type { PlannedStage } from "../plan.ts";
import { asPair } from "../pair.ts";
import { isStage, type Registry } from "../registry.ts";
import { commonKeys } from "../file_schema.ts";
import { callStage, type StageReference } from "../../stages/stage_error.ts";
import type { NetworkStage } from "../../stages/network.ts";
import { networkPart } from "../../stages/network_part.ts";
import type { AnyStage } from "../../stages/stage.ts";
import { absoluteUse, hasOwnBy, nestedStages, pathsOf } from "./stage_options.ts";

/** The entry of a stage in a pipeline, with its name in `use` and its options. */
export type Entry = { readonly use: string | AnyStage; readonly [option: string]: unknown };

/**
 * Makes the parts of a plan: it finds the stages that a pipeline file names and checks their
 * options.
 */
export class Planner {
  /** The document. */
  readonly document: Document;
  /** The problems so far. */
  readonly problems: Problem[];
  readonly #registry: Registry;

  /**
   * Makes a planner.
   *
   * @param document The document to plan.
   * @param registry Finds stages.
   * @param problems The problems so far, to which new ones are added.
   */
  constructor(document: Document, registry: Registry, problems: Problem[]) {
    this.document = document;
    this.#registry = registry;
    this.problems = problems;
  }

  /**
   * Finds a stage and checks its options.
   *
   * @param kind The expected kind.
   * @param entry The entry of the stage.
   * @param path The path of the entry in the document.
   * @param ignore The keys of the entry that are not options of the stage.
   * @returns The stage; undefined if there are problems, which have been added to `problems`.
   */
  async stage<S extends AnyStage>(
    kind: S["kind"],
    entry: Entry,
    path: Path,
    common: readonly string[] = commonKeys(kind),
  ): Promise<PlannedStage<S> | undefined> {
    const document = this.document;
    const place = document.place([...path, "use"]);
    const folder = document.folderOf([...path, "use"]);
    const stage = await collect(
      this.problems,
      () => this.#registry.find(kind, entry.use, { folder, place }) as Promise<S>,
    );
    if (!stage) return undefined;
    const ignore = hasOwnBy(stage) ? common.filter((key) => key !== "by") : common;
    const raw = Object.fromEntries(Object.entries(entry).filter(([key]) => !ignore.includes(key)));
    const set = setIn(document, entry, path);
    const reference = {
      ...{ kind, name: nameOf(entry.use, stage), place },
      ...(set.length > 0 && { set }),
    };
    const nested = await this.#nested(stage, raw, path);
    const given = { ...raw, ...nested.made };
    const result = await collect(this.problems, () =>
      callStage(
        reference,
        "the check of its options",
        () => checkOptions(stage, given, { document, path, ignore }),
      ));
    appendTo(this.problems, result?.problems ?? []);
    if (!result || result.problems.length > 0) return undefined;
    const { options } = result;
    const checked = options as Readonly<Record<string, unknown>>;
    const paths = pathsOf(stage, checked, (key) => document.folderOf([...path, key]));
    const use = absoluteUse(reference.name, folder);
    return {
      stage,
      options: { ...checked, ...paths.from(folder) },
      resolved: { [STAGE]: true, use, ...checked, ...paths.absolute, ...nested.resolved },
      reference,
      specifier: typeof entry.use === "string" ? use : undefined,
      folder,
    };
  }

  /** Creates the stages that are options of a stage, such as the schedule after a warm-up. */
  async #nested(
    stage: AnyStage,
    raw: Readonly<Record<string, unknown>>,
    path: Path,
  ): Promise<{ made: Record<string, unknown>; resolved: Record<string, unknown> }> {
    const made: Record<string, unknown> = {}, resolved: Record<string, unknown> = {};
    for (const [key, kind] of nestedStages(stage)) {
      const value = raw[key];
      const entry = typeof value === "string"
        ? { use: value }
        : kind === "network"
        ? asPair(value)
        : value;
      if (!isEntry(entry)) continue;
      const inner = await this.stage(kind, entry, [...path, key], ["use"]);
      const product = inner && await collect(this.problems, () => productOf(inner));
      // Its problems have been reported; the outer stage is still checked.
      made[key] = product ?? (() => NaN);
      if (inner) resolved[key] = inner.resolved;
    }
    return { made, resolved };
  }

  /**
   * Rejects duplicate names.
   *
   * @param entries The names.
   * @param list The plural noun for the named things in messages, such as `losses`.
   * @param ofFiles Whether files have these names, since some file systems ignore case.
   */
  refuseTwice(
    entries: readonly { name: string; place: Place | undefined }[],
    list: string,
    ofFiles = false,
  ) {
    const seen = new Map<string, string>();
    for (const { name, place } of entries) {
      const key = ofFiles ? fileKey(name) : name, other = seen.get(key);
      if (other !== undefined) {
        this.problem(
          other === name
            ? `two ${list} have the name ${JSON.stringify(name)}`
            : `the names ${JSON.stringify(other)} and ${
              JSON.stringify(name)
            } of two ${list} differ only in case, so some file systems treat their files as one`,
          place,
          hint("plan/twice", "give one of them a different `name:`", { set: { name: "another" } }),
        );
      }
      seen.set(key, name);
    }
  }

  /**
   * Adds a problem.
   *
   * @param message What is wrong.
   * @param place The place of the problem.
   * @param hint How to fix it.
   */
  problem(message: string, place: Place | undefined, hint: HintText): void {
    this.problems.push({ message, place, hint });
  }
}

/** Creates what a nested stage provides. A network is created later, when its features are known. */
function productOf({ stage, options, reference }: PlannedStage): unknown {
  return stage.kind === "network"
    ? networkPart(stage as NetworkStage, options, reference)
    : callStage(reference, "create()", () => stage.create(options, {}));
}

/**
 * Checks whether a value is an entry that names a stage.
 *
 * @param value A value of the document.
 */
export function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null || !("use" in value)) return false;
  const { use } = value;
  return typeof use === "string" ? use !== "" : isStage(use);
}

/**
 * Applies an asynchronous function to the entries of a list, one after another, and returns the
 * results that are not undefined.
 *
 * @param entries The entries.
 * @param plan The function.
 */
export async function each<T, R>(
  entries: readonly T[],
  plan: (entry: T, index: number) => Promise<R | undefined>,
): Promise<R[]> {
  const planned: R[] = [];
  for (const [index, entry] of entries.entries()) {
    const one = await plan(entry, index);
    if (one !== undefined) planned.push(one);
  }
  return planned;
}

/**
 * Returns the texts and numbers of an entry that come from `--set`. Texts shorter than three
 * characters are left out, because any message may contain them.
 */
function setIn(document: Document, value: unknown, path: Path): { text: string; place: Place }[] {
  if (typeof value === "object" && value !== null) {
    // A TypeScript pipeline may have stages as values.
    if (isStage(value)) return [];
    return Object.entries(value).flatMap(([key, item]) => {
      return setIn(document, item, [...path, Array.isArray(value) ? Number(key) : key]);
    });
  }
  const text = String(value);
  if (text.length < 3) return [];
  const place = document.place(path);
  return place.file.startsWith("--set ") ? [{ text, place }] : [];
}

const nameOf = (use: unknown, stage: AnyStage) => typeof use === "string" ? use : stage.name;

/**
 * Lists the name of each planned stage together with its place in the pipeline file.
 *
 * @param entries The planned stages.
 */
export const placed = (
  entries: readonly { name: string; reference: StageReference }[],
): { name: string; place: Place | undefined }[] =>
  entries.map(({ name, reference: { place } }) => ({ name, place }));
