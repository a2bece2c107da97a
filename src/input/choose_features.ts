/**
 * Chooses the columns that are features: a function of the pipeline and the names of the columns.
 *
 * @module
 */

import { matchStars } from "../base/wildcard.ts";
import { type Problem, UserError } from "../base/errors.ts";
import { hint, nameHint } from "../base/hints.ts";
import { type FeatureOptions, labelColumns } from "../pipeline/data_options.ts";
import type { CompletePlan, Plan } from "../pipeline/plan.ts";
import { splitColumns } from "./split_rows.ts";

/** An entry of `data.features`. */
interface Entry {
  /** The entry as written. */
  readonly written: string;
  /** Its key in the pipeline file. */
  readonly key: string | number | undefined;
  readonly options: FeatureOptions;
  /** The name of the column or feature; undefined for a pattern. */
  readonly name: string | undefined;
  /** Checks whether the name of a column matches. */
  readonly matches: (column: string) => boolean;
  /** Whether the columns are left out of other patterns. */
  readonly isExcluding: boolean;
}

/**
 * Checks whether the features of a plan depend on the columns of its data.
 *
 * @param plan The plan.
 */
export function needsColumns({ chosen }: Plan): boolean {
  return chosen === "rest" || Array.isArray(chosen) ||
    entriesOf(chosen).some(({ name, isExcluding }) => name === undefined || isExcluding);
}

/**
 * Finds the columns that are features. A pattern never matches the label, the weight, the column
 * that decides the split, a column of groups, losses, teachers, or metrics, or a column that
 * another entry names.
 *
 * @param plan The plan.
 * @param columns The names of all columns.
 * @returns The plan with its features.
 * @throws {UserError} If an entry names no column.
 */
export function chooseFeatures(plan: Plan, columns: readonly string[]): CompletePlan {
  const entries = entriesOf(plan.chosen), isMap = !Array.isArray(plan.chosen);
  const named = entries.filter(({ name, isExcluding }) => name !== undefined && !isExcluding);
  const { label, weight, split, group } = plan;
  const taken = new Set([
    ...[
      ...labelColumns(label),
      ...plan.columns,
      ...plan.teachers.flatMap(({ column, by }) => by ? [column, by.key] : [column]),
      ...group ? [group.column] : [],
      ...split ? splitColumns(split) : [],
    ],
    ...weight === undefined ? [] : [weight],
    ...named.flatMap(({ name, options }) => [name!, options.column ?? name!]),
  ]);
  const excluding = entries.filter(({ isExcluding }) => isExcluding);
  const features = new Map<string, FeatureOptions>(), problems: Problem[] = [];
  for (const { written, key, options, name, matches, isExcluding } of entries) {
    const found = columns.filter(matches);
    // The reader of the columns reports a column that a map names.
    if (found.length === 0 && !(isMap && name !== undefined)) {
      problems.push({
        message: name === undefined
          ? `no column of the data matches ${JSON.stringify(written)}`
          : `the data has no column ${JSON.stringify(name)}`,
        place: plan.document.place(["data", "features", ...key === undefined ? [] : [key]]),
        hint: nameHint("features/column", {
          written: name ?? written,
          names: columns.filter((column) => !taken.has(column)),
          intro: "its columns are",
          change: (near) => isMap ? { rename: near } : { set: { ".": near } },
        }),
      });
    }
    if (isExcluding) continue;
    if (name !== undefined) features.set(name, options);
    for (const column of name === undefined ? found : []) {
      const isOut = taken.has(column) || excluding.some(({ matches }) => matches(column));
      if (!isOut && !features.has(column)) features.set(column, options);
    }
  }
  // Objects with features by name cannot have this key.
  if (features.has("__proto__")) {
    problems.push({
      message: "no feature can have the name __proto__, which is that of a column",
      place: plan.document.place(["data", "features"]),
      hint: hint(
        "features/proto",
        'leave the column out, as in `["*", "!__proto__"]`, or give its feature another name in a map of features, such as `proto: { column: __proto__ }`',
        [
          { set: { ".": ["*", "!__proto__"] } },
          { set: { ".": { proto: { column: "__proto__" } } } },
        ],
      ),
    });
  }
  if (problems.length > 0) throw new UserError(problems, { exitCode: 2 });
  if (features.size > 0) return { ...plan, features: Object.fromEntries(features) };
  throw new UserError("no column is left for the features", {
    place: plan.document.place(["data", "features"]),
    hint: hint(
      "features/none",
      "name a column, or use a file with more columns: the label and other options use all columns of this file",
      { edit: "the features, or the data file" },
    ),
    exitCode: 2,
  });
}

function entriesOf(chosen: Plan["chosen"]): Entry[] {
  if (chosen === "rest") return [entryOf("*", {}, undefined)];
  if (isList(chosen)) return chosen.map((written, index) => entryOf(written, {}, index));
  return Object.entries(chosen).map(([key, options]) => {
    // The key of a feature with a column is any name.
    if (options.column === undefined) return entryOf(key, options, key);
    const matches = (column: string) => column === options.column;
    return { written: key, key, options, name: key, matches, isExcluding: false };
  });
}

/**
 * Returns the names of the features that have an entry of their own in a map of features.
 *
 * @param chosen The map.
 */
export const namesOfEntries = (chosen: Plan["chosen"]): string[] =>
  entriesOf(chosen).flatMap(({ name, isExcluding }) =>
    name === undefined || isExcluding ? [] : [name]
  );

/**
 * Checks whether the features of a plan are a list.
 *
 * @param chosen The features as written.
 */
export const isList = (chosen: Plan["chosen"]): chosen is readonly string[] =>
  Array.isArray(chosen);

function entryOf(written: string, options: FeatureOptions, key: Entry["key"]): Entry {
  const isExcluding = written.startsWith("!");
  const parts = [""];
  const characters = [...isExcluding ? written.slice(1) : written];
  for (let index = 0; index < characters.length; index++) {
    let character = characters[index]!;
    if (character === "*") {
      parts.push("");
      continue;
    }
    // A backslash is itself, except before one of the characters that it escapes.
    if (character === "\\" && /[*!\\]/.test(characters[index + 1] ?? "")) {
      character = characters[++index]!;
    }
    parts[parts.length - 1] += character;
  }
  return {
    ...{ written, key, options, isExcluding },
    name: parts.length > 1 ? undefined : parts[0],
    matches: (column) => matchStars(parts, column) !== undefined,
  };
}

/**
 * Writes the name of a column as an entry of `data.features` that is no pattern.
 *
 * @param name The name.
 */
export const escapedName = (name: string): string =>
  name.replaceAll(/\\(?=[*!\\])|\*/g, "\\$&").replace(/^!/, "\\!");
