/**
 * Opens the data set of a source.
 *
 * @module
 */

import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Dataset, Source } from "../stages/source.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";

/**
 * Opens the data set of a source without reading rows.
 *
 * @param source The source.
 * @param stage The stage that created the source, for error messages.
 * @param request The columns to read, and whether a fingerprint is needed.
 * @param unique The columns whose names must be unique; by default, those that are read. A column
 *   that a decoder reads can be left out, because the decoder checks its name.
 * @throws {UserError} If the source cannot be opened, or if two columns have the same name.
 */
export async function openData(
  source: Source,
  stage: StageReference,
  request?: Parameters<Source["open"]>[0],
  unique: readonly string[] | undefined = request?.columns,
): Promise<Dataset> {
  const dataset = await callStage(stage, "open()", () => source.open(request));
  if (!Array.isArray(dataset?.schema?.fields) || typeof dataset.recordBatches !== "function") {
    throw new StageError(stage, "returned something that is not a data set from open()", {
      hint: hint("source/open", "return { schema, fingerprint, recordBatches() } from open()", {
        edit: "the stage",
      }),
    });
  }
  return await withUniqueNames(dataset, unique);
}

/**
 * Closes a data set and throws an error if two of its columns have the same name. Readers find a
 * column by its name, so they would read the first one in place of the second.
 *
 * @param dataset The data set.
 * @param columns The columns whose names must be unique; all columns by default.
 * @returns The data set.
 * @throws {UserError} If two columns have the same name.
 */
export async function withUniqueNames(
  dataset: Dataset,
  columns?: readonly string[],
): Promise<Dataset> {
  const read = columns && new Set(columns), seen = new Set<string>();
  const twice = dataset.schema.fields.find(({ name }) =>
    (read?.has(name) ?? true) && seen.size === seen.add(name).size
  );
  if (!twice) return dataset;
  await dataset.close?.();
  throw new UserError(`the data has several columns with the name ${twice.name}`, {
    hint: uniqueNamesHint(),
  });
}

/** Returns the hint for data in which two columns have the same name. */
export const uniqueNamesHint = (): ReturnType<typeof hint> =>
  hint("column/twice", "give each column of the data file a unique name", {
    edit: "the data file",
  });
