/**
 * What warnings look at.
 *
 * @module
 */

import type { Plan } from "../../pipeline/plan.ts";
import type { Batch, ColumnSpec } from "../../stages/batch.ts";
import type { RowCounts } from "../../input/counts.ts";
import type { IdCounts } from "../../input/ids.ts";
import { rowText, type TransformChain } from "../../input/transforms.ts";
import { type UntrainedUnknown, untrainedUnknowns } from "../../input/unknown_ids.ts";
import type { PreparedData } from "../../input/prepare_data.ts";

/** What is known of a run before it trains. */
export interface Facts {
  /** The plan. */
  readonly plan: Plan;
  /** How many rows each split has. */
  readonly rows: Readonly<Record<string, number>>;
  /** The classes and weights of each split. */
  readonly counts: Readonly<Record<string, RowCounts>>;
  /** How often ids of a vocabulary occur, by split and feature. */
  readonly ids: Readonly<Record<string, Readonly<Record<string, IdCounts>>>>;
  /** The vocabularies whose unknown id is not trained. */
  readonly untrained: readonly UntrainedUnknown[];
  /** What the features are as they were read. */
  readonly features: Readonly<Record<string, ColumnSpec>>;
  /** The label as it was read. */
  readonly label: PreparedData["splits"]["train"]["label"];
  /** What the nets get. */
  readonly inputs: Readonly<Record<string, ColumnSpec>>;
  /** Some of the training rows, from all over the split. */
  readonly sample: readonly SampledRows[];
}

/** Rows that follow one another. */
export interface SampledRows {
  /** Which piece of the split they are. */
  readonly piece: number;
  /** The rows as they were read. */
  readonly read: Batch;
  /** The rows as the nets get them, without augmentation. */
  readonly transformed: Batch;
}

/** How many pieces of the training split are looked at, and of how many rows. */
const PIECES = 4, PIECE_ROWS = 256;

/**
 * Gathers what warnings look at.
 *
 * @param plan The plan.
 * @param data Its rows.
 * @throws {UserError} If a row cannot be read, or a transform fails.
 */
export async function gatherFacts(plan: Plan, data: PreparedData): Promise<Facts> {
  const { splits, transforms } = data, { features, label } = splits.train;
  const named = Object.entries(splits);
  return {
    plan,
    rows: Object.fromEntries(named.map(([name, { rows }]) => [name, rows])),
    counts: Object.fromEntries(named.map(([name, split]) => [name, split.counts()])),
    ids: Object.fromEntries(named.map(([name, { idCounts }]) => [name, idCounts])),
    untrained: untrainedUnknowns(splits),
    features,
    label,
    inputs: transforms.features ?? features,
    sample: await sampleOf(plan, data),
  };
}

async function sampleOf(plan: Plan, data: PreparedData): Promise<SampledRows[]> {
  const { splits: { train }, transforms } = data;
  const size = Math.min(PIECE_ROWS, Math.ceil(train.rows / PIECES));
  const sample: SampledRows[] = [];
  for (let piece = 0; piece < PIECES; piece++) {
    const start = Math.round((train.rows - size) * piece / (PIECES - 1));
    const read = await train.slice(start, start + size);
    const where = (row: number) => rowText(train, start + row);
    sample.push({ piece, read, transformed: transformed(transforms, read, piece, plan, where) });
  }
  return sample;
}

/**
 * Transforms rows of the sample, without augmentation.
 *
 * @param transforms The transforms.
 * @param rows The rows.
 * @param piece Which piece of the split they are.
 * @param plan The plan.
 * @param where Says where one of them is.
 */
export function transformed(
  transforms: TransformChain,
  rows: Batch,
  piece: number,
  { seed }: Plan,
  where?: (row: number) => string,
): Batch {
  return transforms.apply(rows, { seed, epoch: 0, batch: piece, training: false, where });
}
