/**
 * Values that an input of an exported net cannot hold. An input has the type of its column in the
 * run, but the same column may have a wider type in the rows for predictions.
 *
 * @module
 */

import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { FeatureInput } from "./onnx/columns.ts";
import { ElementType } from "./onnx/messages.ts";
import type { FeatureValues } from "./runners.ts";

/** A value that an input of a net cannot hold. */
export interface Misfit {
  /** The column. */
  readonly column: string;
  /** The number of the row, from 0. */
  readonly row: number;
  /** The value. */
  readonly value: number;
  /** The type of the input, such as `uint8`. */
  readonly type: string;
}

/** The types of whole numbers: the smallest number, and the first one that is too large. */
const ranges: Readonly<Record<number, readonly [type: string, least: number, end: number]>> = {
  [ElementType.int8]: ["int8", -(2 ** 7), 2 ** 7],
  [ElementType.uint8]: ["uint8", 0, 2 ** 8],
  [ElementType.int16]: ["int16", -(2 ** 15), 2 ** 15],
  [ElementType.uint16]: ["uint16", 0, 2 ** 16],
  [ElementType.int32]: ["int32", -(2 ** 31), 2 ** 31],
  [ElementType.uint32]: ["uint32", 0, 2 ** 32],
  [ElementType.int64]: ["int64", -(2 ** 63), 2 ** 63],
  [ElementType.uint64]: ["uint64", 0, 2 ** 64],
  [ElementType.bool]: ["bool", 0, 2],
};

/**
 * Finds a value of a feature that the input of a graph would change.
 *
 * @param inputs The input of the graph for each feature.
 * @param values The features' values, row by row.
 */
export function misfitIn(
  inputs: readonly FeatureInput[],
  values: FeatureValues,
): Misfit | undefined {
  for (const { feature: { name, column, spec }, input, encoded } of inputs) {
    const range = encoded || spec.dtype === "int32" ? undefined : ranges[input.type];
    if (!range) continue;
    const [type, least, end] = range, given = values[name]!;
    // A plain loop, because there may be millions of values.
    for (let index = 0; index < given.length; index++) {
      const value = given[index]!;
      if (value >= least && value < end && Number.isInteger(value)) continue;
      const size = input.shape.reduce((product, length) => product * length, 1);
      return { column, row: Math.floor(index / size), value, type };
    }
  }
  return undefined;
}

/**
 * Creates the error for a value that an input cannot hold.
 *
 * @param misfit The value.
 * @param row The number of its row, from 0.
 */
export function refusedValue({ column, value, type }: Misfit, row: number): UserError {
  return new UserError(
    `row ${row}: the column ${column} has ${value}, which the exported net cannot take: it takes ${type}, the type of the column in the run`,
    {
      hint: hint(
        "model/misfit",
        "compute such rows with the run folder, or train on a column of a wider type and export again",
        { edit: "the command, or the run" },
      ),
    },
  );
}
