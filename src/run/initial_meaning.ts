/**
 * Finds out what the positions along the axes of initial weights represent: for example, the
 * feature value that each row of an embedding table belongs to. This is read from the model.json of
 * the run that wrote the weights, or from the pipeline for files from other programs.
 *
 * @module
 */

import { join } from "node:path";
import { runFiles } from "../base/files/run_files.ts";
import { readRegular } from "../base/files/regular.ts";
import { type Problem, UserError } from "../base/errors.ts";
import { thrownMessage } from "../base/printable.ts";
import { counted } from "../base/text_table.ts";
import { hint, type HintText, nameHint } from "../base/hints.ts";
import { LargeMap } from "../base/large_map.ts";
import type { InitialFile, PlannedInitial } from "../pipeline/plan.ts";
import { type ColumnSpec, idKeysOf, type PlaceAxis } from "../stages/batch.ts";
import type { Variable, VariableAxis } from "../stages/network.ts";
import {
  type AxisMatch,
  matchAxis,
  type Meaning,
  meaningOf,
  Mismatch,
  sameMeaning,
} from "./model/axes.ts";
import { readModelFile } from "./model/model_file.ts";

/**
 * What each position along the axes of variables represents (such as a class, or a value of a
 * feature) in a run, and in the weights that it starts from.
 */
export interface Meanings {
  /** What the positions represent in the run. */
  readonly now: Meaning;
  /** What the positions represent in the initial weights. */
  readonly before: EarlierMeaning;
}

/**
 * What the positions along the axes of initial weights represent, such as feature values or
 * classes.
 */
export interface EarlierMeaning {
  /** The hash in the run's `model.json`; undefined for a file that is not from a run. */
  readonly modelSha256?: string;
  /** The features and classes that the positions represent. */
  readonly meaning: Meaning;
  /**
   * Returns the axes of a tensor, if they are declared.
   *
   * @param tensor The tensor's name.
   * @param variable The variable that the tensor becomes.
   * @param shape The tensor's shape.
   * @throws {Mismatch} If the pipeline must describe what the positions represent, but does not.
   */
  axes(
    tensor: string,
    variable: Variable,
    shape: readonly number[],
  ): readonly EarlierAxis[] | undefined;
}

/**
 * An axis of a tensor, with the features and classes that its positions represent if they differ
 * from those of the other axes.
 */
interface EarlierAxis {
  readonly axis: VariableAxis;
  readonly meaning?: Meaning | undefined;
}

/**
 * Reads what the positions along the axes of initial weights represent.
 *
 * @param planned The run or file that the weights come from.
 * @param now The features and classes of this run.
 * @throws {UserError} If model.json or a vocabulary cannot be read; exit code 2.
 */
export async function earlierMeaning(
  { from, place }: PlannedInitial,
  now: Meaning,
): Promise<EarlierMeaning> {
  if ("run" in from) {
    const model = await readModelFile(join(from.run, runFiles.model), { place, exitCode: 2 });
    const axes = new Map(model.variables.map(({ name, axes }) => [name, axes]));
    return {
      modelSha256: model.sha256,
      meaning: meaningOf(model),
      axes: (tensor) => axes.get(tensor)?.map((axis) => ({ axis })),
    };
  }
  return new FileMeaning(from, now, await readVocabularies(from, now, place));
}

/**
 * Finds, for each axis of a variable, the positions in a tensor of initial weights that contain the
 * values for the variable's positions.
 *
 * @param variable The variable.
 * @param tensor The tensor's name.
 * @param shape The tensor's shape, in the variable's layout.
 * @param meanings The features and classes of the run and of its initial weights.
 * @throws {Mismatch} If the axes cannot be matched.
 */
export function matchAxes(
  variable: Variable,
  tensor: string,
  shape: readonly number[],
  { now, before }: Meanings,
): AxisMatch[] {
  const { name, axes } = variable;
  if (shape.length !== variable.shape.length) {
    throw new Mismatch("it has a different number of axes");
  }
  const earlier = axes && before.axes(tensor, variable, shape);
  if (!axes || !earlier) {
    const undeclared = axes ? tensor : name;
    if (!sameMeaning(now, before.meaning)) {
      throw new Mismatch(
        `features, vocabularies or classes differ from those of the weights, and ${undeclared} does not declare what the positions along its axes mean`,
        hint(
          "initial/axes",
          "declare `axes` of the variable in the network's stage, see docs/plugins.md; or use the features, data and classes that the weights were trained with",
          { edit: "the stage, or the data" },
        ),
      );
    }
    if (shape.join() !== variable.shape.join()) throw new Mismatch("its shape differs");
    return shape.map(() => ({ from: undefined, counts: [] }));
  }
  return axes.map((axis, index) => {
    const { axis: other, meaning = before.meaning } = earlier[index]!;
    return matchAxis(
      { axis, size: variable.shape[index]!, meaning: now },
      { axis: other, size: shape[index]!, meaning },
    );
  });
}

/** The values of each vocabulary for which the pipeline names a file. */
type GivenVocabularies = ReadonlyMap<string, { readonly file: string; readonly values: string[] }>;

/** What the positions in a file from another program represent, as the pipeline describes it. */
class FileMeaning implements EarlierMeaning {
  readonly meaning: Meaning;
  readonly #from: InitialFile;
  readonly #now: Meaning;
  readonly #vocabularies: GivenVocabularies;

  constructor(from: InitialFile, now: Meaning, vocabularies: GivenVocabularies) {
    this.#from = from;
    this.#now = now;
    this.#vocabularies = vocabularies;
    const { classes } = from;
    const label = classes && !now.label.labels
      ? {
        ...now.label,
        vocabulary: classes,
        ...(now.label.kind !== "binary" && { classes: classes.length }),
      }
      : now.label;
    this.meaning = {
      features: now.features.map(({ name, spec }) => ({ name, spec: this.#spec(name, spec) })),
      inputs: now.inputs.map((input) => ({ ...input, spec: this.#spec(input.name, input.spec) })),
      label,
    };
  }

  axes(
    _tensor: string,
    { name, axes }: Variable,
    shape: readonly number[],
  ): readonly EarlierAxis[] | undefined {
    if (!axes) {
      this.#needAll(name);
      return undefined;
    }
    return axes.map((axis, index) => this.#axis(axis, shape[index]!));
  }

  #axis(axis: VariableAxis, size: number): EarlierAxis {
    if (axis === "units") return { axis };
    if (axis === "classes") {
      this.#needClasses();
      return { axis };
    }
    if ("channels" in axis) {
      this.#needVocabularies([axis.channels]);
      return { axis };
    }
    if ("ids" in axis) {
      this.#needVocabularies([axis.ids]);
      return this.#table(axis, size);
    }
    const names = axis.features.map((part) => typeof part === "string" ? part : part.feature);
    const whole = axis.features.filter((part) => typeof part === "string");
    this.#needVocabularies(whole);
    const given = this.#from.features;
    if (!given) {
      if (names.length > 1) {
        throw new Mismatch(
          `it reads ${names.length} concatenated features, and \`initial\` does not give the file's order of the features`,
          orderHint(names.filter((name) => name !== undefined)),
        );
      }
      return { axis };
    }
    const places = new Map(given.map((name, index) => [name, index]));
    const missing = names.find((name) => name !== undefined && !places.has(name));
    if (missing !== undefined) {
      throw new Mismatch(
        `\`features\` does not name ${missing}`,
        orderHint(names.filter((name) => name !== undefined)),
      );
    }
    const at = (part: typeof axis.features[number]) => {
      const name = typeof part === "string" ? part : part.feature;
      return name === undefined ? Infinity : places.get(name)!;
    };
    return { axis: { features: axis.features.toSorted((a, b) => at(a) - at(b)) } };
  }

  /**
   * Tables from other programs have one row per value. Rocket's own tables may have an additional
   * row before them (for padding) and one after them (for unknown values).
   */
  #table(axis: Extract<VariableAxis, { ids: string }>, size: number): EarlierAxis {
    const { spec } = this.meaning.inputs.find(({ name }) => name === axis.ids)!;
    const ids = idKeysOf(axis.ids, spec)!, before = axis.before ?? 0;
    if (size === before + ids.count) return { axis };
    const values = ids.vocabulary?.length ?? ids.count;
    if (size !== values) {
      const file = this.#vocabularies.get(ids.name)?.file;
      throw new Mismatch(
        `it has ${counted(size, "row")} for the ${counted(values, "id")} of ${ids.name}${
          file === undefined ? "" : ` in ${file}`
        }`,
        hint(
          "initial/table-rows",
          `use a file with ${counted(values, "row")}, one for each id, or with ${
            before + ids.count
          }, as Rocket's own tables have; or use the list of values that belongs to the file`,
          { edit: "the file, or the list of values" },
        ),
      );
    }
    const bare: ColumnSpec = spec.ids ? { ...spec, ids: { ...spec.ids, count: values } } : spec;
    const inputs = this.meaning.inputs.map((input) =>
      input.name === axis.ids ? { ...input, spec: bare } : input
    );
    return { axis: { ids: axis.ids }, meaning: { ...this.meaning, inputs } };
  }

  #spec(name: string, spec: ColumnSpec): ColumnSpec {
    const values = this.#vocabularies.get(spec.ids?.name ?? name)?.values;
    const { places, vocabulary, ids } = spec;
    return {
      ...spec,
      ...(values && vocabulary && { vocabulary: values }),
      ...(values && ids?.kind === "vocabulary" && { ids: { ...ids, count: values.length + 1 } }),
      ...(places && { places: places.map((place) => this.#place(place)) }),
    };
  }

  #place(place: PlaceAxis): PlaceAxis {
    const { ids } = place, values = ids && this.#vocabularies.get(ids.name)?.values;
    if (!ids?.vocabulary || !values) return place;
    const others = ids.count - ids.vocabulary.length;
    const count = values.length + others;
    return { size: count, ids: { ...ids, count, vocabulary: values } };
  }

  #needClasses(): void {
    const { vocabulary, labels = {} } = this.#now.label;
    const named = Object.entries(labels).find(([_, { vocabulary }]) => vocabulary);
    if (named) {
      throw new Mismatch(
        `the label ${
          named[0]
        } has named classes, and \`initial\` cannot give the file's order of the ` +
          "classes of several labels",
      );
    }
    if (!vocabulary || this.#from.classes) return;
    throw new Mismatch(
      `the classes are ${
        few(vocabulary)
      }, and \`initial\` does not give the file's order of the classes`,
      hint(
        "initial/classes",
        `write their order in the file, such as \`classes: [${vocabulary.join(", ")}]\``,
        { set: { classes: [...vocabulary] } },
      ),
    );
  }

  #needVocabularies(inputs: readonly string[]): void {
    for (const input of inputs) {
      for (const name of vocabulariesOf(input, this.#now)) {
        if (this.#vocabularies.has(name)) continue;
        throw new Mismatch(
          `\`initial\` does not say which values of ${name} the positions in the file belong to`,
          hint(
            "initial/vocabulary",
            `write \`vocabularies: { ${name}: FILE }\`, where FILE has the value of each position, one per line; or use the weights of a run with \`run:\``,
            { edit: "a file of values" },
          ),
        );
      }
    }
  }

  /**
   * If the variable declares no axes, the pipeline must describe everything whose order may vary.
   */
  #needAll(name: string): void {
    this.#needClasses();
    this.#needVocabularies(this.#now.inputs.map(({ name }) => name));
    const names = this.#now.inputs.map(({ name }) => name);
    const { features } = this.#from;
    if (names.length < 2 || features?.join() === names.join()) return;
    throw new Mismatch(
      `the variable ${name} does not declare what the positions along its axes mean`,
      orderHint(names),
    );
  }
}

/** Returns the hint to declare the order of the features in a file. */
function orderHint(names: readonly string[]): HintText {
  const features = [...new Set(names)];
  return hint(
    "initial/order",
    `list all features in the order of the file, such as \`features: [${features.join(", ")}]\``,
    { set: { features } },
  );
}

/** Returns the names of the vocabularies that a feature's values or positions refer to. */
function vocabulariesOf(input: string, { inputs, features }: Meaning): string[] {
  const found = inputs.find(({ name }) => name === input);
  if (!found) return [];
  const { spec, of } = found;
  const named = (spec.places ?? []).flatMap(({ ids }) => ids?.vocabulary ? [ids.name] : []);
  const own = spec.vocabulary ? [spec.ids?.name ?? input] : [];
  if (spec.places || own.length > 0) return [...new Set([...named, ...own])];
  return [
    ...new Set(of.flatMap((name) => {
      const source = features.find((feature) => feature.name === name)?.spec;
      return source?.vocabulary ? [source.ids?.name ?? name] : [];
    })),
  ];
}

async function readVocabularies(
  { vocabularies, features }: InitialFile,
  now: Meaning,
  place: PlannedInitial["place"],
): Promise<GivenVocabularies> {
  const known = [...new Set(now.inputs.flatMap(({ name }) => vocabulariesOf(name, now)))];
  const names = now.inputs.map(({ name }) => name);
  const problems: Problem[] = [
    ...Object.keys(vocabularies).filter((name) => !known.includes(name)).map((name) => ({
      message: `no feature has the vocabulary ${JSON.stringify(name)}`,
      place,
      hint: nameHint("initial/vocabulary-name", {
        written: name,
        names: known,
        intro: "the vocabularies are",
        change: (near) => ({
          set: { [`vocabularies/${near}`]: vocabularies[name] },
          remove: [`vocabularies/${name}`],
        }),
      }) ?? hint("initial/no-vocabulary", "remove `vocabularies`", {
        remove: ["vocabularies"],
      }),
    })),
    ...(features ?? []).filter((name) => !names.includes(name)).map((name) => ({
      message: `there is no feature ${JSON.stringify(name)}`,
      place,
      hint: nameHint("initial/feature", {
        written: name,
        names,
        intro: "the features are",
        change: (near) => ({
          set: { features: features!.map((feature) => feature === name ? near : feature) },
        }),
      }),
    })),
  ];
  if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
  const read = new Map<string, { file: string; values: string[] }>();
  for (const [name, file] of Object.entries(vocabularies)) {
    const values = await readValues(file, place);
    const seen = new LargeMap<string, true>();
    const twice = values.find((value) => seen.size === seen.set(value, true).size);
    if (twice !== undefined) {
      throw new UserError(`the vocabulary ${file} has the value ${JSON.stringify(twice)} twice`, {
        place,
        hint: hint(
          "initial/value-twice",
          "each row of an embedding table belongs to one value: list each value once",
          {
            edit: "the list of values",
          },
        ),
        exitCode: 2,
      });
    }
    read.set(name, { file, values });
  }
  return read;
}

/**
 * Creates the error for a vocabulary file that cannot be read.
 *
 * @param file The vocabulary's file.
 * @param cause The error that was thrown.
 * @param place The place in the pipeline file that names the vocabulary.
 */
export function unreadableVocabulary(
  file: string,
  cause: unknown,
  place: PlannedInitial["place"],
): UserError {
  const why = cause instanceof Deno.errors.NotFound
    ? "the file does not exist"
    : thrownMessage(cause);
  return new UserError(`the vocabulary ${file} cannot be read: ${why}`, {
    place,
    hint: vocabularyHint(),
    cause,
    exitCode: 2,
  });
}

const vocabularyHint = () =>
  hint(
    "initial/values",
    "name a text file with one value per line, or a JSON file with a list of strings and integers",
    { edit: "the list of values" },
  );

async function readValues(file: string, place: PlannedInitial["place"]): Promise<string[]> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await readRegular(file));
  } catch (cause) {
    throw unreadableVocabulary(file, cause, place);
  }
  if (!file.endsWith(".json")) return text.replace(/\r?\n$/, "").split(/\r?\n/);
  try {
    const list: unknown = JSON.parse(text);
    const plain = Array.isArray(list) &&
      list.every((value) => typeof value === "string" || Number.isSafeInteger(value));
    if (plain) return list.map(String);
  } catch {
    // The error below covers invalid JSON as well.
  }
  throw new UserError(`the vocabulary ${file} is not a JSON list of strings and integers`, {
    place,
    hint: vocabularyHint(),
    exitCode: 2,
  });
}

const few = (values: readonly string[]) =>
  values.slice(0, 5).join(", ") + (values.length > 5 ? ", …" : "");
