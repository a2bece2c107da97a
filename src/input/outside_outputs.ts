/**
 * The outputs of teachers that Rocket computes for the training rows before training. They become a
 * column of the rows.
 *
 * @module
 */

import {
  type Data,
  Field,
  FixedSizeList,
  Float32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
} from "apache-arrow";
import type { PlannedTeacher } from "../pipeline/plan.ts";
import type { LabelSpec } from "../stages/batch.ts";
import { labelParts } from "../stages/labels.ts";
import type { Dataset } from "../stages/source.ts";

/** The outputs of a teacher for all rows of a data set. */
export interface TeacherOutputs {
  /**
   * The logits, or what else the teacher's option `of` says, row by row, in shared memory; NaN for
   * rows without an output.
   */
  readonly values: Float32Array;
  /** The number of values of a row. */
  readonly units: number;
  /** The label that the teacher predicts; undefined if that is not known. */
  readonly label: LabelSpec | undefined;
  /** A text that changes when the teacher changes. */
  readonly identity: string;
}

/** The rows from which a teacher computes its outputs: the training rows, or rows with keys. */
export interface TeacherRows {
  /** The name of the split for messages; undefined for rows with keys. */
  readonly name: string | undefined;
  /** A text that changes when the rows change, or how they are read. */
  readonly fingerprint: string;
  /**
   * Opens the rows.
   *
   * @param columns The columns to read.
   * @param typed Gives columns of text files other types.
   */
  open(
    columns: readonly string[],
    typed: (dataset: Dataset) => Promise<Dataset>,
  ): Promise<Dataset>;
}

/**
 * Computes the outputs of a teacher.
 *
 * @param teacher The teacher.
 * @param rows The rows.
 * @throws {UserError} If the teacher cannot be computed, or has no output for a row.
 */
export type ComputeTeacher = (
  teacher: PlannedTeacher,
  rows: TeacherRows,
) => Promise<TeacherOutputs>;

/**
 * Returns the logits of one label of a teacher with several labels. The outputs of other teachers
 * are those of a single label already.
 *
 * @param outputs The outputs.
 * @param name The name of the label; undefined for a run with a single label.
 */
export function outputsOfLabel(outputs: TeacherOutputs, name: string | undefined): TeacherOutputs {
  const { values, units, label, identity } = outputs;
  const part = label && labelParts(label).find((part) => part.name === name);
  if (!part) return outputs;
  const rows = values.length / units;
  const own = new Float32Array(new SharedArrayBuffer(4 * rows * part.units));
  for (let row = 0; row < rows; row++) {
    const from = row * units + part.firstUnit;
    own.set(values.subarray(from, from + part.units), row * part.units);
  }
  return { values: own, units: part.units, label: part.spec, identity };
}

/** The outputs of a teacher as a column, in a form that can be sent to another thread. */
export interface OutputColumn {
  /** The name of the column. */
  readonly column: string;
  /** The logits, row by row. */
  readonly values: Float32Array;
  /** The number of logits of a row. */
  readonly units: number;
}

/**
 * Adds the outputs of a teacher to an opened data source, as a column of lists.
 *
 * @param dataset The opened data source.
 * @param output The outputs, in the order of its rows.
 * @returns The data source with the column. Closing it closes the original.
 */
export function withOutputs(
  dataset: Dataset,
  { column, values, units }: OutputColumn,
): Dataset {
  const type = new FixedSizeList(units, new Field("item", new Float32(), true));
  const field = new Field(column, type, true);
  const schemaOf = ({ fields, metadata }: Schema) => new Schema([...fields, field], metadata);
  const added = ({ schema, data, numRows: length }: RecordBatch, numbers: Float32Array) => {
    const child = makeData({ type: new Float32(), length: length * units, data: numbers });
    const list: Data = makeData({ type, length, nullCount: 0, child });
    const all = schemaOf(schema);
    const children = [...data.children, list];
    return new RecordBatch(
      all,
      makeData({ type: new Struct(all.fields), length, nullCount: 0, children }),
    );
  };
  const between = (first: number, rows: number) =>
    values.subarray(first * units, (first + rows) * units);
  const { rowCounts } = dataset;
  const bounds = [0];
  for (const rows of rowCounts ?? []) bounds.push(bounds.at(-1)! + rows);
  return {
    schema: schemaOf(dataset.schema as Schema),
    fingerprint: dataset.fingerprint,
    files: dataset.files,
    rowCounts,
    textFacts: dataset.textFacts,
    // The numbers of rows that messages show are those of the source.
    ...("selection" in dataset && { selection: dataset.selection }),
    ...(dataset.locate && { locate: (row: number) => dataset.locate!(row) }),
    ...(dataset.recordBatch && rowCounts && {
      async recordBatch(index: number) {
        const batch = await dataset.recordBatch!(index) as RecordBatch;
        return added(batch, between(bounds[index]!, batch.numRows));
      },
    }),
    ...(dataset.rows && {
      async rows(numbers: ArrayLike<number>) {
        const own = new Float32Array(numbers.length * units);
        for (let index = 0; index < numbers.length; index++) {
          own.set(between(numbers[index]!, 1), index * units);
        }
        return added(await dataset.rows!(numbers) as RecordBatch, own);
      },
    }),
    async *recordBatches() {
      let first = 0;
      for await (const batch of dataset.recordBatches() as AsyncIterable<RecordBatch>) {
        yield added(batch, between(first, batch.numRows));
        first += batch.numRows;
      }
    },
    close: async () => await dataset.close?.(),
  };
}
