/**
 * What the places of weights stand for that a run begins with: as the run that they come from has
 * written it, or as the pipeline says of a file from elsewhere.
 *
 * @module
 */

import { join } from "node:path";
import { readRegular } from "../base/files/regular.ts";
import { type Problem, UserError } from "../base/errors.ts";
import { hint, type HintText, nameHint } from "../base/hints.ts";
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
import { MODEL_FILE, readModelFile } from "./model/model_file.ts";

/** What places stand for in a run, and in what it begins with. */
export interface Meanings {
  /** In the run. */
  readonly now: Meaning;
  /** In what it begins with. */
  readonly before: EarlierMeaning;
}

/** What the places of weights stand for that a run begins with. */
export interface EarlierMeaning {
  /** The features and classes. */
  readonly meaning: Meaning;
  /**
   * The axes of a tensor, if they are declared.
   *
   * @param tensor Its name.
   * @param variable The variable that it is to become.
   * @param shape Its shape.
   * @throws {Mismatch} If nothing says what they stand for, and it is needed.
   */
  axes(
    tensor: string,
    variable: Variable,
    shape: readonly number[],
  ): readonly EarlierAxis[] | undefined;
}

/** An axis of a tensor, and what its places stand for where that is not what holds for all. */
interface EarlierAxis {
  readonly axis: VariableAxis;
  readonly meaning?: Meaning | undefined;
}

/**
 * What the places of weights stand for.
 *
 * @param planned Where the weights come from.
 * @param now What places stand for in this run.
 * @throws {UserError} If the run's model or a vocabulary cannot be read; exit code 2.
 */
export async function earlierMeaning(
  { from, place }: PlannedInitial,
  now: Meaning,
): Promise<EarlierMeaning> {
  if ("run" in from) {
    const model = await readModelFile(join(from.run, MODEL_FILE), { place, exitCode: 2 });
    const axes = new Map(model.variables.map(({ name, axes }) => [name, axes]));
    return {
      meaning: meaningOf(model),
      axes: (tensor) => axes.get(tensor)?.map((axis) => ({ axis })),
    };
  }
  return new FileMeaning(from, now, await readVocabularies(from, now, place));
}

/**
 * Matches the axes of a variable with those of a tensor.
 *
 * @param variable The variable.
 * @param tensor The tensor's name.
 * @param shape Its shape, turned as the variable's.
 * @param meanings What places stand for.
 * @throws {Mismatch} If they cannot be matched.
 */
export function matchAxes(
  variable: Variable,
  tensor: string,
  shape: readonly number[],
  { now, before }: Meanings,
): AxisMatch[] {
  const { name, axes } = variable;
  if (shape.length !== variable.shape.length) throw new Mismatch("it has other axes");
  const earlier = axes && before.axes(tensor, variable, shape);
  if (!axes || !earlier) {
    const undeclared = axes ? tensor : name;
    if (!sameMeaning(now, before.meaning)) {
      throw new Mismatch(
        `features, vocabularies or classes are not those of the weights, and nothing says what the places of ${undeclared} stand for`,
        hint(
          "initial/axes",
          "the network's stage says it as `axes` of the variable, see docs/plugins.md; or keep features, data and classes as they were",
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

/** The values of each vocabulary that the pipeline names a file of. */
type GivenVocabularies = ReadonlyMap<string, { readonly file: string; readonly values: string[] }>;

/** What the places of a file from elsewhere stand for: all that the pipeline says of it. */
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
    const label = classes
      ? {
        ...now.label,
        vocabulary: classes,
        ...(now.label.kind === "class" && { classes: classes.length }),
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
          `it reads ${names.length} features side by side, and nothing says in which order the file has them`,
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
   * Tables from elsewhere have a row a value; those of Rocket may have one before and one behind
   * them.
   */
  #table(axis: Extract<VariableAxis, { ids: string }>, size: number): EarlierAxis {
    const { spec } = this.meaning.inputs.find(({ name }) => name === axis.ids)!;
    const ids = idKeysOf(axis.ids, spec)!, before = axis.before ?? 0;
    if (size === before + ids.count) return { axis };
    const values = ids.vocabulary?.length ?? ids.count;
    if (size !== values) {
      const file = this.#vocabularies.get(ids.name)?.file;
      throw new Mismatch(
        `it has ${size} rows for the ${values} ids of ${ids.name}${
          file === undefined ? "" : `, which ${file} names`
        }`,
        hint(
          "initial/table-rows",
          `take a file with ${values} rows, one an id, or ${
            before + ids.count
          }, as Rocket's own tables have them; or the list of values that the file's rows are of`,
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
    const { vocabulary } = this.#now.label;
    if (!vocabulary || this.#from.classes) return;
    throw new Mismatch(
      `the classes are ${few(vocabulary)}, and nothing says in which order the file has them`,
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
          `nothing says which values of ${name} the places in the file are of`,
          hint(
            "initial/vocabulary",
            `write \`vocabularies: { ${name}: FILE }\`: FILE has the value of each place, a line each; or take the weights of a run by \`run:\``,
            { edit: "a file of values" },
          ),
        );
      }
    }
  }

  /** Where nothing is declared, all that could be in another order has to be said. */
  #needAll(name: string): void {
    this.#needClasses();
    this.#needVocabularies(this.#now.inputs.map(({ name }) => name));
    const names = this.#now.inputs.map(({ name }) => name);
    const { features } = this.#from;
    if (names.length < 2 || features?.join() === names.join()) return;
    throw new Mismatch(
      `nothing says what the places of ${name} stand for`,
      orderHint(names),
    );
  }
}

/** What to write so that it is known in which order a file has its features. */
function orderHint(names: readonly string[]): HintText {
  const features = [...new Set(names)];
  return hint(
    "initial/order",
    `write all features in the order in which the file has them, such as \`features: [${
      features.join(", ")
    }]\``,
    { set: { features } },
  );
}

/** The names of the vocabularies that a feature's values or places stand for. */
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
        intro: "there are",
        change: (near) => ({
          set: { [`vocabularies/${near}`]: vocabularies[name] },
          remove: [`vocabularies/${name}`],
        }),
      }) ?? hint("initial/no-vocabulary", "leave out `vocabularies`", {
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
    const seen = new Set<string>();
    const twice = values.find((value) => seen.size === seen.add(value).size);
    if (twice !== undefined) {
      throw new UserError(`${file} has the value ${JSON.stringify(twice)} twice`, {
        place,
        hint: hint(
          "initial/value-twice",
          "each place of a table stands for one value: name it once",
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
 * Says why a vocabulary cannot be read.
 *
 * @param file Its file.
 * @param cause What was thrown.
 * @param place Where the pipeline file names it.
 */
export function unreadableVocabulary(
  file: string,
  cause: unknown,
  place: PlannedInitial["place"],
): UserError {
  const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : said(cause);
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
    "name a text file with a value a line, or a JSON file with a list of strings and whole numbers",
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
    // What is no JSON is no list either.
  }
  throw new UserError(`the vocabulary ${file} is no list of strings and whole numbers`, {
    place,
    hint: vocabularyHint(),
    exitCode: 2,
  });
}

const said = (error: unknown) => error instanceof Error ? error.message : String(error);

const few = (values: readonly string[]) =>
  values.slice(0, 5).join(", ") + (values.length > 5 ? ", …" : "");
