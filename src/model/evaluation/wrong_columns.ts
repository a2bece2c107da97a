/**
 * Converts the rows with the largest losses to record batches: all columns of the source, and the
 * predictions of the nets.
 *
 * @module
 */

import {
  type DataType,
  Field,
  Float32,
  Float64,
  Int64,
  type RecordBatch,
  Schema,
  Table,
  tableFromIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { arrowStreamBytes } from "../../base/files/arrow_writer.ts";
import { WrittenColumns } from "../../base/files/written_columns.ts";
import { recordBatchOf } from "../../base/wide_schema.ts";
import type { NetName } from "../../stages/network.ts";
import type { LabelAnswers } from "../answers.ts";
import { outputNames } from "../output_names.ts";
import { classCell, typeOfClasses } from "../scores.ts";
import type { Evaluation } from "./evaluate_run.ts";
import type { WrongRow } from "./wrong_rows.ts";

/** A column with predictions or losses of these rows. */
interface AboutColumn {
  readonly name: string;
  readonly type: DataType;
  readonly valueOf: (row: WrongRow) => unknown;
}

/** The rows with the largest losses of an evaluation. */
export interface WrongRowBatches {
  /** The columns: first those of the source, then those that Rocket adds. */
  readonly schema: Schema;
  /** One record batch per row, the row with the largest loss first. */
  readonly batches: readonly RecordBatch[];
  /** The first columns, with their names in the source. */
  readonly kept: readonly Field[];
  /** Warnings about columns that have another name than in the source, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Reads the rows with the largest losses of an evaluation from the source again.
 *
 * @param evaluation The result of the evaluation.
 * @param isKept Decides whether to copy a column of the source.
 * @returns The columns and the rows.
 */
export async function wrongRowBatches(
  { wrong, label, source }: Pick<Evaluation, "wrong" | "label" | "source">,
  isKept: (field: Field) => boolean,
): Promise<WrongRowBatches> {
  const wanted = new Map(wrong.map((found, index) => [found.index, index]));
  const rows: RecordBatch[] = [];
  let first = 0, columns: WrittenColumns | undefined, left = wanted.size;
  for await (const batch of source.recordBatches()) {
    columns ??= new WrittenColumns(batch.schema);
    let written: RecordBatch | undefined;
    for (let row = 0; row < batch.numRows && left > 0; row++) {
      const index = wanted.get(first + row);
      if (index === undefined) continue;
      // Before they are sliced, since apache-arrow does not write slices of all columns correctly.
      written ??= columns.take(batch);
      rows[index] = copied(written.slice(row, row + 1));
      left--;
    }
    first += batch.numRows;
    if (left === 0) break;
  }
  const fields = columns?.schema.fields ?? [];
  const kept = fields.filter(isKept), about = aboutColumns(wrong, label);
  const names = outputNames(kept, about.map(({ name, type }) => new Field(name, type, true)));
  const schema = new Schema([...names.kept, ...names.added]);
  const batches = wrong.map((found, index) => {
    const own = kept.map(({ name }) => {
      const at = fields.findIndex((field) => field.name === name);
      return rows[index]!.data.children[at]!;
    });
    const said = about.map(({ type, valueOf }) => vectorFromArray([valueOf(found)], type).data[0]!);
    return recordBatchOf(schema, [...own, ...said], 1);
  });
  return { schema, batches, kept, warnings: names.warnings };
}

/** Copies rows, so that the record batch that contains them can be freed. */
function copied(rows: RecordBatch): RecordBatch {
  return tableFromIPC(arrowStreamBytes(new Table([rows]))).batches[0]!;
}

function aboutColumns(
  wrong: readonly WrongRow[],
  { kind, classes }: LabelAnswers,
): AboutColumn[] {
  const isNumber = kind === "number", type = isNumber ? new Float64() : typeOfClasses(classes);
  const valueOf = (value: number) => {
    if (isNumber) return value;
    const found = classes[value];
    return found === undefined ? null : classCell(found, type);
  };
  const nets = Object.keys(wrong[0]?.scores ?? {}) as NetName[];
  return [
    { name: "row", type: new Int64(), valueOf: ({ row }) => BigInt(row) },
    { name: "why", type: new Utf8(), valueOf: whyOf },
    { name: "expected", type, valueOf: ({ label }) => valueOf(label) },
    ...nets.flatMap((net): AboutColumn[] => [
      {
        name: `${net}_prediction`,
        type,
        valueOf: ({ scores }) => valueOf(scores[net]!.prediction),
      },
      ...(isNumber ? [] : [{
        name: `${net}_score`,
        type: new Float32(),
        valueOf: ({ scores }: WrongRow) => scores[net]!.score,
      }]),
      {
        name: isNumber ? `${net}_error` : `${net}_loss`,
        type: new Float32(),
        valueOf: ({ scores }) => scores[net]!.loss,
      },
    ]),
  ];
}

/**
 * Describes why an evaluation lists a row as wrong.
 *
 * @param row The row.
 */
export function whyOf({ isWorst, isBoosters }: Pick<WrongRow, "isWorst" | "isBoosters">): string {
  return [
    ...(isWorst ? ["most wrong"] : []),
    ...(isBoosters ? ["only the booster is right"] : []),
  ].join("; ");
}
