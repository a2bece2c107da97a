import { join } from "node:path";

/** The formats of files with rows, by the extensions of their names. */
const formats = [
  ["arrow", /\.(?:arrow|arrows|feather)$/i],
  ["parquet", /\.parquet$/i],
  ["csv", /\.(?:csv|tsv)(?:\.gz)?$/i],
  ["images", /\.(?:png|jpe?g)$/i],
] as const;

/** A format of rows: the name of the built-in source that reads it. */
export type RowFormat = (typeof formats)[number][0];

/**
 * Determines the format of rows by the name of a file, or by the first file of a folder that has
 * rows or is an image.
 *
 * @param path The path of a file or folder, or a glob.
 * @returns The format; undefined if it is none of the known ones.
 */
export function rowFormat(path: string): RowFormat | undefined {
  const [format] = formats.find(([, ending]) => ending.test(path)) ?? [];
  return format ?? formatOfFolder(path);
}

/** Returns the format of the first file in a folder, in the order of the paths. */
function formatOfFolder(path: string): RowFormat | undefined {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(path)];
  } catch {
    return undefined;
  }
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    // Sources skip hidden files.
    if (/^[._]/.test(name)) continue;
    const format = isDirectory
      ? formatOfFolder(join(path, name))
      : formats.find(([, ending]) => ending.test(name))?.[0];
    if (format) return format;
  }
  return undefined;
}
