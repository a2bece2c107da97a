/**
 * Sizes of rows and batches that options can make larger than the machine, which are known before
 * anything of that size is made.
 *
 * @module
 */

import { UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";
import type { Plan } from "../pipeline/plan.ts";
import type { ColumnSpec } from "../stages/batch.ts";
import { sizeOf } from "./columns.ts";
import { formatBytes } from "./memory.ts";
import type { PlannedTransform } from "./transforms.ts";

/** A number is a float32. */
const BYTES = 4;

/**
 * Refuses batches that the machine has no memory for, as they leave each transform.
 *
 * @param features The features as they are read.
 * @param transforms The transforms.
 * @param rows The rows of the largest batch.
 * @param available The memory that this process may have, in bytes.
 * @throws {UserError} With the largest feature, its size and what the machine has; exit code 2.
 */
export function refuseLargeBatches(
  features: Readonly<Record<string, ColumnSpec>>,
  transforms: readonly Pick<PlannedTransform, "stage" | "transform">[],
  rows: number,
  available: number,
): void {
  const steps = [
    { stage: undefined, specs: features },
    ...transforms.map(({ stage, transform }) => ({ stage, specs: transform.features })),
  ];
  for (const { stage, specs } of steps) {
    const sized = Object.entries(specs).map(([name, { shape }]) => ({
      name,
      shape,
      bytes: BYTES * rows * sizeOf(shape),
    }));
    const bytes = sized.reduce((sum, { bytes }) => sum + bytes, 0);
    if (bytes <= available) continue;
    const { name, shape } = sized.reduce((one, other) => other.bytes > one.bytes ? other : one);
    const lengths = shape.map((size) => size.toLocaleString("en")).join(" × ");
    throw new UserError(
      `a batch of ${rows.toLocaleString("en")} rows needs ${formatBytes(bytes)}${
        stage ? ` behind the transform ${stage.name}` : ""
      }: the feature ${name} has ${lengths} numbers a row; this machine has ${
        formatBytes(available)
      } available`,
      {
        place: stage?.place,
        hint: stage
          ? hint(
            "size/transform",
            "write a smaller number at the transform, or a smaller train.batch",
            { edit: "the transform's options" },
          )
          : hint("size/batch", "write a smaller train.batch, or fewer values a row", {
            set: { "/train/batch": 1 },
          }),
        exitCode: 2,
      },
    );
  }
}

/**
 * Refuses rows that are padded to more than the machine has memory for, before any is read.
 *
 * @param plan The plan.
 * @param available The memory that this process may have, in bytes.
 * @throws {UserError} With the feature, its size and what the machine has; exit code 2.
 */
export function refuseLargeRows({ features, document }: Plan, available: number): void {
  for (const [name, { shape, length }] of Object.entries(features)) {
    const own = length === undefined ? shape : [length];
    const bytes = BYTES * sizeOf(own ?? []);
    if (bytes <= available) continue;
    const option = length === undefined ? "shape" : "length";
    throw new UserError(
      `a row of the feature ${name} needs ${formatBytes(bytes)}; this machine has ${
        formatBytes(available)
      } available`,
      {
        place: document.place(["data", "features", name, option]),
        hint: hint("size/row", `write a smaller ${option}`, {
          set: { ".": length === undefined ? [1] : 1 },
        }),
        exitCode: 2,
      },
    );
  }
}
