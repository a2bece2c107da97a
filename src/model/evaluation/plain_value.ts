import { DataType } from "apache-arrow";

/**
 * A single value of a column as text: dates and times as ISO 8601, and others as they are.
 *
 * @param value The value, as apache-arrow gives it.
 * @param type The type of the column.
 * @returns The text; null for a null.
 */
export function plainValue(value: unknown, type: DataType): string | null {
  if (value === null || value === undefined) return null;
  if (DataType.isTimestamp(type)) return new Date(Number(value)).toISOString();
  if (DataType.isDate(type)) return new Date(Number(value)).toISOString().slice(0, 10);
  return String(value);
}
