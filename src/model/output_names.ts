import { Field } from "apache-arrow";
import { formatCount } from "../base/text_table.ts";

/** The columns of a file with predictions. */
export interface OutputNames {
  /** The columns of the input, in the given order. */
  readonly kept: readonly Field[];
  /** The columns that Rocket adds, in the given order. */
  readonly added: readonly Field[];
  /** Warnings about columns that have another name than expected, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Names the columns of a file with predictions. The columns that Rocket adds have their documented
 * names, so that a file from someone else cannot put its own values in their place: a column of
 * the input with such a name gets a number, as in `score_2`. So does a column whose name differs
 * only in case, or in spaces around it, because SQL and many readers of CSV files do not distinguish
 * such names. If labels and their classes have names that result in the same name twice, the second
 * column gets a number. If the names of classes differ only in case or spaces, their columns have
 * their documented names, and a warning names them.
 *
 * @param kept The columns of the input.
 * @param added The columns that Rocket adds.
 */
export function outputNames(kept: readonly Field[], added: readonly Field[]): OutputNames {
  const reserved = new Set(added.map(({ name }) => alike(name))), taken = new Set(reserved);
  for (const { name } of kept) taken.add(alike(name));
  const numbered = (field: Field, renamed: [from: string, to: string][]): Field => {
    let number = 2;
    while (taken.has(alike(`${field.name}_${number}`))) number++;
    const name = `${field.name}_${number}`;
    taken.add(alike(name));
    renamed.push([field.name, name]);
    return new Field(name, field.type, field.nullable, field.metadata);
  };
  const inputs: [string, string][] = [], labels: [string, string][] = [];
  const found = new Set<string>(), firsts = new Map<string, string>(), similar: string[] = [];
  const own = added.map((field) => {
    const { name } = field, first = firsts.get(alike(name));
    if (found.has(name)) return numbered(field, labels);
    found.add(name);
    if (first === undefined) firsts.set(alike(name), name);
    else similar.push(`${name} and ${first}`);
    return field;
  });
  return {
    kept: kept.map((field) => reserved.has(alike(field.name)) ? numbered(field, inputs) : field),
    added: own,
    warnings: [
      ...warning(
        "columns of the input have names of columns that Rocket adds",
        inputs.map(written),
      ),
      ...warning("columns of different labels have the same name", labels.map(written)),
      ...warning("SQL does not distinguish the names of columns of different classes", similar),
    ],
  };
}

/** Returns a text that is the same for names which a reader may not distinguish. */
const alike = (name: string) => name.normalize("NFKC").trim().toLowerCase();

/** The maximum number of columns that a warning names. */
const NAMED = 5;

const written = ([from, to]: readonly [string, string]) => `${from} is written as ${to}`;

function warning(why: string, columns: readonly string[]): string[] {
  if (columns.length === 0) return [];
  const named = columns.slice(0, NAMED), more = columns.length - named.length;
  return [
    `${why}: ${named.join(", ")}${more > 0 ? `, and ${formatCount(more)} more` : ""}`,
  ];
}
