import { type Place, rowOfBatch, UserError } from "../base/errors.ts";
import { counted } from "../base/text_table.ts";
import { hint, type HintText } from "../base/hints.ts";
import { createRandom, deriveSeed } from "../base/random.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";
import type { Batch, Column, ColumnSpec } from "../stages/batch.ts";
import type { ApplyContext, Transform, TransformStage } from "../stages/transform.ts";
import { describeValue } from "../base/describe_value.ts";
import { sizeOf } from "./columns.ts";
import { type Fills, NullFiller } from "./nulls.ts";
import type { Rows } from "./rows.ts";

/** A transform that has been created for the features of a pipeline, and the rows it applies to. */
export interface PlannedTransform {
  /** The transform's stage, for messages. */
  readonly stage: StageReference;
  /** The transform that the stage created. */
  readonly transform: Transform;
  /** The rows to which the transform is applied. */
  readonly on: "training" | "all";
}

/** A transform of a pipeline before it is created. */
export interface TransformPlan {
  /** The stage. */
  readonly stage: TransformStage;
  /** The stage's checked options. */
  readonly options: unknown;
  /** The stage, for messages. */
  readonly reference: StageReference;
  /** The rows to which the transform is applied. */
  readonly on: "training" | "all";
}

/**
 * Creates the transforms of a pipeline, each for the features that the previous one returns.
 *
 * @param plans The transforms, in order.
 * @param first The features as read from the source.
 * @throws {StageError} If a stage does not create a transform.
 */
export function makeTransforms(
  plans: readonly TransformPlan[],
  first: Readonly<Record<string, ColumnSpec>>,
): PlannedTransform[] {
  let features = first;
  return plans.map(({ stage, options, reference, on }) => {
    const transform = callStage(reference, "create()", () => stage.create(options, { features }));
    if (typeof transform?.apply !== "function" || !transform.features) {
      throw new StageError(
        reference,
        `created ${describeValue(transform)}; expected a transform`,
        {
          hint: hint(
            "transform/create",
            "return { features, apply(batch, context) } from create()",
            {
              edit: "the stage",
            },
          ),
        },
      );
    }
    features = transform.features;
    return { stage: reference, transform, on };
  });
}

/**
 * Identifies the batch that is transformed: the epoch, the number of the batch, and whether it is
 * for training.
 */
export interface BatchPosition {
  /** The run's seed. */
  readonly seed: number;
  /** The epoch. */
  readonly epoch: number;
  /** The batch's number in its epoch. */
  readonly batch: number;
  /** Whether the batch is for training. Only such batches are augmented. */
  readonly training: boolean;
  /** Describes the position of a row of the batch in its source, for messages. */
  readonly where?: ((row: number) => string) | undefined;
}

/** The number of rows per batch while transforms measure their statistics. */
export const measuredRows = 1024;

/** The statistics that were measured on the training rows. They can be stored as JSON. */
export interface Measured {
  /** The values that replace nulls. */
  readonly nulls: Fills;
  /** The statistics of each transform, in order; null for transforms that measure nothing. */
  readonly transforms: readonly unknown[];
}

/** The options of a {@linkcode TransformChain}. */
export interface ChainOptions {
  /** Returns the place of a feature in the pipeline file. */
  readonly places?: ((feature: string) => Place | undefined) | undefined;
  /** Whether other transforms follow, so that numbers are not rounded to float32 yet. */
  readonly goesOn?: boolean | undefined;
}

/**
 * Processes rows between their source and the nets: fills nulls, then applies the transforms of the
 * pipeline in order, and checks the result of each.
 */
export class TransformChain {
  readonly #nulls: NullFiller;
  readonly #places: (feature: string) => Place | undefined;
  readonly #goesOn: boolean;
  readonly #transforms: readonly PlannedTransform[];

  /**
   * Creates a chain and its transforms.
   *
   * @param plans The transforms, in order.
   * @param features The features as read from the source.
   * @param options The place of a feature in the pipeline file, and whether other transforms follow
   *   outside of the chain, so that numbers are not rounded yet.
   * @returns The chain.
   * @throws {StageError} If a stage does not create a transform.
   */
  static of(
    plans: readonly TransformPlan[],
    features: Readonly<Record<string, ColumnSpec>>,
    { places, goesOn }: ChainOptions = {},
  ): TransformChain {
    const nulls = new NullFiller(features, places);
    return new TransformChain(makeTransforms(plans, nulls.features), nulls, { places, goesOn });
  }

  /**
   * Creates a chain of transforms.
   *
   * @param transforms The transforms, each created for the features that the previous one returns.
   * @param nulls Fills nulls before the transforms; by default there are no nulls.
   * @param options As of {@linkcode TransformChain.of}.
   */
  constructor(
    transforms: readonly PlannedTransform[],
    nulls: NullFiller = new NullFiller({}),
    { places = () => undefined, goesOn = false }: ChainOptions = {},
  ) {
    this.#places = places;
    this.#goesOn = goesOn;
    this.#transforms = transforms;
    this.#nulls = nulls;
  }

  /** The features that the first transform receives. */
  get entry(): Readonly<Record<string, ColumnSpec>> {
    return this.#nulls.features;
  }

  /** The transforms, in order. */
  get planned(): readonly PlannedTransform[] {
    return this.#transforms;
  }

  /** The features as the nets receive them; undefined if nothing changes them. */
  get features(): Readonly<Record<string, ColumnSpec>> | undefined {
    return this.#transforms.at(-1)?.transform.features ??
      (this.#nulls.idle ? undefined : this.#nulls.features);
  }

  /**
   * Transforms a batch.
   *
   * @param batch The rows as read from the source.
   * @param position The batch's position, which decides all random numbers.
   * @returns The rows as the nets receive them.
   * @throws {StageError} If a transform throws, or returns other features than it declared.
   */
  apply(batch: Batch, position: BatchPosition): Batch {
    const last = this.#transforms.length;
    const filled = this.#nulls.apply(batch);
    try {
      const transformed = this.#applyTo(filled, position, last);
      // Check the final result only; if it is not finite, check the result of each transform.
      if (!isFinite(transformed)) {
        this.#blame(filled, position);
        refuseLarge(transformed, this.#places);
      }
      return transformed;
    } catch (error) {
      throw located(error, position.where);
    }
  }

  /**
   * Measures statistics on the training split: first the values that replace nulls, then those of
   * each transform, on the output of the transforms before it and without augmentation.
   *
   * @param train The training split.
   * @returns The statistics.
   * @throws {StageError} If a transform throws or measures something other than JSON, or if an
   *   augmentation changes shapes.
   */
  async measure(train: Rows): Promise<Measured> {
    this.#refuseChangedShapes(this.#nulls.idle ? train.features : this.#nulls.features);
    const nulls = await this.#nulls.measure(() => slices(train));
    const all: unknown[] = [];
    for (const [index, { stage, transform }] of this.#transforms.entries()) {
      if (!transform.measure) {
        all.push(null);
        continue;
      }
      const measured = await callStage(
        stage,
        "measure()",
        () => transform.measure!(this.#batchesBefore(index, train)),
      );
      const plain = plainJson(measured);
      if (plain === undefined) {
        throw new StageError(
          stage,
          `returned ${describeValue(measured)} from measure(), which cannot be stored as JSON`,
          {
            hint: hint(
              "transform/measured",
              "measure() returns plain numbers, strings, arrays and objects",
              { edit: "the stage" },
            ),
          },
        );
      }
      callStage(stage, "restore()", () => transform.restore?.(plain));
      all.push(plain);
    }
    return { nulls, transforms: all };
  }

  /**
   * Restores the statistics from an earlier run.
   *
   * @param measured The result of {@linkcode TransformChain.measure} in that run.
   */
  restore({ nulls, transforms }: Measured): void {
    this.#nulls.restore(nulls);
    this.#transforms.forEach(({ stage, transform }, index) => {
      if (transforms[index] === null || transforms[index] === undefined) return;
      callStage(stage, "restore()", () => transform.restore?.(transforms[index]));
    });
  }

  async *#batchesBefore(index: number, train: Rows): AsyncGenerator<Batch> {
    let number = 0, first = 0;
    for await (const batch of slices(train)) {
      const position = { seed: 0, epoch: 0, batch: number++, training: false };
      try {
        yield this.#applyTo(this.#nulls.apply(batch), position, index);
      } catch (error) {
        throw located(error, (row) => rowText(train, first + row));
      }
      first += batch.size;
    }
  }

  #applyTo(
    batch: Batch,
    position: BatchPosition,
    end: number,
    look?: (stage: StageReference, batch: Batch) => void,
  ): Batch {
    let current = batch;
    for (const [index, { stage, transform, on }] of this.#transforms.slice(0, end).entries()) {
      if (on === "training" && !position.training) continue;
      const seed = deriveSeed(
        position.seed,
        "transform",
        index,
        "epoch",
        position.epoch,
        "batch",
        position.batch,
      );
      const given = current;
      const numbers = numbersAfter(!this.#goesOn && index === this.#transforms.length - 1);
      const next = callStage(
        stage,
        "apply()",
        () => transform.apply(given, { random: createRandom(seed), numbers }),
      );
      checkBatch(stage, next, given, transform.features);
      look?.(stage, next);
      // Keep weights and columns of metrics, whatever the transform returns.
      current = { ...batch, features: next.features, label: next.label };
    }
    return current;
  }

  #blame(batch: Batch, position: BatchPosition): void {
    this.#applyTo(batch, position, this.#transforms.length, (stage, { features }) => {
      for (const [name, { values }] of Object.entries(features)) {
        const index = values.findIndex((value: number) => !Number.isFinite(value));
        if (index < 0) continue;
        const row = Math.floor(index * batch.size / values.length);
        throw new StageError(
          stage,
          `returned ${values[index]} in the feature ${name} for ${rowOfBatch(row)}`,
          {
            row,
            hint: hint(
              "transform/finite",
              "a transform must return finite numbers: check it for divisions by 0",
              { edit: "the stage" },
            ),
          },
        );
      }
    });
  }

  #refuseChangedShapes(first: Readonly<Record<string, ColumnSpec>>): void {
    let before = first;
    for (const { stage, transform, on } of this.#transforms) {
      if (on === "training" && describe(before) !== describe(transform.features)) {
        throw new StageError(
          stage,
          `is applied to training rows only but changes the features from ${describe(before)} to ${
            describe(transform.features)
          }`,
          {
            hint: hint(
              "transform/shapes",
              "rows for evaluation must have the same features: change shapes with a transform that applies to all rows, such as crop or pad",
              { edit: "the transforms" },
            ),
          },
        );
      }
      before = transform.features;
    }
  }
}

/**
 * Describes the position of a row for messages.
 *
 * @param rows The rows.
 * @param position The row's position in these rows, in order.
 */
export function rowText(rows: Rows, position: number): string {
  const row = rows.sourceRow(position) ?? position;
  return rows.where?.(row) ?? `row ${row}`;
}

/**
 * Returns the function that creates arrays for the numbers that a transform computes.
 *
 * @param isLast Whether it is the last transform of its chain.
 */
function numbersAfter(isLast: boolean): ApplyContext["numbers"] {
  return (length) => isLast ? new Float32Array(length) : new Float64Array(length);
}

/** Yields the rows of a split in order, in slices. */
async function* slices(rows: Rows): AsyncGenerator<Batch> {
  for (let start = 0; start < rows.rows; start += measuredRows) {
    yield await rows.slice(start, Math.min(start + measuredRows, rows.rows));
  }
}

function checkBatch(
  stage: StageReference,
  batch: Batch,
  given: Batch,
  promised: Readonly<Record<string, ColumnSpec>>,
): void {
  const fail = (what: string, hint: HintText) => {
    throw new StageError(stage, what, { hint });
  };
  const edit = { edit: "the stage" };
  if (typeof batch?.features !== "object" || batch.features === null) {
    fail(
      `returned ${describeValue(batch)} from apply()`,
      hint("transform/apply", "apply() returns { size, features, label }", edit),
    );
  }
  if (batch.size !== given.size) {
    fail(
      `returned ${counted(batch.size, "row")} for a batch of ${counted(given.size, "row")}`,
      hint("transform/rows", "a transform must return as many rows as it receives", edit),
    );
  }
  if (batch.label?.values?.length !== given.label.values.length) {
    fail(
      "returned a batch without the label",
      hint("transform/label", "return { ...batch, features }", edit),
    );
  }
  for (const [name, { shape, dtype }] of Object.entries(promised)) {
    const column: Column | undefined = batch.features[name];
    if (!ArrayBuffer.isView(column?.values)) {
      fail(
        `returned no feature ${name}`,
        hint("transform/feature", "return all features that `features` declares", edit),
      );
      return;
    }
    const expected = batch.size * sizeOf(shape);
    if (column.values.length !== expected || column.shape.join() !== shape.join()) {
      fail(
        `returned ${
          counted(column.values.length, "value")
        } of the shape [${column.shape}] as ${name} for ` +
          `${counted(batch.size, "row")}`,
        hint(
          "transform/shape",
          `its \`features\` declares the shape [${shape}], which has ${
            counted(expected, "value")
          } for these rows`,
          edit,
        ),
      );
    }
    if ((dtype === "int32") !== (column.values instanceof Int32Array)) {
      fail(
        `returned the feature ${name} in a ${column.values.constructor.name}`,
        hint(
          "transform/dtype",
          `its \`features\` declares ${dtype}: return ids in an Int32Array, and numbers in any other typed array`,
          edit,
        ),
      );
    }
  }
}

/** Rejects numbers that are finite in float64 but not in float32, in which the nets compute. */
function refuseLarge(
  { features, size }: Batch,
  places: (feature: string) => Place | undefined,
): void {
  for (const [name, { values }] of Object.entries(features)) {
    const index = values.findIndex((value: number) => !Number.isFinite(Math.fround(value)));
    if (index < 0) continue;
    const row = Math.floor(index * size / values.length), value = values[index]!;
    const by = `1e-${Math.floor(Math.log10(Math.abs(value))) - 30}`;
    throw new UserError(
      `the feature ${name} has ${value} in ${rowOfBatch(row)}, which is too large for float32`,
      {
        row,
        place: places(name),
        hint: hint(
          "feature/float32",
          `scale the feature down: add \`- { use: scale, by: ${by}, feature: ${name} }\` to data.transforms`,
          { set: { "/data/transforms/-": { use: "scale", by: Number(by), feature: name } } },
        ),
      },
    );
  }
}

function isFinite({ features }: Batch): boolean {
  return Object.values(features).every(({ values }) =>
    values instanceof Float64Array
      ? allFinite(values) && values.every((value) => Number.isFinite(Math.fround(value)))
      : !(values instanceof Float32Array) || allFinite(values)
  );
}

/** Checks that all values are finite: 0 times a value is 0 only if it is finite. */
function allFinite(values: Float32Array | Float64Array): boolean {
  // Four sums, because with a single sum each addition would wait for the previous one.
  let a = 0, b = 0, c = 0, d = 0, index = 0;
  for (; index + 3 < values.length; index += 4) {
    a += values[index]! * 0;
    b += values[index + 1]! * 0;
    c += values[index + 2]! * 0;
    d += values[index + 3]! * 0;
  }
  for (; index < values.length; index++) a += values[index]! * 0;
  return a + b + c + d === 0;
}

const describe = (features: Readonly<Record<string, ColumnSpec>>) =>
  Object.entries(features)
    .map(([name, { shape, dtype }]) => `${name} ${dtype} [${shape.join(", ")}]`)
    .sort().join(", ");

/**
 * Returns a value as it is after a round trip through JSON, or undefined if JSON would lose data.
 */
function plainJson(value: unknown): unknown {
  try {
    return isPlain(value) ? JSON.parse(JSON.stringify(value)) : undefined;
  } catch {
    return undefined;
  }
}

function isPlain(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) {
    return value === null || typeof value === "string" || typeof value === "boolean";
  }
  const plain = [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value));
  return plain && Object.values(value).every(isPlain);
}

/** Replaces rows of a batch by rows of the source in the problems of an error. */
function located(error: unknown, where: BatchPosition["where"]): unknown {
  if (!where || !(error instanceof UserError)) return error;
  if (error.problems.every(({ row }) => row === undefined)) return error;
  const problems = error.problems.map(({ row, ...problem }) =>
    row === undefined
      ? problem
      : { ...problem, message: problem.message.replace(rowOfBatch(row), where(row)) }
  );
  return new UserError(problems, { exitCode: error.exitCode, cause: error });
}
