import { DataType, type Field, type RecordBatch, type Schema } from "apache-arrow";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import { cellTexts } from "../base/cell_text.ts";

/**
 * Throws an error if a column cannot be written to a CSV file.
 *
 * @param schema The columns.
 * @throws {UserError} If a column contains lists, structs, intervals, or bytes.
 */
export function refuseNested({ fields }: Schema): void {
  const nested = fields.find(isNested);
  if (!nested) return;
  throw new UserError(
    `the column ${nested.name} holds ${nested.type}, which CSV files cannot contain`,
    {
      hint: hint("csv/nested", "remove it from `--keep`, or write a file that ends in .arrow", {
        edit: "the command",
      }),
      exitCode: 2,
    },
  );
}

/**
 * Checks whether a column cannot be written to a CSV file, because it contains lists, structs,
 * intervals, or bytes.
 *
 * @param field The column.
 */
export function isNested({ type }: Field): boolean {
  return hasNoText(type);
}

function hasNoText(type: DataType): boolean {
  if (DataType.isDictionary(type)) return hasNoText(type.dictionary);
  return type.children?.length > 0 || DataType.isInterval(type) || DataType.isBinary(type) ||
    DataType.isLargeBinary(type) || DataType.isBinaryView(type) ||
    DataType.isFixedSizeBinary(type);
}

/**
 * Returns the first line of a CSV file, which contains the names of the columns.
 *
 * @param schema The columns.
 */
export function csvHeader({ fields }: Schema): string {
  return fields.map(({ name }) => quoted(name)).join() + "\n";
}

/**
 * Formats rows as lines of a CSV file. A null becomes an empty field, and an empty text is quoted.
 * If there is only one column, a null is quoted too, because programs skip empty lines.
 *
 * @param batch The rows.
 */
export function csvLines(batch: RecordBatch): string {
  const columns = batch.data.children.map(cellTexts), empty = columns.length === 1 ? '""' : "";
  let lines = "";
  for (let row = 0; row < batch.numRows; row++) {
    lines += columns.map((text) => {
      const value = text(row);
      return value === null ? empty : quoted(value);
    }).join() + "\n";
  }
  return lines;
}

const quoted = (text: string) =>
  text === "" || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
