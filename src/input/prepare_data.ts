/**
 * Prepares the data of a plan: opens its files and measures statistics for transforms.
 *
 * @module
 */

import type { Field } from "apache-arrow";
import { UserError } from "../base/errors.ts";
import { counted } from "../base/text_table.ts";
import { hint } from "../base/hints.ts";
import type { Plan, PlannedStage } from "../pipeline/plan.ts";
import { callStage } from "../stages/stage_error.ts";
import type { Batch, Column } from "../stages/batch.ts";
import type { SourceStage } from "../stages/source.ts";
import { emptyHint } from "./classes.ts";
import { sizeOf } from "./columns.ts";
import { mapBatch } from "../stages/parts.ts";
import { availableMemory } from "../base/machine/available_memory.ts";
import { memoryFor } from "./memory.ts";
import { batchCount, batchRange, holdoutRows, sampleRows } from "./order.ts";
import { openDataset, readSplit, type Split } from "./split.ts";
import { columnTexts } from "./texts.ts";
import type { SourceSetup } from "./streamed.ts";
import { type Measured, measuredRows, rowText, TransformChain } from "./transforms.ts";
import { type OpenedSource, sentFields, widenSources } from "./widen.ts";
import { refuseLargeBatches, refuseLargeRows } from "./sizes.ts";
import { canBeSent } from "./worker_input.ts";

/** The number of rows in an evaluation batch. */
export const evaluationRows = 256;

/** The rows of a run, ready to be read. */
export interface PreparedData {
  /** The splits by name: `train`, `test`, and `validation` if there is one. */
  readonly splits: Readonly<Record<string, Split>> & {
    readonly train: Split;
    readonly test: Split;
  };
  /** The transforms that are applied to batches. */
  readonly transforms: TransformChain;
  /** The statistics that were measured on the training rows, as JSON. */
  readonly measured: Measured;
  /** The training rows of the first batch before transforms, or the first 2 rows if it is smaller. */
  readonly first: Batch;
  /** The memory that was available to this process before rows were read, in bytes. */
  readonly available: number;
  /** Closes the files. */
  close(): Promise<void>;
}

/**
 * Opens the data of a plan and measures the statistics that its transforms need.
 *
 * @param plan The plan.
 * @param report Receives log lines about rows that do not fit in memory and about long operations.
 * @returns The rows.
 * @throws {UserError} If a file or a column does not agree with the plan.
 */
export async function prepareData(
  plan: Plan,
  report: (line: string) => void = () => {},
): Promise<PreparedData> {
  const available = await availableMemory();
  refuseLargeRows(plan, available);
  const memory = await memoryFor(plan.memory);
  const { validation: planned } = plan;
  const sources = new Map<string, OpenSource>();
  const opened: Split[] = [];
  const close = async () => {
    for (const split of opened) await split.close();
    for (const { dataset, request } of sources.values()) {
      await callStage(request.stage, "close()", () => dataset.close?.());
    }
  };
  try {
    const stages = {
      train: plan.train,
      ...(planned && "stage" in planned && { validation: planned }),
      test: plan.test,
    };
    for (const [name, stage] of Object.entries(stages)) {
      sources.set(name, await openSource(plan, stage));
    }
    // Column types depend on all splits, so all are opened before the first one is read.
    const widened = await widenSources([...sources.values()]);
    const texts = columnTexts(sources);
    for (const [index, [name, source]] of [...sources].entries()) {
      sources.set(name, {
        ...source,
        ...widened[index]!,
        request: { ...source.request, texts },
      });
    }
    const read = async (name: string, like?: Split) => {
      const { dataset, request, setup, fields } = sources.get(name)!;
      // The split closes its source.
      sources.delete(name);
      const split = await readSplit(dataset, request, {
        like,
        memory,
        setup: setup && (fields.length > 0 ? { ...setup, widened: sentFields(fields) } : setup),
        name,
        report,
      });
      opened.push(split);
      return split;
    };
    const whole = await read("train");
    const holdout = planned && "holdout" in planned
      ? holdoutRows(whole.rows, planned.holdout, plan.seed)
      : undefined;
    const kept = trainingRows(plan, whole.rows, holdout?.train);
    const train = kept ? whole.subset(kept) : whole;
    const splits = {
      train,
      ...(holdout && { validation: whole.subset(holdout.validation) }),
      ...(sources.has("validation") && { validation: await read("validation", whole) }),
      test: await read("test", whole),
    };
    refuseEmpty(splits, plan);
    refuseNoBatch(train, plan);
    const transforms = TransformChain.of(
      plan.transforms,
      train.features,
      (feature) => plan.document.place(["data", "features", feature]),
    );
    const measures = transforms.planned.some(({ transform }) => transform.measure);
    const largest = Math.max(plan.cut.size, evaluationRows, measures ? measuredRows : 0);
    refuseLargeBatches(
      transforms.entry,
      transforms.planned,
      Math.min(largest, train.rows),
      available,
    );
    const measured = await transforms.measure(train);
    const first = await train.slice(
      0,
      Math.min(Math.max(firstRows(plan, train.rows), 2), train.rows),
    );
    return {
      splits,
      transforms,
      measured,
      first,
      available,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** An open source of a split. */
interface OpenSource extends OpenedSource {
  /** The setup for another thread that opens the source, if that is possible. */
  readonly setup: SourceSetup | undefined;
  /** The columns whose types changed. */
  readonly fields: readonly Field[];
}

async function openSource(plan: Plan, planned: PlannedStage<SourceStage>): Promise<OpenSource> {
  const { stage, options, reference, folder, specifier } = planned;
  const source = callStage(reference, "create()", () => stage.create(options, { folder }));
  const request = {
    features: plan.features,
    label: plan.label,
    nulls: plan.nulls,
    texts: {},
    weight: plan.weight,
    columns: plan.columns,
    stage: reference,
    places: (path: string) => plan.document.place(["data", ...path.split(".")]),
  };
  return {
    dataset: await openDataset(source, request),
    request,
    setup: specifier !== undefined && canBeSent(options)
      ? { specifier, options, folder }
      : undefined,
    fields: [],
  };
}

/** Returns the rows to train on, or undefined for all rows. */
function trainingRows(
  { rows, seed, document }: Plan,
  all: number,
  left: Uint32Array | undefined,
): Uint32Array | undefined {
  const most = left?.length ?? all;
  if (rows === undefined || rows === most) return left;
  if (rows < most) return sampleRows(left ?? all, rows, seed);
  throw new UserError(
    `data.rows is ${rows}, but there are only ${most} training rows${
      left ? `, without the ${all - most} held-out rows` : ""
    }`,
    {
      place: document.place(["data", "rows"]),
      hint: hint("data/rows", `write ${most} or less`, { set: { ".": most } }),
      exitCode: 2,
    },
  );
}

function refuseEmpty(splits: Readonly<Record<string, Split>>, plan: Plan): void {
  for (const [name, split] of Object.entries(splits)) {
    if (split.rows > 0) continue;
    throw new UserError(`the ${name} split has no rows`, {
      place: plan.document.place(["data", name]),
      hint: emptyHint(),
    });
  }
}

/** Refuses data that is smaller than a batch if the last batch is dropped. */
function refuseNoBatch({ rows }: Split, { cut, document }: Plan): void {
  if (batchCount(rows, cut) > 0) return;
  throw new UserError(
    `the train split has ${
      counted(rows, "row")
    }, fewer than a batch of ${cut.size}, and train.lastBatch is drop: ` +
      "no batch is left to train on",
    {
      place: document.place(["train", "lastBatch"]),
      hint: hint("data/no-batch", `write \`batch: ${rows}\` or less, or \`lastBatch: keep\``, [
        { set: { "/train/batch": rows } },
        { set: { ".": "keep" } },
      ]),
      exitCode: 2,
    },
  );
}

/** Returns the number of rows in the first batch of an epoch. */
const firstRows = ({ cut }: Plan, rows: number) => batchRange(rows, cut, 0)[1];

/**
 * Returns the first rows of the training split, transformed as in the first step.
 *
 * @param plan The plan.
 * @param data The rows.
 * @param size The maximum number of rows; by default as many as in the first step.
 */
export function firstBatch(
  plan: Plan,
  { first, transforms, splits }: PreparedData,
  size: number = firstRows(plan, splits.train.rows),
): Batch {
  const batch = headOf(first, Math.min(size, first.size));
  return transforms.apply(batch, {
    seed: plan.seed,
    epoch: 0,
    batch: 0,
    training: true,
    where: (row) => rowText(splits.train, row),
  });
}

function headOf(batch: Batch, size: number): Batch {
  const head = ({ values, shape }: Column): Column => ({
    values: values.subarray(0, size * sizeOf(shape)),
    shape,
  });
  return { ...mapBatch(batch, head), size };
}
