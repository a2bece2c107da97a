/**
 * Rejects rows and batches that are too large for the machine, before any memory of that size is
 * allocated.
 *
 * @module
 */

import { UserError } from "../base/errors.ts";
import { counted } from "../base/text_table.ts";
import { hint } from "../base/hints.ts";
import type { CompletePlan } from "../pipeline/plan.ts";
import type { ColumnSpec } from "../stages/batch.ts";
import { sizeOf } from "./columns.ts";
import { formatBytes } from "../base/bytes.ts";
import type { StageReference } from "../stages/stage_error.ts";
import type { PlannedTransform } from "./transforms.ts";

/** The bytes of a float32. */
const BYTES = 4;

type Specs = Readonly<Record<string, ColumnSpec>>;
type Transforms = readonly Pick<PlannedTransform, "stage" | "transform">[];

/**
 * Rejects batches that do not fit in memory, before or after any of the transforms.
 *
 * @param features The features as read from the source.
 * @param transforms The transforms.
 * @param rows The number of rows in the largest batch.
 * @param available The memory that this process may use, in bytes.
 * @throws {UserError} With the largest feature, its size and the available memory; exit code 2.
 */
export function refuseLargeBatches(
  features: Specs,
  transforms: Transforms,
  rows: number,
  available: number,
): void {
  const found = tooLarge(features, transforms, rows, available);
  if (!found) return;
  throw new UserError(found.message, {
    place: found.stage?.place,
    hint: found.stage
      ? hint(
        "size/transform",
        "use smaller values for the options of the transform, or a smaller train.batch",
        { edit: "the transform's options" },
      )
      : hint("size/batch", "use a smaller train.batch, or fewer values per row", {
        set: { "/train/batch": 1 },
      }),
    exitCode: 2,
  });
}

/**
 * Rejects rows for a trained net that do not fit in memory, before or after any of its transforms.
 * The transforms are those of a `model.json`, which may come from someone else.
 *
 * @param features The features as read from the source.
 * @param transforms The transforms that are applied to rows for predictions.
 * @param rows The number of rows that are transformed at a time.
 * @param available The memory that this process may use, in bytes.
 * @throws {UserError} With the largest feature, its size and the available memory; exit code 2.
 */
export function refuseLargeModelRows(
  features: Specs,
  transforms: Transforms,
  rows: number,
  available: number,
): void {
  const found = tooLarge(features, transforms, rows, available);
  if (!found) return;
  throw new UserError(found.message, {
    hint: rows > 1
      ? hint("size/rows-at-once", "compute fewer rows at a time: --batch 1", {
        args: { add: ["--batch", "1"] },
      })
      : hint("size/model-row", "use a run whose transforms make smaller features", {
        edit: "the run folder",
      }),
    exitCode: 2,
  });
}

/** Describes the first step at which a batch needs more memory than there is. */
function tooLarge(
  features: Specs,
  transforms: Transforms,
  rows: number,
  available: number,
): { readonly message: string; readonly stage: StageReference | undefined } | undefined {
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
    const message = `a batch of ${counted(rows, "row")} needs ${formatBytes(bytes)}${
      stage ? ` after the transform ${stage.name}` : ""
    }: the feature ${name} has ${lengths} numbers per row; this machine has ${
      formatBytes(available)
    } available`;
    return { message, stage };
  }
  return undefined;
}

/**
 * Rejects features whose padded rows do not fit in memory, before any row is read.
 *
 * @param plan The plan.
 * @param available The memory that this process may use, in bytes.
 * @throws {UserError} With the feature, its size and the available memory; exit code 2.
 */
export function refuseLargeRows({ features, document }: CompletePlan, available: number): void {
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
        hint: hint("size/row", `use a smaller ${option}`, {
          set: { ".": length === undefined ? [1] : 1 },
        }),
        exitCode: 2,
      },
    );
  }
}
