import { DataType, Field, Int64, Schema, Table, tableFromIPC, tableToIPC } from "apache-arrow";
import { commonType } from "../stages/column_types.ts";
import { callStage } from "../stages/stage_error.ts";
import type { Dataset } from "../stages/source.ts";
import { type ColumnsRequest, wantedColumns } from "./decoder.ts";

/** An open source of a split, and what is wanted of it. */
export interface OpenedSource {
  readonly dataset: Dataset;
  readonly request: ColumnsRequest;
}

/** A source whose columns have the types of all splits. */
export interface WidenedSource {
  readonly dataset: Dataset;
  /** The columns that changed; none of most. */
  readonly fields: readonly Field[];
}

/**
 * Gives the columns of several splits one type each: the narrowest that holds the values of all. A
 * split in which a column has no value has no say in its type. A column keeps its types where none
 * does, or where a source cannot change them; the reader of columns decides then.
 *
 * @param sources The open sources of the splits.
 * @returns The data sets that take their places.
 * @throws {UserError} If a value is not in such a type.
 */
export async function widenSources(sources: readonly OpenedSource[]): Promise<WidenedSource[]> {
  const common = new Map<string, Field>();
  const columns = new Set(sources.flatMap(({ request }) => wantedColumns(request)));
  for (const name of columns) {
    const fields = await fieldsWithValues(name, sources);
    let field = commonField(fields);
    // Of nulls alone any type is as good; whole numbers may be features, ids and labels.
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

/** A column of those splits that have values in it, or of all if none has. */
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

/** A field of a type that holds the values of all; text holds whatever was read from text. */
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

/** Whether a label of classes would become one of numbers by its type alone. */
function isOtherLabel(
  { name, type }: Field,
  fields: readonly Field[],
  { label }: ColumnsRequest,
): boolean {
  if (name !== label.column || label.kind !== undefined || label.classes !== undefined) {
    return false;
  }
  const isFloat = (type: unknown) => /^(Float|Decimal)/.test(String(type));
  return isFloat(type) && fields.some(({ type }) => !isFloat(type) && String(type) !== "Null");
}

/**
 * Columns as bytes, for another thread.
 *
 * @param fields The columns.
 */
export function sentFields(fields: readonly Field[]): Uint8Array {
  return tableToIPC(new Table(new Schema([...fields])), "stream");
}

/**
 * Columns that came from another thread.
 *
 * @param bytes What {@linkcode sentFields} made.
 */
export function receivedFields(bytes: Uint8Array): readonly Field[] {
  return tableFromIPC(bytes).schema.fields;
}
