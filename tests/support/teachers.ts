/**
 * Training rows with the output of a teacher in a column.
 *
 * @module
 */

import {
  Field,
  FixedSizeList,
  Float32,
  type RecordBatch,
  Table,
  tableFromIPC,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { ArrowFileWriter } from "../../src/base/files/arrow_writer.ts";
import { dataFolder } from "./pipelines.ts";

/** The probabilities of a teacher that says 0.91 for the label, and 0.01 for other digits. */
export const certain = (digit: number): number[] =>
  Array.from({ length: 10 }, (_, other) => other === digit ? 0.91 : 0.01);

/**
 * Writes the training digits with a column `teacher`.
 *
 * @param path The Arrow file.
 * @param outputOf Returns the teacher's output for a row.
 */
export async function writeTaught(
  path: string,
  outputOf: (digit: number, row: number) => readonly number[] | null = certain,
): Promise<void> {
  const table = tableFromIPC(await Deno.readFile(join(dataFolder, "digits-train.arrow")));
  const digits = [...table.getChild("digit")!].map(Number);
  const type = new FixedSizeList(10, new Field("item", new Float32(), true));
  const images = table.getChild("image")!, labels = table.getChild("digit")!;
  let writer: ArrowFileWriter | undefined;
  for (let row = 0; row < digits.length; row += 100) {
    const end = Math.min(digits.length, row + 100);
    const outputs = digits.slice(row, end).map((digit, at) => outputOf(digit, row + at));
    // One record batch, so that the rows can be streamed.
    const [batch] = new Table({
      image: images.slice(row, end),
      digit: labels.slice(row, end),
      teacher: vectorFromArray(outputs, type),
    }).batches as RecordBatch[];
    writer ??= new ArrowFileWriter(path, batch!.schema);
    writer.write(batch!);
  }
  writer!.finish();
}
