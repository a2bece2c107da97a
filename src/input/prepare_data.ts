/**
 * Prepares the data of a plan: opens its files and measures statistics for transforms.
 *
 * @module
 */

import type { Field, Schema } from "apache-arrow";
import { UserError } from "../base/errors.ts";
import { counted, formatCount } from "../base/text_table.ts";
import { hint } from "../base/hints.ts";
import { yamlQuoted } from "../base/quoted.ts";
import type {
  CompletePlan,
  Plan,
  PlannedStage,
  PlannedTeacher,
  TeacherRun,
} from "../pipeline/plan.ts";
import { callStage } from "../stages/stage_error.ts";
import type { Batch, Column, LabelSpec } from "../stages/batch.ts";
import { needsLabelStatistics } from "../stages/loss.ts";
import type { SourceStage } from "../stages/source.ts";
import { chooseFeatures, needsColumns } from "./choose_features.ts";
import { featurePlace, withEntries } from "./feature_entries.ts";
import { emptyHint } from "./classes.ts";
import { labelBatches, withLabelStatistics } from "./label_statistics.ts";
import { sizeOf } from "./columns.ts";
import { labelPart, labelParts, labelValue } from "../stages/labels.ts";
import { mapBatch } from "../stages/parts.ts";
import type { RowWeights } from "../stages/row_weights.ts";
import { availableMemory } from "../base/machine/available_memory.ts";
import { memoryFor } from "./memory.ts";
import { batchCount, batchRange, sampleRows } from "./order.ts";
import { withCounts, withIds, withTransforms } from "./prepare_features.ts";
import {
  type ComputeTeacher,
  outputsOfLabel,
  type TeacherOutputs,
  withOutputs,
} from "./outside_outputs.ts";
import { type KeyedRows, outputsByKey } from "./outputs_by_key.ts";
import { type Selection, selectRows } from "./select_rows.ts";
import { listed } from "../base/listed.ts";
import { sampledRows } from "./sampling.ts";
import { openData } from "./open_data.ts";
import { openDataset, readSplit, type Split } from "./split.ts";
import { divideSource, splitColumns, splitPlace } from "./split_rows.ts";
import type { TeacherColumn } from "./teacher_column.ts";
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
  /** The numbers of the rows in `first`, if batches keep groups together. */
  readonly firstGroups: Uint32Array | undefined;
  /** The label of the training rows, with its statistics if a part of the run needs them. */
  readonly label: LabelSpec;
  /**
   * The factors of the weights of training rows, by class, which correct the losses for rows that
   * `data.sampling` leaves out; absent without sampling.
   */
  readonly rowWeights?: RowWeights | undefined;
  /** For each teacher that Rocket computes, a text that changes when it does, by `written`. */
  readonly teachers: Readonly<Record<string, string>>;
  /** The memory that was available to this process before rows were read, in bytes. */
  readonly available: number;
  /** The plan, with the features that its columns are. */
  readonly plan: CompletePlan;
  /** Closes the files. */
  close(): Promise<void>;
}

/**
 * Opens the data of a plan and measures the statistics that its transforms need.
 *
 * @param written The plan.
 * @param report Receives log lines about rows that do not fit in memory and about long operations.
 * @param compute Computes the outputs of teachers that are no columns. Without it, batches have no
 *   outputs of them.
 * @returns The rows.
 * @throws {UserError} If a file or a column does not agree with the plan.
 */
export async function prepareData(
  written: Plan,
  report: (line: string) => void = () => {},
  compute?: ComputeTeacher,
): Promise<PreparedData> {
  const available = await availableMemory();
  const chosen = chooseFeatures(written, needsColumns(written) ? await columnNames(written) : []);
  refuseLargeRows(chosen, available);
  const memory = await memoryFor(chosen.memory);
  const sources = new Map<string, OpenSource>();
  const opened: Split[] = [];
  const close = async () => {
    for (const split of opened) await split.close();
    for (const { dataset, request } of sources.values()) {
      await callStage(request.stage, "close()", () => dataset.close?.());
    }
  };
  try {
    for (const [name, stage] of Object.entries(chosen.sources)) {
      sources.set(name, await openSource(chosen, name, stage));
    }
    // Column types depend on all splits, so all are opened before the first one is read.
    const widened = await widenSources([...sources.values()]);
    const texts = columnTexts(sources);
    const { schema } = widened[0]!.dataset;
    const planOfRows = withIds(chosen, schema as Schema), { features } = planOfRows;
    for (const [index, [name, source]] of [...sources].entries()) {
      sources.set(name, {
        ...source,
        ...widened[index]!,
        request: { ...source.request, features, texts },
      });
    }
    await divide(planOfRows, sources);
    const outputs = compute ? await addOutputs(planOfRows, sources, compute) : [];
    if (outputs.length > 0) reportAugmented(planOfRows, report);
    const read = async (name: string, like?: Split) => {
      const { dataset, request, setup, fields } = sources.get(name)!;
      // The split closes its source.
      sources.delete(name);
      const split = await readSplit(dataset, request, {
        like,
        memory,
        setup: setup && (fields.length > 0 ? { ...setup, widened: sentFields(fields) } : setup),
        name,
        group: planOfRows.group?.column,
        report,
      });
      opened.push(split);
      return split;
    };
    const whole = await read("train");
    for (const { teacher, label } of outputs) {
      const own = labelPart(whole.label, teacher.label)?.spec ?? whole.label;
      if (label) refuseOtherLabel(teacher, label, own);
    }
    const kept = trainingRows(planOfRows, whole.rows);
    const candidates = kept ? whole.subset(kept) : whole;
    const sampled = await sampledRows(planOfRows, candidates);
    const train = sampled
      ? whole.subset(kept ? sampled.rows.map((row) => kept[row]!) : sampled.rows)
      : candidates;
    if (sampled) reportSampling(candidates, train, report);
    const splits = {
      train,
      ...(sources.has("validation") && { validation: await read("validation", whole) }),
      test: await read("test", whole),
    };
    refuseEmpty(splits, planOfRows);
    keepTogether(splits, planOfRows, report);
    refuseNoBatch(train, planOfRows);
    const places = (feature: string) => featurePlace(planOfRows, feature);
    const own = TransformChain.of(planOfRows.transforms, train.features, { places });
    const plan = withCounts(
      withTransforms(planOfRows, own.features ?? train.features),
      whole.idCounts,
    );
    const transforms = plan === planOfRows
      ? own
      : TransformChain.of(plan.transforms, train.features, { places });
    const measures = transforms.planned.some(({ transform }) => transform.measure);
    const largest = Math.max(plan.cut.size, evaluationRows, measures ? measuredRows : 0);
    refuseLargeBatches(
      transforms.entry,
      transforms.planned,
      Math.min(largest, train.rows),
      available,
    );
    const measured = await transforms.measure(train);
    const firstGroups = train.groups?.rows(
      { training: false, size: plan.cut.size, epoch: 0 },
      plan.seed,
      0,
    );
    const first = firstGroups ? await train.gather(firstGroups) : await train.slice(
      0,
      Math.min(Math.max(firstRows(plan, train.rows), 2), train.rows),
    );
    await reportMasked(splits, report);
    const label = needsStatistics(plan)
      ? await withLabelStatistics(train, sampled?.weights)
      : train.label;
    return {
      plan,
      splits,
      label,
      ...(sampled && { rowWeights: sampled.weights }),
      teachers: Object.fromEntries(outputs.map((one) => [one.teacher.written, one.identity])),
      transforms,
      measured,
      first,
      firstGroups,
      available,
      close,
    };
  } catch (error) {
    await close();
    throw withEntries(error, chosen);
  }
}

function reportSampling(all: Split, kept: Split, report: (line: string) => void): void {
  const of = ({ rows }: Split) => formatCount(rows);
  report(
    `data: sampling keeps ${of(kept)} of ${of(all)} training rows; the losses weigh them so that ` +
      "predicted probabilities are those of all rows",
  );
}

/** Reports how many rows of each split have no value of a label that nulls mask. */
async function reportMasked(
  splits: Readonly<Record<string, Split>>,
  report: (line: string) => void,
): Promise<void> {
  for (const [name, split] of Object.entries(splits)) {
    const masked = labelParts(split.label).filter(({ spec }) => spec.masked);
    if (masked.length === 0) return;
    const without = new Map(masked.map((part) => [part, 0]));
    for await (const { size, label } of labelBatches(split)) {
      for (const part of masked) {
        let count = without.get(part)!;
        for (let row = 0; row < size; row++) {
          if (Number.isNaN(labelValue(label, row, part))) count++;
        }
        without.set(part, count);
      }
    }
    for (const [{ name: label }, count] of without) {
      if (count === 0) continue;
      report(
        `data: ${formatCount(count)} of ${counted(split.rows, `${name} row`)} ${
          split.rows === 1 ? "has" : "have"
        } no label ${label}; its losses and metrics leave them out`,
      );
    }
  }
}

/** Whether a part of the run needs the statistics of the label over the training rows. */
function needsStatistics({ outputBias, phases }: Plan): boolean {
  return outputBias === "base-rate" ||
    phases.some(({ losses }) =>
      losses.some(({ stage, options }) => needsLabelStatistics(stage, options))
    );
}

/** An opened data source of a split. */
interface OpenSource extends OpenedSource {
  /** The setup for another thread that opens the source, if that is possible. */
  readonly setup: SourceSetup | undefined;
  /** The columns whose types changed. */
  readonly fields: readonly Field[];
}

/** Replaces the source that the pipeline divides by its splits. */
async function divide(plan: Plan, sources: Map<string, OpenSource>): Promise<void> {
  const { split, seed, document } = plan;
  if (!split) return;
  const name = plan.sources.all ? "all" : "train", source = sources.get(name)!;
  const { dataset, request: { stage }, setup } = source;
  const place = (...option: readonly string[]) => document.place(["data", "split", ...option]);
  const parts = await divideSource({ dataset, stage, split, seed, place });
  sources.delete(name);
  for (const [part, rows] of parts) {
    const { selection } = rows;
    const request = part === "train" ? source.request : { ...source.request, teachers: {} };
    sources.set(part, {
      ...source,
      dataset: rows,
      request,
      setup: setup && { ...setup, selection },
    });
  }
}

/** Returns the names of the columns of the source that has the training rows. */
async function columnNames({ sources: { all, train } }: Plan): Promise<string[]> {
  const planned = all ?? train!, { reference } = planned;
  const source = createSource(planned);
  const dataset = await openData(source, reference, { columns: [] });
  await callStage(reference, "close()", () => dataset.close?.());
  return dataset.schema.fields.map(({ name }) => name);
}

const createSource = ({ stage, options, reference, folder }: PlannedStage<SourceStage>) =>
  callStage(reference, "create()", () => stage.create(options, { folder }));

async function openSource(
  plan: CompletePlan,
  split: string,
  planned: PlannedStage<SourceStage>,
): Promise<OpenSource> {
  const { options, reference, folder, specifier } = planned;
  const source = createSource(planned);
  const request = {
    features: plan.features,
    label: plan.label,
    nulls: plan.nulls,
    texts: {},
    weight: plan.weight,
    columns: [...new Set([...plan.columns, ...plan.group ? [plan.group.column] : []])],
    // Teachers teach, so other rows than training rows need no outputs of them.
    teachers: split === "all" || split === "train"
      ? Object.fromEntries(
        plan.teachers.filter(({ from }) => !from).map((one) => [one.name, columnOf(one)]),
      )
      : {},
    stage: reference,
    places: (...path: readonly string[]) => {
      const [section, feature, ...option] = path;
      if (section === "features" && feature !== undefined) {
        return featurePlace(plan, feature, ...option);
      }
      if (section === "teachers") {
        const place = plan.teachers.find(({ name }) => name === feature)?.place;
        return place?.(...option) ?? place?.("run") ?? place?.("onnx");
      }
      return section === "columns" && feature === plan.group?.column
        ? groupPlace(plan)
        : plan.document.place(["data", ...path]);
    },
  };
  return {
    dataset: await openDataset(source, request, plan.split && splitColumns(plan.split)),
    request,
    setup: specifier !== undefined && canBeSent(options)
      ? { specifier, options, folder }
      : undefined,
    fields: [],
  };
}

/**
 * Adds the outputs of teachers that are trained models to the training rows.
 *
 * @returns The teachers with the labels that they predict, and with what identifies them.
 */
async function addOutputs(
  plan: CompletePlan,
  sources: Map<string, OpenSource>,
  compute: ComputeTeacher,
): Promise<(Pick<TeacherOutputs, "label" | "identity"> & { readonly teacher: PlannedTeacher })[]> {
  const added = [];
  for (const teacher of plan.teachers) {
    if (!teacher.from) continue;
    const source = sources.get("train")!, { dataset, request, setup } = source;
    const planned = plan.sources.all ?? plan.sources.train!;
    const selection = "selection" in dataset ? dataset.selection as Selection : undefined;
    const train = {
      ...teacherRows(planned, dataset.fingerprint, selection),
      name: "train",
    };
    const { by } = teacher;
    const computed = by
      ? await outputsByKey({ ...teacher, by }, compute, {
        all: await keyedRows(by.rows ?? planned, by.key),
        train,
      })
      : await compute(teacher, train);
    const { values, units, label, identity } = outputsOfLabel(computed, teacher.label);
    // A column of the data may have the same name, and so may the output of another teacher that is
    // the same ONNX file with other inputs.
    const column = unused(teacher.column, dataset.schema.fields.map(({ name }) => name));
    const output = { column, values, units };
    sources.set("train", {
      ...source,
      dataset: withOutputs(dataset, output),
      request: {
        ...request,
        teachers: { ...request.teachers, [teacher.name]: columnOf({ ...teacher, column }) },
      },
      setup: setup && { ...setup, outputs: [...setup.outputs ?? [], output] },
    });
    added.push({ teacher, label, identity });
  }
  return added;
}

/** Returns a name, with a number if it is one of the used ones. */
function unused(name: string, used: readonly string[]): string {
  let own = name;
  for (let number = 2; used.includes(own); number++) own = `${name} (${number})`;
  return own;
}

/** Returns the rows of a source, or some of them, for a teacher. */
function teacherRows(
  planned: PlannedStage<SourceStage>,
  fingerprint: string,
  selection?: Selection,
): Omit<KeyedRows, "name"> {
  const { reference, specifier, resolved } = planned;
  return {
    fingerprint: JSON.stringify([fingerprint, specifier, resolved]),
    stage: reference,
    async open(columns, typed) {
      const source = createSource(planned);
      const opened = await openData(source, reference, { columns });
      const own = await typed(opened);
      return selection ? selectRows(own, selection) : own;
    },
  };
}

/** Returns the rows of a teacher that a key identifies. */
async function keyedRows(planned: PlannedStage<SourceStage>, key: string): Promise<KeyedRows> {
  const source = createSource(planned), { reference } = planned;
  const dataset = await openData(source, reference, { columns: [key] });
  const { fingerprint } = dataset;
  await callStage(reference, "close()", () => dataset.close?.());
  return { ...teacherRows(planned, fingerprint), name: undefined };
}

/** Tells the user that a teacher does not see the rows as the nets do. */
function reportAugmented({ transforms }: Plan, report: (line: string) => void): void {
  const names = transforms.filter(({ on }) => on === "training").map(({ reference }) => reference);
  if (names.length === 0) return;
  report(
    `teacher: its logits are those of the rows without ${
      names.map(({ name }) => name).join(", ")
    }, because they are computed once`,
  );
}

/** Rejects a teacher that predicts another label, or other classes. */
function refuseOtherLabel(
  { from, place }: PlannedTeacher,
  predicted: LabelSpec,
  label: LabelSpec,
): void {
  const { run } = from as TeacherRun;
  const describe = ({ kind, classes, vocabulary }: LabelSpec) =>
    kind === "multi-label"
      ? `any of ${vocabulary ? `the classes ${listed(vocabulary)}` : `${classes} classes`} in a row`
      : kind === "number"
      ? "a number"
      : kind === "several"
      ? "several labels"
      : vocabulary
      ? `the classes ${listed(vocabulary)}`
      : `${kind === "binary" ? "one logit for " : ""}${classes} classes`;
  const same = predicted.kind === label.kind && predicted.classes === label.classes &&
    JSON.stringify(predicted.vocabulary) === JSON.stringify(label.vocabulary);
  if (same) return;
  throw new UserError(
    `the teacher in ${run} predicts ${describe(predicted)}, but the label has ${describe(label)}`,
    {
      place: place("run"),
      hint: hint("teacher/label", "name a run that was trained on the same label", {
        edit: "the run of the teacher",
      }),
      exitCode: 2,
    },
  );
}

const columnOf = ({ column, of, label, missing }: PlannedTeacher): TeacherColumn => ({
  ...{ column, of, label, missing },
});

/** Returns the rows to train on, or undefined for all rows. */
function trainingRows({ rows, seed, document }: Plan, most: number): Uint32Array | undefined {
  if (rows === undefined || rows === most) return undefined;
  if (rows < most) return sampleRows(most, rows, seed);
  throw new UserError(`data.rows is ${rows}, but there are only ${most} training rows`, {
    place: document.place(["data", "rows"]),
    hint: hint("data/rows", `write ${most} or less`, { set: { ".": most } }),
    exitCode: 2,
  });
}

function refuseEmpty(splits: Readonly<Record<string, Split>>, plan: Plan): void {
  for (const [name, split] of Object.entries(splits)) {
    if (split.rows > 0) continue;
    throw new UserError(`the ${name} split has no rows`, {
      place: splitPlace(plan, name),
      hint: emptyHint(),
    });
  }
}

/** The ratio of read to existing record batches from which groups count as scattered. */
const SCATTERED = 2;

/** Makes batches keep groups together, and rejects training groups that are too large. */
function keepTogether(
  splits: Readonly<Record<string, Split>>,
  plan: Plan,
  report: (line: string) => void,
): void {
  const { group, cut: { size }, seed } = plan;
  if (!group) return;
  for (const [name, split] of Object.entries(splits)) {
    // Evaluations divide a group only if it is larger than both kinds of batches.
    const most = name === "train" ? size : Math.max(size, evaluationRows);
    const { largest, reads } = split.keepTogether({ most, seed });
    if (name === "train" && group.large === "error" && largest && largest.rows > size) {
      throw new UserError(
        `the largest group of the column ${group.column} has ${
          counted(largest.rows, "row")
        }, such as ${rowText(split, largest.first)}, but a batch has at most ${size}`,
        {
          place: groupPlace(plan),
          hint: hint(
            "data/large-group",
            `write \`train: { batch: ${largest.rows} }\` or more, or ` +
              `\`group: { column: ${yamlQuoted(group.column)}, large: split }\``,
            [
              { set: { "/train/batch": largest.rows } },
              { set: { "/data/group": { column: group.column, large: "split" } } },
            ],
          ),
          exitCode: 2,
        },
      );
    }
    if (reads < SCATTERED) continue;
    report(
      `data: the ${name} rows of equal ${group.column} are scattered over the data, so each epoch ` +
        `reads the rows ${
          reads.toFixed(1)
        } times; sort the rows by ${group.column} to read them once`,
    );
  }
}

/** Returns the place of the column that makes rows groups. */
const groupPlace = ({ document }: Pick<Plan, "document">) =>
  document.place(["data", "group", "column"]);

/** Rejects data that is smaller than a batch if the last batch is dropped. */
function refuseNoBatch({ rows, groups }: Split, { cut, part, document }: Plan): void {
  if (groups || batchCount(rows, cut) > 0) return;
  // A step takes several batches with `accumulate`.
  const most = Math.floor(rows / (cut.size / part));
  throw new UserError(
    `the train split has ${
      counted(rows, "row")
    }, fewer than a batch of ${cut.size}, and train.lastBatch is drop: ` +
      "no batch is left to train on",
    {
      place: document.place(["train", "lastBatch"]),
      hint: hint(
        "data/no-batch",
        `${most > 0 ? `write \`batch: ${most}\` or less, or` : "write"} \`lastBatch: keep\``,
        [...most > 0 ? [{ set: { "/train/batch": most } }] : [], { set: { ".": "keep" } }],
      ),
      exitCode: 2,
    },
  );
}

/** Returns the number of rows in the first batch of an epoch. */
const firstRows = ({ cut }: Plan, rows: number) => batchRange(rows, cut, 0)[1];

/** Returns the number of rows for which a step computes gradients at once. */
const mostAtOnce = ({ cut, part }: Plan) => part < cut.size ? part : Infinity;

/**
 * Returns the first rows of the training split, transformed as in the first step.
 *
 * @param plan The plan.
 * @param data The rows.
 * @param size The maximum number of rows; by default as many as the first step computes at once.
 */
export function firstBatch(
  plan: Plan,
  { first, firstGroups, transforms, splits }: PreparedData,
  size: number = Math.min(firstRows(plan, splits.train.rows), mostAtOnce(plan)),
): Batch {
  const batch = headOf(first, Math.min(size, first.size));
  return transforms.apply(batch, {
    seed: plan.seed,
    epoch: 0,
    batch: 0,
    training: true,
    where: (row) => rowText(splits.train, firstGroups?.[row] ?? row),
  });
}

function headOf(batch: Batch, size: number): Batch {
  const head = ({ values, shape }: Column): Column => ({
    values: values.subarray(0, size * sizeOf(shape)),
    shape,
  });
  return { ...mapBatch(batch, head), size };
}
