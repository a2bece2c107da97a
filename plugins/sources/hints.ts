/**
 * Hints and checks that several sources share.
 *
 * @module
 */

import { hint, type HintText, UserError } from "../../plugin.ts";

/** Returns the hint for a file that is cut off or damaged. */
export function makeAgain(): HintText {
  return hint("source/again", "create or download it again", { edit: "the data file" });
}

/** Returns the hint for a data file that another program changes during a run. */
export function leaveAlone(): HintText {
  return hint(
    "source/changed",
    "do not change files while a run reads them; run the command again",
    {
      outside: "another program writes to a file while it is read",
    },
  );
}

/** Returns the hint for files with different columns. */
export function sameColumns(): HintText {
  return hint("source/columns", "all files of a source must have the same columns", {
    edit: "the data files",
  });
}

/**
 * Returns the path of the Arrow file that a hint suggests to create next to a file that cannot be
 * read.
 *
 * @param name The input file's name, as written in the pipeline file, or its address.
 * @returns The path with the extension `.arrow`. For an address, only a file name.
 */
export function arrowBeside(name: string): string {
  const path = /^https?:/i.test(name) ? name.split(/[?#]/, 1)[0]!.replace(/^.*\//, "") : name;
  return `${path.replace(/\.[^./\\]*$/, "")}.arrow`;
}

/** The maximum number of columns of a text or Parquet file. */
export const maxColumns = 65_536;

/**
 * Throws an error if a file has more than {@linkcode maxColumns} columns.
 *
 * @param name The file's name, as written in the pipeline file.
 * @param count The number of its columns.
 * @throws {UserError} If the file has more columns.
 */
export function refuseManyColumns(name: string, count: number): void {
  if (count <= maxColumns) return;
  const shown = (count: number) => count.toLocaleString("en");
  throw new UserError(
    `${name} has ${shown(count)} columns; at most ${shown(maxColumns)} can be read`,
    {
      hint: hint(
        "source/many-columns",
        "write only the columns that you use to another file, or combine several columns into one list",
        { edit: "the data file" },
      ),
    },
  );
}

/** Returns the hint for text that is not valid UTF-8, or whose byte order mark is wrong. */
export function asUtf8(): HintText {
  return hint("csv/utf-8", "write the file as UTF-8", { edit: "the data file" });
}
