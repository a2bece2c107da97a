import type { RecordBatch } from "apache-arrow";
import type { Dataset } from "../stages/source.ts";
import { firstAtLeast } from "./bounds.ts";
import { takeRows } from "./take_rows.ts";

/** Some rows of a source, in a form that can be sent to another thread. */
export interface Selection {
  /** The numbers of the rows in the source, ascending. */
  readonly rows: Uint32Array;
  /** The fingerprint of the source. */
  readonly source: string;
  /** A text that changes when these rows change. */
  readonly fingerprint: string;
}

/** A selection of the rows of an opened data source, which can be read like a complete data set. */
export interface SelectedRows extends Dataset {
  /** The rows. */
  readonly selection: Selection;
}

/**
 * Selects rows of an opened data source. Everything that reads the result, such as the vocabulary
 * of a feature, sees only these rows.
 *
 * @param dataset The opened data source. Closing the selection closes it.
 * @param selection The rows.
 */
export function selectRows(dataset: Dataset, selection: Selection): SelectedRows {
  const { schema, textFacts, rowCounts } = dataset, { rows, fingerprint } = selection;
  // The numbers, within a record batch, of the selected rows from the position `start` on.
  const within = (start: number, first: number, end: number) => {
    let after = start;
    while (after < rows.length && rows[after]! < end) after++;
    return rows.subarray(start, after).map((row) => row - first);
  };
  const selected = {
    schema,
    fingerprint,
    selection,
    ...(textFacts && { textFacts }),
    ...(dataset.rows && {
      rows: (numbers: ArrayLike<number>) =>
        dataset.rows!(Uint32Array.from(numbers, (row) => rows[row]!)),
    }),
    locate: (row: number) => dataset.locate?.(rows[row]!),
    async *recordBatches() {
      let first = 0, used = 0;
      for await (const batch of dataset.recordBatches() as AsyncIterable<RecordBatch>) {
        const own = within(used, first, first + batch.numRows);
        if (own.length === batch.numRows) yield batch;
        else if (own.length > 0) yield takeRows(batch, own);
        first += batch.numRows;
        used += own.length;
        if (used === rows.length) return;
      }
    },
    close: async () => await dataset.close?.(),
  };
  if (!rowCounts) return selected;
  const bounds = new Float64Array(rowCounts.length + 1);
  rowCounts.forEach((count, batch) => bounds[batch + 1] = bounds[batch]! + count);
  const inBatch = (index: number) => {
    const first = bounds[index]!;
    return within(firstAtLeast(rows, first), first, bounds[index + 1]!);
  };
  return {
    ...selected,
    rowCounts: rowCounts.map((_, index) => inBatch(index).length),
    ...(dataset.recordBatch && {
      recordBatch: async (index: number) =>
        takeRows(await dataset.recordBatch!(index) as RecordBatch, inBatch(index)),
    }),
  };
}

/**
 * Divides the rows of an opened data source into parts. The data source is closed when all parts
 * are closed.
 *
 * @param dataset The opened data source.
 * @param parts The rows of each part.
 * @returns The part of each name.
 */
export function divideRows<Name extends string>(
  dataset: Dataset,
  parts: ReadonlyMap<Name, Selection>,
): Map<Name, SelectedRows> {
  const open = new Set(parts.keys());
  return new Map(Array.from(parts, ([name, selection]) => {
    const close = async () => {
      if (open.delete(name) && open.size === 0) await dataset.close?.();
    };
    return [name, { ...selectRows(dataset, selection), close }];
  }));
}
