import { DataType } from "apache-arrow";

/**
 * Formats a single value of a column as text. Dates and times are formatted as ISO 8601.
 *
 * @param value The value that apache-arrow returns.
 * @param type The type of the column.
 * @returns The text; null for a null.
 */
export function plainValue(value: unknown, type: DataType): string | null {
  if (value === null || value === undefined) return null;
  if (DataType.isTimestamp(type)) return new Date(Number(value)).toISOString();
  if (DataType.isDate(type)) return new Date(Number(value)).toISOString().slice(0, 10);
  return String(value);
}
