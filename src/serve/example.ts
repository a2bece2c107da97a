import { cellReader } from "../base/arrow_cells.ts";
import { largest } from "../base/long_lists.ts";
import type { RecordBatch } from "apache-arrow";
import type { LoadedModel } from "../model/model.ts";
import type { InputColumn } from "./input_columns.ts";
import { sizeOf } from "./tensors.ts";

/** A request for predictions in JSON. */
export interface ExampleRequest {
  /** The inputs, each with one row. */
  readonly inputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly datatype: string;
    readonly data: readonly unknown[];
  }[];
}

/**
 * Creates an example request with one row. The values of the row are generated from `model.json`,
 * so the request contains no values from the training data.
 *
 * @param served The model.
 * @param columns Its inputs.
 */
export function exampleRequest(
  { loaded }: { readonly loaded: Pick<LoadedModel, "sample"> },
  columns: readonly InputColumn[],
): ExampleRequest {
  return requestOf(loaded.sample().slice(0, 1), columns);
}

/**
 * Converts rows to a request. All rows must have lists of the same length, so shorter lists are
 * extended with nulls, or with the number that the pipeline uses for padding.
 *
 * @param rows The rows, with a column for each input.
 * @param columns The inputs.
 */
export function requestOf(rows: RecordBatch, columns: readonly InputColumn[]): ExampleRequest {
  return {
    inputs: columns.map(({ name, datatype, family, shape, pad = null }) => {
      const read = cellReader(rows.getChild(name)!.data[0]!);
      const values = Array.from(
        { length: rows.numRows },
        (_, row) => {
          const value = read(row);
          // A null list of fixed length consists of nulls. Other lists cannot be null in a tensor.
          if (value === null && !shape.includes(-1)) return Array(sizeOf(shape)).fill(null);
          return elementsOf(value, family === "times");
        },
      );
      if (shape.length === 0) {
        return { name, shape: [rows.numRows], datatype, data: values.flat() };
      }
      const longest = Math.max(0, largest(values.map(({ length }) => length)));
      const own = shape[0] === -1 ? [longest] : shape;
      const data = values.flatMap((row) => [...row, ...Array(longest - row.length).fill(pad)]);
      return { name, shape: [rows.numRows, ...own], datatype, data };
    }),
  };
}

/** Returns the values of a row as JSON has them. */
function elementsOf(value: unknown, isTime: boolean): unknown[] {
  if (value === null) return [null];
  if (typeof value === "bigint") {
    const number = Number(value);
    return [Number.isSafeInteger(number) ? number : String(value)];
  }
  if (typeof value === "object") {
    return [...value as Iterable<unknown>].flatMap((item) => elementsOf(item, isTime));
  }
  return [isTime ? (value as number) / 1000 : value];
}
