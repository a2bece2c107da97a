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
 * The columns that the folders in a file's name stand for, as Hive, Spark, DuckDB and pyarrow write them.
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

/** What a percent sign and two digits stand for; a name that is not written so is taken as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
