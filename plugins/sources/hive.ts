import { type DataType, DateDay, Field, Int64, Null, Utf8 } from "apache-arrow";
import { commonType, hint, UserError } from "../../plugin.ts";

/**
 * The values of a file's partition columns, which are part of the names of its folders: the text of
 * each value, or null, by column name.
 */
export type Partitions = ReadonlyMap<string, string | null>;

/** The value in the folder name of rows whose value is null, as Hive writes it. */
const nullName = "__HIVE_DEFAULT_PARTITION__";

/**
 * Checks whether the name of a folder is that of a partition, such as `day=2026-11-01`.
 *
 * @param name The folder's name, without its path.
 */
export function isPartition(name: string): boolean {
  return /^[^=]+=/.test(name);
}

/**
 * Returns the partition columns from the folders in a file's path, in the format of Hive, Spark,
 * DuckDB and pyarrow.
 *
 * @param name The file's path, as written in the pipeline file, or its address.
 * @returns The columns from the outermost folder to the innermost. If a name occurs twice, the
 *   value of the innermost folder is used.
 */
export function partitionsOf(name: string): Partitions {
  const path = /^https?:/i.test(name) ? name.split(/[?#]/, 1)[0]! : name;
  const folders = path.split(/[/\\]/).slice(0, -1);
  return new Map(
    folders.filter(isPartition).map((folder) => {
      const at = folder.indexOf("=");
      const value = decoded(folder.slice(at + 1));
      return [decoded(folder.slice(0, at)), value === nullName ? null : value];
    }),
  );
}

/** Decodes percent-encoded characters. Returns a text with invalid encoding unchanged. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Returns the fields of the partition columns. The type of a column is inferred from all its
 * values, as for CSV files: int64, date or string. Columns that the files themselves contain are
 * left out.
 *
 * @param files The files, at least one.
 * @throws {UserError} If a file lacks a partition column that other files have.
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
        } gets the column ${column} from the name of its folder, but ${other.name} has no such column`,
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
 * Returns the value that a partition column has in all rows of a file.
 *
 * @param partitions The file's partitions.
 * @param field The column.
 * @returns The value in the column's type: a bigint, a Date or a string. Null if the partition has
 *   no value or the column has the type null.
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
  // JavaScript parses February 30 as March 2.
  const isDate = !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
  return isDate ? new DateDay() : new Utf8();
}
