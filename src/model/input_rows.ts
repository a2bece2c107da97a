import type { RecordBatch, Schema } from "apache-arrow";
import arrow from "../../plugins/sources/arrow.ts";
import csv from "../../plugins/sources/csv.ts";
import parquet from "../../plugins/sources/parquet.ts";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { layoutOf } from "../input/layout.ts";
import { fieldOf } from "../run/model/family.ts";
import type { SourceFeature } from "../run/model/model_file.ts";
import type { Dataset, SourceStage } from "../stages/source.ts";

/** Rows from files, for which a net computes predictions. */
export interface InputRows {
  /** The opened files. */
  readonly data: Dataset;
  /** The names and types of all columns. */
  readonly schema: Schema;
  /** The record batches, in order. */
  recordBatches(): AsyncIterable<RecordBatch>;
  /** Closes files. */
  close(): Promise<void>;
}

/** The sources for files, by the extension of the file name. */
const sources: readonly (readonly [ending: RegExp, source: SourceStage])[] = [
  [/\.(?:arrow|arrows|feather)$/i, arrow],
  [/\.parquet$/i, parquet],
  [/\.(?:csv|tsv)(?:\.gz)?$/i, csv],
];

/**
 * Opens files with rows. The columns of text files get the types that they had in the run.
 *
 * @param path The path of a file, or a glob for several. A relative path starts at the current
 *   folder.
 * @param model The description of the model, whose columns are read.
 * @param columns Additional columns to read; all columns if undefined.
 * @throws {UserError} If the format is not supported, or a file cannot be read.
 */
export async function openRows(
  path: string,
  { features }: { readonly features: readonly Pick<SourceFeature, "column" | "type">[] },
  columns: readonly string[] | undefined,
): Promise<InputRows> {
  const [, stage] = sources.find(([ending]) => ending.test(path)) ?? [];
  if (!stage) {
    throw new UserError(`${path} is not a file with rows`, {
      hint: hint(
        "model/input",
        "name a file that ends in .arrow, .feather, .parquet, .csv, .tsv, or .csv.gz",
        { edit: "the command" },
      ),
      exitCode: 2,
    });
  }
  const own = features.map(({ column }) => column);
  const request = columns && { columns: [...new Set([...own, ...columns])] };
  const source = stage.create(stage.options.parse({ path }), { folder: Deno.cwd() });
  const opened: Dataset = await source.open(request);
  const data = await inTypesOf(opened, features);
  return {
    data,
    schema: data.schema as Schema,
    recordBatches: () => data.recordBatches() as AsyncIterable<RecordBatch>,
    close: async () => await data.close?.(),
  };
}

/**
 * Gives the columns of text files the types that they had in the run. Without this, the type
 * depends on the file: the same column may contain only whole numbers in one file, and fractions or
 * texts in another.
 *
 * @param opened The files.
 * @param columns The columns of the run.
 * @returns The files with these types.
 */
export async function inTypesOf(
  opened: Dataset,
  columns: readonly Pick<SourceFeature, "column" | "type">[],
): Promise<Dataset> {
  const others = columns.filter(({ column, type }) => {
    const field = (opened.schema as Schema).fields.find(({ name }) => name === column);
    const layout = field && layoutOf(field.type);
    return layout && layout.lists.length === 0 && layout.family !== type.family;
  });
  const fields = new Map(others.map(({ column, type }) => [column, fieldOf(column, type)]));
  return opened.widen && fields.size > 0 ? await opened.widen([...fields.values()]) : opened;
}
