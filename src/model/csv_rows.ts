import { DataType, type Field, type RecordBatch, type Schema } from "apache-arrow";
import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";

/**
 * Throws an error if a column cannot be written to a CSV file.
 *
 * @param schema The columns.
 * @throws {UserError} If a column contains lists, structs, or bytes.
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
 * Checks whether a column cannot be written to a CSV file, because it contains lists, structs, or
 * bytes.
 *
 * @param field The column.
 */
export function isNested({ type }: Field): boolean {
  return !DataType.isDictionary(type) && type.children?.length > 0 || DataType.isBinary(type) ||
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
 *
 * @param batch The rows.
 */
export function csvLines(batch: RecordBatch): string {
  const columns = batch.schema.fields.map(({ type }, index) => {
    const vector = batch.getChildAt(index)!;
    const text = textOf(type);
    return (row: number) => {
      const value = vector.get(row);
      return value === null ? "" : text(value);
    };
  });
  let lines = "";
  for (let row = 0; row < batch.numRows; row++) {
    lines += columns.map((column) => column(row)).join() + "\n";
  }
  return lines;
}

/** Returns the function that formats values of a type. */
function textOf(type: DataType): (value: unknown) => string {
  if (DataType.isTimestamp(type)) return (value) => new Date(Number(value)).toISOString();
  if (DataType.isDate(type)) return (value) => new Date(Number(value)).toISOString().slice(0, 10);
  if (DataType.isFloat(type)) {
    // The shortest text that is parsed as the same float32.
    return type.precision === 1 ? (value) => shortest(value as number) : (value) => String(value);
  }
  return (value) => quoted(String(value));
}

/** Returns the shortest decimal text that is parsed as the same float32. */
function shortest(value: number): string {
  for (let digits = 6; digits < 10; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(value);
}

const quoted = (text: string) =>
  text === "" || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
