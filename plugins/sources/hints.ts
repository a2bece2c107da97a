/**
 * What a person is told to do about files, whatever reads them.
 *
 * @module
 */

import { hint, type HintText, UserError } from "../../plugin.ts";

/** For a file that is cut off or damaged. */
export function makeAgain(): HintText {
  return hint("source/again", "create or download it again", { edit: "the data file" });
}

/** For a file that changes during a run. */
export function leaveAlone(): HintText {
  return hint(
    "source/changed",
    "do not change files while a run reads them; run the command again",
    {
      outside: "another program writes to a file while it is read",
    },
  );
}

/** For files with different columns. */
export function sameColumns(): HintText {
  return hint("source/columns", "all files of a source have the same columns", {
    edit: "the data files",
  });
}

/**
 * The file that a program in another language writes: it lies beside the one that it reads.
 *
 * @param name The file that it reads, as the pipeline names it, or its address.
 * @returns The path of the new file, which ends in `.arrow`.
 */
export function arrowBeside(name: string): string {
  const path = /^https?:/i.test(name) ? name.split(/[?#]/, 1)[0]!.replace(/^.*\//, "") : name;
  return `${path.replace(/\.[^./\\]*$/, "")}.arrow`;
}

/**
 * A key of a YAML map as a person writes it.
 *
 * @param name The key.
 */
export function yamlKey(name: string): string {
  return /^[A-Za-z_][\w-]*$/.test(name) ? name : JSON.stringify(name);
}

/** How many columns a text or Parquet file may have. */
export const maxColumns = 65_536;

/**
 * Refuses a file with more columns than {@linkcode maxColumns}.
 *
 * @param name The file, as the pipeline names it.
 * @param count How many columns it has.
 * @throws {UserError} If these are too many.
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
