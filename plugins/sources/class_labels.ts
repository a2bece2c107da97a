/**
 * Names of classes in the metadata of a schema, as Hugging Face `datasets` writes them: the column
 * contains the numbers of the classes from 0.
 *
 * @module
 */

import { hint, UserError } from "../../plugin.ts";

/** The key of Hugging Face's metadata in the schema of a file. */
export const huggingFaceKey = "huggingface";

/** The metadata of a data file that may contain the names of classes. */
export interface FileMetadata {
  /** The file's name. */
  readonly name: string;
  /** The metadata of its schema. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Returns the names of the classes of a column.
 *
 * @param metadata The metadata of the schema.
 * @param column The column.
 * @returns The names in the order of the numbers, or undefined if there are none.
 */
export function classLabels(
  metadata: ReadonlyMap<string, string>,
  column: string,
): readonly string[] | undefined {
  return allClassLabels(metadata).get(column);
}

/**
 * Returns the metadata that several files of a source have in common.
 *
 * @param files The files, at least one.
 * @returns The metadata of the first file.
 * @throws {UserError} If two files have different names for the classes of a column.
 */
export function commonMetadata(files: readonly FileMetadata[]): Map<string, string> {
  const [first, ...others] = files as readonly [FileMetadata, ...FileMetadata[]];
  const expected = allClassLabels(first.metadata);
  for (const other of others) {
    for (const [column, names] of allClassLabels(other.metadata)) {
      const before = expected.get(column);
      if (!before || isEqual(before, names)) continue;
      throw new UserError(
        `the classes of the column ${column} differ between files: ${
          shown(before)
        } in ${first.name}, ${shown(names)} in ${other.name}`,
        {
          hint: hint("classes/files", "write all files with the same classes in the same order", {
            edit: "a data file",
          }),
        },
      );
    }
  }
  return new Map(first.metadata);
}

/** Checks whether two lists of names are equal. */
export const isEqual = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((name, index) => name === other[index]);

/** Formats a list of class names for an error message. */
export const shown = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}`;

function allClassLabels(metadata: ReadonlyMap<string, string>): Map<string, readonly string[]> {
  const text = metadata.get(huggingFaceKey);
  const found = new Map<string, readonly string[]>();
  if (text === undefined) return found;
  let features: unknown;
  try {
    features = JSON.parse(text)?.info?.features;
  } catch {
    // Metadata only describe the data, which can be read without them.
    return found;
  }
  for (const [column, feature] of Object.entries(Object(features))) {
    const { _type, names } = Object(feature);
    if (_type !== "ClassLabel" || !Array.isArray(names)) continue;
    if (names.length >= 2 && names.every((name) => typeof name === "string")) {
      found.set(column, names);
    }
  }
  return found;
}
