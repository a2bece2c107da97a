/**
 * Reads the rows of an evaluation, from the test split or from other files.
 *
 * @module
 */

import type { RecordBatch } from "apache-arrow";
import { type Place, UserError } from "../../base/errors.ts";
import type { ListPart } from "../../base/part_range.ts";
import { hint, nameHint } from "../../base/hints.ts";
import { BatchMaker, type Pass, passBatches } from "../../input/batches.ts";
import { type ColumnsRequest, wantedColumns } from "../../input/decoder.ts";
import { memoryFor } from "../../input/memory.ts";
import { evaluationRows } from "../../input/prepare_data.ts";
import { type Selection, selectRows } from "../../input/select_rows.ts";
import { openData } from "../../input/open_data.ts";
import { openDataset, readSplit, type Split } from "../../input/split.ts";
import { selectSplits, splitColumns } from "../../input/split_rows.ts";
import type { Plan } from "../../pipeline/plan.ts";
import type { EarlierSplit } from "../../run/folder/manifest.ts";
import { labelTypes, type ModelFile } from "../../run/model/model_file.ts";
import type { RowDecoder } from "../../run/model/row_decoder.ts";
import type { Batch } from "../../stages/batch.ts";
import type { Dataset } from "../../stages/source.ts";
import { callStage, type StageReference } from "../../stages/stage_error.ts";
import { type InputOptions, openRows, refuseInput } from "../input_rows.ts";
import { inTypesOf } from "../../run/model/in_types.ts";

/** The options of {@linkcode TestRows.open}: where the rows of an evaluation come from. */
export interface RowsRequest {
  /** The plan of the run. */
  readonly plan: Plan;
  /** The content of `model.json`. */
  readonly model: ModelFile;
  /** Decodes rows into features. */
  readonly decoder: RowDecoder;
  /** The test split when the run began. */
  readonly testRows: EarlierSplit | undefined;
  /** The path or glob of files with rows; if undefined, the test split of the run is used. */
  readonly input: string | undefined;
  /** The code and environment variables that a YAML file of the input may name. */
  readonly inputOptions?: InputOptions | undefined;
  /** The file for results, which must not be one of the files to read. */
  readonly out: string | undefined;
  /** The maximum memory for rows in bytes; by default, that of some large batches. */
  readonly memory: number | undefined;
  /** Receives log lines for the user. */
  readonly report: (line: string) => void;
}

/** The pass over the rows of an evaluation. */
const evaluationPass: Pass = {
  ...{ split: "test", training: false, epoch: 0 },
  ...{ size: evaluationRows, last: "keep" },
};

/** A batch of evaluated rows with their positions in the source. */
export interface EvaluatedRows {
  /** The rows after all transforms. */
  readonly batch: Batch;
  /** The indices of these rows in {@linkcode TestRows.recordBatches}. */
  readonly rows: readonly number[];
}

/**
 * The size in bytes up to which rows are kept in memory. More rows are read twice, the first time
 * to check them, so memory does not depend on the number of rows.
 */
const KEPT_BYTES = 2 ** 28;

/** The rows of an evaluation, and the opened data source that they are read from. */
export class TestRows {
  readonly #split: Split;
  readonly #request: RowsRequest;
  readonly #open: (columns: readonly string[] | undefined) => Promise<Dataset>;
  /** The rows of the source that are evaluated; undefined if all are. */
  readonly #selection: Selection | undefined;

  private constructor(
    split: Split,
    request: RowsRequest,
    open: (columns: readonly string[] | undefined) => Promise<Dataset>,
    selection: Selection | undefined,
  ) {
    this.#split = split;
    this.#request = request;
    this.#open = open;
    this.#selection = selection;
  }

  /**
   * Opens the rows and checks them.
   *
   * @param request Where the rows come from.
   * @throws {UserError} If the rows cannot be read, or lack columns that the run needs.
   */
  static async open(request: RowsRequest): Promise<TestRows> {
    const { plan, model, decoder, input, inputOptions, out, memory = KEPT_BYTES, report } = request;
    const { place } = plan.document;
    const planned = plan.sources.all ?? plan.sources.test!;
    // Losses compare the same rows as in the run. Other rows may lack the column.
    const group = plan.group?.column, { columns: named } = plan;
    const grouped = group !== undefined && (input === undefined || named.includes(group));
    const read: ColumnsRequest = {
      ...decoder.request,
      weight: plan.weight,
      columns: grouped ? [...new Set([...named, group])] : named,
      ...input === undefined
        ? {
          stage: planned.reference,
          places: (...path: readonly string[]) => place.call(plan.document, ["data", ...path]),
        }
        : { places: () => ({ file: input }) },
    };
    const columns = [
      ...model.features,
      ...labelTypes(model.label),
    ];
    const { split: parts } = plan;
    /** The test rows, if they are some of the rows of a source. */
    let selection: Selection | undefined;
    const selected = (dataset: Dataset) => selection ? selectRows(dataset, selection) : dataset;
    const open = async (names: readonly string[] | undefined) => {
      if (input !== undefined) {
        return (await openRows(
          input,
          { features: columns, source: model.source },
          names,
          inputOptions,
        )).data;
      }
      const { stage, options, reference, folder } = planned;
      const source = callStage(reference, "create()", () => stage.create(options, { folder }));
      if (names === undefined) {
        return selected(await openData(source, reference));
      }
      const others = [...names, ...parts ? splitColumns(parts) : []];
      const opened = await openDataset(source, read, others);
      const dataset = await inTypesOf(opened, columns);
      if (plan.sources.all) selection ??= await testRows(dataset, planned.reference, request);
      return selected(dataset);
    };
    const dataset = await open(wantedColumns(read));
    try {
      if (out !== undefined) refuseInput(out, dataset);
    } catch (error) {
      await dataset.close?.();
      throw error;
    }
    const split = await readSplit(dataset, read, {
      like: decoder.known,
      memory: await memoryFor(memory),
      name: input === undefined ? "test" : undefined,
      group: grouped ? group : undefined,
      report,
    });
    if (grouped) {
      split.keepTogether({ most: Math.max(plan.cut.size, evaluationRows), seed: plan.seed });
    }
    if (split.rows > 0) return new TestRows(split, request, open, selection);
    await split.close();
    throw new UserError(`${input ?? "the test split"} has no rows`, {
      hint: hint("evaluate/empty", "use files that contain rows", { edit: "the command" }),
    });
  }

  /** The number of rows. */
  get rows(): number {
    return this.#split.rows;
  }

  /** A text that changes when the rows change. */
  get fingerprint(): string {
    return this.#split.fingerprint;
  }

  /** The number of batches. */
  get batchCount(): number {
    return passBatches(this.#split, evaluationPass);
  }

  /**
   * Yields the rows in the same batches as in the evaluation of a run.
   *
   * @param every Which batches, if the processes of a cluster divide them; by default, all.
   */
  async *batches(every?: ListPart): AsyncGenerator<EvaluatedRows, undefined> {
    const { plan, decoder } = this.#request, split = this.#split;
    const maker = new BatchMaker({ test: split }, decoder.chain, plan.seed);
    const pass = { ...evaluationPass, every };
    // Rows are in order, so if the last one has its own number, all of them have.
    const lastRow = split.rows - 1, isWhole = split.sourceRow(lastRow) === lastRow;
    const numberOf = (row: number) => isWhole ? row : split.sourceRow(row) ?? row;
    for (const address of maker.addresses(pass)) {
      const batch = await maker.make(address);
      const first = address.batch * evaluationRows;
      const together = split.groups?.rows(pass, plan.seed, address.batch);
      const rows = Array.from(
        { length: batch.size },
        (_, row) => numberOf(together?.[row] ?? first + row),
      );
      yield { batch, rows };
    }
  }

  /**
   * Returns the index of a row in the source.
   *
   * @param index The index of the row in {@linkcode TestRows.recordBatches}.
   */
  rowInSource(index: number): number {
    return this.#selection?.rows[index] ?? index;
  }

  /**
   * Reads the rows from the start, before any transform: those of the source, or those that the run
   * has selected for its test split.
   *
   * @param column The only column to read; all columns if undefined.
   */
  async *recordBatches(column?: string): AsyncGenerator<RecordBatch> {
    const data = await this.#open(column === undefined ? undefined : [column]);
    try {
      const names = data.schema.fields.map(({ name }) => name);
      if (column !== undefined && !names.includes(column)) refuseColumn(column, names);
      yield* data.recordBatches() as AsyncIterable<RecordBatch>;
    } finally {
      await data.close?.();
    }
  }

  /** Closes the source. */
  async close(): Promise<void> {
    await this.#split.close();
  }
}

/** Finds the test rows of a run that divided its rows into splits. */
async function testRows(
  dataset: Dataset,
  stage: StageReference,
  { plan: { split, seed, document }, testRows }: RowsRequest,
): Promise<Selection> {
  const place = (...option: readonly string[]) => document.place(["data", "split", ...option]);
  const selections = await selectSplits({ dataset, stage, split: split!, seed, place });
  const selection = selections.get("test")!;
  if (selection.fingerprint === testRows?.fingerprint) return selection;
  await dataset.close?.();
  throw changedRows(document.place(["data", "all"]));
}

/**
 * Creates the error for rows that have changed since a run divided them into splits.
 *
 * @param place The place of their source in the pipeline.
 */
export function changedRows(place: Place): UserError {
  return new UserError(
    "the rows have changed since the run divided them into splits, so some test rows may have been training rows",
    {
      place,
      hint: hint(
        "evaluate/divided",
        "restore the original file, or evaluate the run on a file of rows that it has not seen: evaluate RUN FILE",
        { outside: "the file has to be as it was" },
      ),
    },
  );
}

function refuseColumn(name: string, names: readonly string[]): never {
  throw new UserError(`the rows have no column ${JSON.stringify(name)}`, {
    hint: nameHint("evaluate/column", {
      written: name,
      names,
      intro: "the columns are",
      change: (near) => ({ args: { replace: { [name]: near } } }),
    }),
    exitCode: 2,
  });
}
