/**
 * The facts about a run that warnings are based on.
 *
 * @module
 */

import type { CompletePlan, Plan } from "../../pipeline/plan.ts";
import type { Batch, ColumnSpec } from "../../stages/batch.ts";
import type { RowCounts } from "../../input/counts.ts";
import type { IdCounts } from "../../input/ids.ts";
import { rowText, type TransformChain } from "../../input/transforms.ts";
import { type UntrainedUnknown, untrainedUnknowns } from "../../input/unknown_ids.ts";
import type { PreparedData } from "../../input/prepare_data.ts";

/**
 * The facts about a run's data and nets that warnings are based on. They are collected before
 * training begins.
 */
export interface Facts {
  /** The plan. */
  readonly plan: CompletePlan;
  /** The number of rows in each split. */
  readonly rows: Readonly<Record<string, number>>;
  /**
   * The numbers of rows in the smallest and the largest batch, if batches keep groups together.
   */
  readonly grouped: { readonly least: number; readonly most: number } | undefined;
  /** A text for each split that changes when its rows change. */
  readonly fingerprints: Readonly<Record<string, string>>;
  /** Counts of classes and weights in each split. */
  readonly counts: Readonly<Record<string, RowCounts>>;
  /** How often the ids of vocabularies occur, by split and feature. */
  readonly ids: Readonly<Record<string, Readonly<Record<string, IdCounts>>>>;
  /** The vocabularies whose id for unknown values occurs in no training row. */
  readonly untrained: readonly UntrainedUnknown[];
  /** The features as read from the source, before transforms. */
  readonly features: Readonly<Record<string, ColumnSpec>>;
  /** The label as read from the source. */
  readonly label: PreparedData["splits"]["train"]["label"];
  /** The features as the nets receive them, after transforms. */
  readonly inputs: Readonly<Record<string, ColumnSpec>>;
  /** A sample of the training rows, in pieces spread over the split. */
  readonly sample: readonly SampledRows[];
}

/** Consecutive rows of the training split. */
export interface SampledRows {
  /** The number of this piece of the sample, from 0. */
  readonly piece: number;
  /** The rows as read from the source. */
  readonly read: Batch;
  /** The rows as the nets receive them, without augmentation. */
  readonly transformed: Batch;
}

/** The number of pieces in the sample, and the number of rows in each. */
const PIECES = 4, PIECE_ROWS = 256;

/**
 * Collects facts about the data and the nets of a plan. The functions that warn about likely
 * mistakes use these facts.
 *
 * @param data The rows of the plan.
 * @throws {UserError} If a row cannot be read, or a transform fails.
 */
export async function gatherFacts(data: PreparedData): Promise<Facts> {
  const { plan, splits, transforms } = data, { features, label } = splits.train;
  const named = Object.entries(splits);
  return {
    plan,
    rows: Object.fromEntries(named.map(([name, { rows }]) => [name, rows])),
    grouped: splits.train.groups?.sizes(plan.cut.size),
    fingerprints: Object.fromEntries(named.map(([name, { fingerprint }]) => [name, fingerprint])),
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
 * Applies the transforms to rows of the sample that the warnings examine, without augmentation.
 *
 * @param transforms The transforms.
 * @param rows The rows.
 * @param piece The number of this piece of the sample, from 0.
 * @param plan The plan.
 * @param where Returns the position of a row, for messages.
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
