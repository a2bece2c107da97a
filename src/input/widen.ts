import { DataType, Field, Int64, Schema, Table, tableFromIPC, tableToIPC } from "apache-arrow";
import { commonType } from "../stages/column_types.ts";
import { callStage } from "../stages/stage_error.ts";
import type { Dataset } from "../stages/source.ts";
import { type ColumnsRequest, wantedColumns } from "./decoder.ts";

/** The opened data source of a split, and the columns to read from it. */
export interface OpenedSource {
  readonly dataset: Dataset;
  readonly request: ColumnsRequest;
}

/** A source whose columns have types that are common to all splits. */
export interface WidenedSource {
  readonly dataset: Dataset;
  /** The columns whose types changed; usually none. */
  readonly fields: readonly Field[];
}

/**
 * Gives each column the same type in all splits: the narrowest type that can represent the values
 * of all splits. Splits in which the column has no values are ignored. If there is no such type, or
 * the source cannot change types, the types stay different. The column reader then accepts them or
 * throws an error.
 *
 * @param sources The opened data sources of the splits.
 * @returns The data sets with the common types.
 * @throws {UserError} If a value cannot be represented in the common type.
 */
export async function widenSources(sources: readonly OpenedSource[]): Promise<WidenedSource[]> {
  const common = new Map<string, Field>();
  const columns = new Set(sources.flatMap(({ request }) => wantedColumns(request)));
  for (const name of columns) {
    const fields = await fieldsWithValues(name, sources);
    let field = commonField(fields);
    // A column of nulls can have any type; whole numbers can be features, ids and labels.
    if (field && DataType.isNull(field.type)) field = new Field(name, new Int64(), true);
    if (field && !isOtherLabel(field, fields, sources[0]!.request)) common.set(name, field);
  }
  return await Promise.all(sources.map(async ({ dataset, request: { stage } }) => {
    const fields = dataset.schema.fields.flatMap((field) => {
      const wider = common.get(field.name);
      return wider && String(wider.type) !== String(field.type) ? [wider] : [];
    });
    if (fields.length === 0 || !dataset.widen) return { dataset, fields: [] };
    return { dataset: await callStage(stage, "widen()", () => dataset.widen!(fields)), fields };
  }));
}

/** Returns the fields of a column in the splits that have values in it, or in all if none has. */
async function fieldsWithValues(name: string, sources: readonly OpenedSource[]): Promise<Field[]> {
  const found = sources.flatMap(({ dataset, request: { stage } }) =>
    dataset.schema.fields.filter((field) => field.name === name)
      .map((field) => ({ field, dataset, stage }))
  );
  const fields = found.map(({ field }) => field);
  if (new Set(fields.map(({ type }) => String(type))).size < 2) return fields;
  const withValues: Field[] = [];
  for (const { field, dataset, stage } of found) {
    const empty = dataset.withoutValues &&
      await callStage(stage, "withoutValues()", () => dataset.withoutValues!([name]));
    if (!empty?.has(name)) withValues.push(field);
  }
  return withValues.length > 0 ? withValues : fields.slice(0, 1);
}

/** Returns a field whose type can represent all values. Text can represent everything. */
function commonField(fields: readonly Field[]): Field | undefined {
  const text = fields.find(({ type }) => String(type) === "Utf8");
  if (text) return text;
  let common = fields[0];
  for (const field of fields.slice(1)) {
    const type = commonType(common!.type, field.type);
    if (!type) return undefined;
    if (String(type) !== String(common!.type)) common = new Field(field.name, type, true);
  }
  return common;
}

/** Checks whether the wider type would silently turn a label of classes into one of numbers. */
function isOtherLabel(
  { name, type }: Field,
  fields: readonly Field[],
  { label }: ColumnsRequest,
): boolean {
  const labels = "labels" in label ? Object.values(label.labels) : [label];
  const isOpen = labels.some(({ column, kind, classes }) =>
    name === column && kind === undefined && classes === undefined
  );
  if (!isOpen) return false;
  const isFloat = (type: unknown) => /^(Float|Decimal)/.test(String(type));
  return isFloat(type) && fields.some(({ type }) => !isFloat(type) && String(type) !== "Null");
}

/**
 * Encodes columns as bytes, for another thread.
 *
 * @param fields The columns.
 */
export function sentFields(fields: readonly Field[]): Uint8Array {
  return tableToIPC(new Table(new Schema([...fields])), "stream");
}

/**
 * Decodes columns that were sent from another thread.
 *
 * @param bytes The bytes from {@linkcode sentFields}.
 */
export function receivedFields(bytes: Uint8Array): readonly Field[] {
  return tableFromIPC(bytes).schema.fields;
}
