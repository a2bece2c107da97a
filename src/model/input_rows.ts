import type { RecordBatch, Schema } from "apache-arrow";
import { basename, dirname, join, resolve } from "node:path";
import { builtins } from "../../plugins/mod.ts";
import arrow from "../../plugins/sources/arrow.ts";
import csv from "../../plugins/sources/csv.ts";
import images from "../../plugins/sources/images.ts";
import parquet from "../../plugins/sources/parquet.ts";
import { UserError } from "../base/errors.ts";
import { type RowFormat, rowFormat } from "../base/files/row_format.ts";
import { runFiles } from "../base/files/run_files.ts";
import { hint } from "../base/hints.ts";
import { allowedCode } from "../pipeline/allowed_code.ts";
import { withVariables } from "../pipeline/document/environment.ts";
import { readDocument } from "../pipeline/document/document.ts";
import { isEntry, Planner } from "../pipeline/plan/planner.ts";
import { createRegistry } from "../pipeline/registry.ts";
import { inTypesOf } from "../run/model/in_types.ts";
import type { ModelSource, SourceFeature } from "../run/model/model_file.ts";
import type { Dataset, Source, SourceStage } from "../stages/source.ts";
import { columnHint } from "../input/decoder.ts";
import { openData, withUniqueNames } from "../input/open_data.ts";
import { callStage } from "../stages/stage_error.ts";

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

/** Code and environment variables that a file with a source entry may name. */
export interface InputOptions {
  /** The code outside of the project that may be loaded. */
  readonly allowPlugins?: readonly string[];
  /** The environment variables that may be part of addresses. */
  readonly allowEnv?: readonly string[];
  /** Whether the fingerprint of the rows is used; false by default. */
  readonly fingerprint?: boolean;
}

/** The columns that a model reads, and the options with which its run read text files. */
export interface ReadColumns {
  /** The columns. */
  readonly features: readonly Pick<SourceFeature, "column" | "type">[];
  /** The source of the run, if it read text files. */
  readonly source?: ModelSource | undefined;
}

/** The sources for files, by the format of the rows. */
const sources: Readonly<Record<RowFormat, SourceStage>> = { arrow, csv, images, parquet };

/**
 * Opens files with rows. Text files are read with the options of the run's source, such as the
 * texts that stand for null, and their columns get the types that they had in the run.
 *
 * @param path The path of a file or folder, or a glob for several files. A relative path starts at
 *   the current folder. A YAML file contains a source entry, as in a pipeline.
 * @param model The description of the model, whose columns are read.
 * @param columns Additional columns to read; all columns if undefined.
 * @param options The code and environment variables that a YAML file may name.
 * @throws {UserError} If the format is not supported, or a file cannot be read.
 */
export async function openRows(
  path: string,
  { features, source }: ReadColumns,
  columns: readonly string[] | undefined,
  options: InputOptions = {},
): Promise<InputRows> {
  const own = features.map(({ column }) => column);
  const request = {
    fingerprint: options.fingerprint ?? false,
    ...(columns && { columns: [...new Set([...own, ...columns])] }),
  };
  const opened = /\.ya?ml$/i.test(path)
    ? await openEntry(path, request, options)
    : await openFile(path, request, source && withColumns(source, own));
  const data = await inTypesOf(opened, features);
  return {
    data,
    schema: data.schema as Schema,
    recordBatches: () => data.recordBatches() as AsyncIterable<RecordBatch>,
    close: async () => await data.close?.(),
  };
}

/**
 * Rejects files without a column that a model reads. Record batches cannot tell which columns there
 * are, since they have only those that were asked for.
 *
 * @param rows The opened files.
 * @param model The description of the model.
 * @throws {UserError} If a column is missing.
 */
export function refuseMissingColumns(
  { schema }: Pick<InputRows, "schema">,
  { features }: Pick<ReadColumns, "features">,
): void {
  const names = schema.fields.map(({ name }) => name), present = new Set(names);
  const missing = features.find(({ column }) => !present.has(column))?.column;
  if (missing === undefined) return;
  throw new UserError(`the data has no column ${JSON.stringify(missing)}`, {
    hint: columnHint(missing, names, () => ({ edit: "the data file" })),
  });
}

/**
 * Rejects a file for results that is one of the files to read: it would replace the user's data.
 *
 * @param out The file for results.
 * @param data The opened files.
 * @throws {UserError} If they are the same file.
 */
export function refuseInput(out: string, { files = [] }: Pick<Dataset, "files">): void {
  const place = placeOf(out);
  if (!files.some((file) => placeOf(file) === place)) return;
  throw new UserError(`${out} is also the input file, and the results would replace it`, {
    hint: hint("model/out", "give --out another file name", { edit: "the command" }),
    exitCode: 2,
  });
}

/** Returns where the name of a file is. A file that is written replaces a link of its name. */
function placeOf(path: string): string {
  const folder = dirname(resolve(path));
  try {
    return join(Deno.realPathSync(folder), basename(path));
  } catch {
    // The folder does not exist, or may not be read.
    return join(folder, basename(path));
  }
}

async function openFile(
  path: string,
  request: Parameters<Source["open"]>[0],
  source: ModelSource | undefined,
): Promise<Dataset> {
  const stage = sourceOf(path);
  const options = source?.use === stage.name
    ? Object(withVariables(source.options, runFiles.model))
    : {};
  const parsed = stage.options.safeParse({ ...options, path });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(
      `the options of the source ${stage.name} in ${runFiles.model} are not valid: ${
        issue!.path.join(".")
      }: ${issue!.message}`,
    );
  }
  const data = await stage.create(parsed.data, { folder: Deno.cwd() }).open(request);
  return await withUniqueNames(data, request?.columns);
}

/**
 * Leaves out the declared types of columns that are not read, such as the label's: other files need
 * not have them. Without a header, the declaration names all columns.
 */
function withColumns({ use, options }: ModelSource, read: readonly string[]): ModelSource {
  if (options.header === false || options.columns === undefined) return { use, options };
  const columns = Object.entries(Object(options.columns)).filter(([name]) => read.includes(name));
  return { use, options: { ...options, columns: Object.fromEntries(columns) } };
}

/**
 * Returns the built-in source that reads a file or folder.
 *
 * @param path The path of the file or folder, or a glob.
 * @throws {UserError} If the extensions of the names belong to no source; exit code 2.
 */
export function sourceOf(path: string): SourceStage {
  const format = rowFormat(path);
  if (format) return sources[format];
  throw new UserError(`${path} is not a file with rows`, {
    hint: hint(
      "model/input",
      "name a file that ends in .arrow, .feather, .parquet, .csv, .tsv, or .csv.gz, a folder of PNG or JPEG images, or a YAML file with a source entry",
      { edit: "the command" },
    ),
    exitCode: 2,
  });
}

/** Opens the source of a YAML file with one source entry, such as `use: csv` and its options. */
async function openEntry(
  path: string,
  request: Parameters<Source["open"]>[0],
  { allowPlugins = [], allowEnv }: InputOptions,
): Promise<Dataset> {
  const allowed = await allowedCode(dirname(path), allowPlugins);
  const document = await readDocument(path, { allowed, ...(allowEnv && { allowEnv }) });
  const { value: entry } = document;
  if (!isEntry(entry)) {
    throw new UserError(`${path} has no source entry`, {
      place: document.place([]),
      hint: hint("model/entry", "write a source as in a pipeline, such as `use: csv` and `path:`", {
        set: { "/use": "csv", "/path": "rows.csv" },
      }),
      exitCode: 2,
    });
  }
  const planner = new Planner(document, createRegistry(builtins, allowed), []);
  const planned = await planner.stage<SourceStage>("source", entry, []);
  if (!planned) throw new UserError(planner.problems, { exitCode: 2 });
  const { stage, options, reference, folder } = planned;
  const source = callStage(reference, "create()", () => stage.create(options, { folder }));
  return await openData(source, reference, request);
}
