import { type DataType, DateDay, Field, Int64, Null, Utf8 } from "apache-arrow";
import { commonType, hint, UserError } from "../../plugin.ts";

/** What the folders of a file's name say of its rows: a text for each column, or null. */
export type Partitions = ReadonlyMap<string, string | null>;

/** What Hive calls the folder of rows whose value is null. */
const nullName = "__HIVE_DEFAULT_PARTITION__";

/**
 * Whether a folder is a partition, such as `day=2026-11-01`.
 *
 * @param name The folder's own name.
 */
export function isPartition(name: string): boolean {
  return /^[^=]+=/.test(name);
}

/**
 * The columns that the folders in a file's name stand for, as Hive, Spark, DuckDB and pyarrow write
 * them.
 *
 * @param name The file's path as the pipeline names it, or its address.
 * @returns The columns from the outermost folder to the innermost; the last one of a name counts.
 */
export function partitionsOf(name: string): Partitions {
  const folders = name.split(/[?#]/, 1)[0]!.split(/[/\\]/).slice(0, -1);
  return new Map(
    folders.filter(isPartition).map((folder) => {
      const at = folder.indexOf("=");
      const value = decoded(folder.slice(at + 1));
      return [decoded(folder.slice(0, at)), value === nullName ? null : value];
    }),
  );
}

/**
 * What a percent sign and two digits stand for; a name that is not written so is taken as it is.
 */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The columns that folders stand for: whole numbers, dates, or texts, by all values together, as a
 * CSV file's. A column that the files have themselves is theirs.
 *
 * @param files The files.
 * @throws {UserError} If a file lacks one that others have.
 */
export function partitionFields(
  files: readonly {
    readonly name: string;
    readonly fields: readonly Field[];
    readonly partitions: Partitions;
  }[],
): Field[] {
  const own = new Set(files[0]!.fields.map(({ name }) => name));
  const names = new Set(files.flatMap(({ partitions }) => [...partitions.keys()]));
  return [...names].filter((name) => !own.has(name)).map((column) => {
    const [first] = files.filter(({ partitions }) => partitions.has(column));
    const other = files.find(({ partitions }) => !partitions.has(column));
    if (other) {
      throw new UserError(
        `${
          first!.name
        } has the column ${column} from the name of its folder, and ${other.name} has no such column`,
        {
          hint: hint(
            "hive/folders",
            `keep either all files of a source in folders such as ${column}=VALUE, or none of them`,
            { edit: "where the data files are" },
          ),
        },
      );
    }
    const types = files.map(({ partitions }) => typeOf(partitions.get(column)!));
    const type = types.reduce((a, b) => commonType(a, b) ?? new Utf8());
    return new Field(column, type, true);
  });
}

/**
 * What a file's folders say in a column.
 *
 * @param partitions What they say.
 * @param field The column.
 * @returns A value of its type.
 */
export function partitionValue(partitions: Partitions, { name, type }: Field): unknown {
  const text = partitions.get(name) ?? null;
  if (text === null || String(type) === "Null") return null;
  if (String(type) === "Int64") return BigInt(text);
  return String(type).startsWith("Date") ? new Date(`${text}T00:00:00Z`) : text;
}

function typeOf(text: string | null): DataType {
  if (text === null) return new Null();
  if (/^-?(0|[1-9][0-9]*)$/.test(text) && text !== "-0") {
    return BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? new Int64() : new Utf8();
  }
  const time = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  // JavaScript takes February 30 for March 2.
  const isDate = !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
  return isDate ? new DateDay() : new Utf8();
}
