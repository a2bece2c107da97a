import { DataType, type Schema } from "apache-arrow";
import { layoutOf } from "../../input/layout.ts";
import type { Dataset } from "../../stages/source.ts";
import { fieldOf } from "./family.ts";
import type { SourceFeature } from "./model_file.ts";

/**
 * Gives the columns of text files the types that they had in the run. Without this, the type
 * depends on the file: the same column may contain only whole numbers in one file, and fractions or
 * texts in another.
 *
 * @param opened The files.
 * @param columns The columns of the run.
 * @returns The files with these types.
 */
export async function inTypesOf(
  opened: Dataset,
  columns: readonly Pick<SourceFeature, "column" | "type">[],
): Promise<Dataset> {
  const others = columns.filter(({ column, type }) => {
    const field = (opened.schema as Schema).fields.find(({ name }) => name === column);
    // A text file without values in a column does not tell its type.
    if (field && DataType.isNull(field.type)) return true;
    const layout = field && layoutOf(field.type);
    return layout && layout.lists.length === 0 && layout.family !== type.family;
  });
  const fields = new Map(others.map(({ column, type }) => [column, fieldOf(column, type)]));
  return opened.widen && fields.size > 0 ? await opened.widen([...fields.values()]) : opened;
}
