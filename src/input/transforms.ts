import { type Place, rowOfBatch, UserError } from "../base/errors.ts";
import { hint, type HintText } from "../base/hints.ts";
import { createRandom, deriveSeed } from "../base/random.ts";
import { callStage, StageError, type StageReference } from "../stages/stage_error.ts";
import type { Batch, Column, ColumnSpec } from "../stages/batch.ts";
import type { Transform, TransformStage } from "../stages/transform.ts";
import { describeValue } from "../base/describe_value.ts";
import { sizeOf } from "./columns.ts";
import { type Fills, NullFiller } from "./nulls.ts";
import type { Rows } from "./rows.ts";

/** A transform of a pipeline, made. */
export interface PlannedTransform {
  /** Which stage it is. */
  readonly stage: StageReference;
  /** What it made. */
  readonly transform: Transform;
  /** The rows that it is applied to. */
  readonly on: "training" | "all";
}

/** A transform of a pipeline, to be made. */
export interface TransformPlan {
  /** The stage. */
  readonly stage: TransformStage;
  /** Its checked options. */
  readonly options: unknown;
  /** What to call it in messages. */
  readonly reference: StageReference;
  /** The rows that it is applied to. */
  readonly on: "training" | "all";
}

/**
 * Makes the transforms of a pipeline, each for the features that the one before it leaves.
 *
 * @param plans The transforms in their order.
 * @param first The features as they were read.
 * @throws {StageError} If a stage makes no transform.
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
        `created ${describeValue(transform)} instead of a transform`,
        {
          hint: hint("transform/create", "create() returns { features, apply(batch, context) }", {
            edit: "the stage",
          }),
        },
      );
    }
    features = transform.features;
    return { stage: reference, transform, on };
  });
}

/** Which batch is transformed. */
export interface BatchPosition {
  /** The run's seed. */
  readonly seed: number;
  /** The epoch. */
  readonly epoch: number;
  /** The batch's number in its epoch. */
  readonly batch: number;
  /** Whether it is trained on: augmentation is for these batches only. */
  readonly training: boolean;
  /** Which row of the source a row of the batch is, in words, for messages. */
  readonly where?: ((row: number) => string) | undefined;
}

/** How many rows are measured at a time. */
export const measuredRows = 1024;

/** What was measured of the training rows, as JSON. */
export interface Measured {
  /** What takes the place of nulls. */
  readonly nulls: Fills;
  /** What the transforms measured: an item for each, null for those that do not. */
  readonly transforms: readonly unknown[];
}

/**
 * What becomes of rows between their source and the nets: nulls are filled, then come the
 * transforms of the pipeline, one after the other. What each returns is checked.
 */
export class TransformChain {
  readonly #nulls: NullFiller;
  readonly #places: (feature: string) => Place | undefined;
  readonly #transforms: readonly PlannedTransform[];

  /**
   * Makes a chain.
   *
   * @param plans The transforms in their order.
   * @param features The features as they were read.
   * @param places Where the pipeline file has a feature.
   * @returns The chain.
   * @throws {StageError} If a stage makes no transform.
   */
  static of(
    plans: readonly TransformPlan[],
    features: Readonly<Record<string, ColumnSpec>>,
    places?: (feature: string) => Place | undefined,
  ): TransformChain {
    const nulls = new NullFiller(features, places);
    return new TransformChain(makeTransforms(plans, nulls.features), nulls, places);
  }

  /**
   * Puts transforms in a chain.
   *
   * @param transforms The transforms, each made for the features that the one before it leaves.
   * @param nulls What fills nulls before them; nothing by default.
   * @param places Where the pipeline file has a feature.
   */
  constructor(
    transforms: readonly PlannedTransform[],
    nulls: NullFiller = new NullFiller({}),
    places: (feature: string) => Place | undefined = () => undefined,
  ) {
    this.#places = places;
    this.#transforms = transforms;
    this.#nulls = nulls;
  }

  /** The features as they reach the first transform. */
  get entry(): Readonly<Record<string, ColumnSpec>> {
    return this.#nulls.features;
  }

  /** The transforms, in their order. */
  get planned(): readonly PlannedTransform[] {
    return this.#transforms;
  }

  /** The features as the nets get them; undefined if they are as they were read. */
  get features(): Readonly<Record<string, ColumnSpec>> | undefined {
    return this.#transforms.at(-1)?.transform.features ??
      (this.#nulls.idle ? undefined : this.#nulls.features);
  }

  /**
   * Transforms a batch.
   *
   * @param batch The rows as they were read.
   * @param position Which batch it is: random numbers depend on it and on nothing else.
   * @returns The rows as the nets get them.
   * @throws {StageError} If a transform throws, or returns what it did not promise.
   */
  apply(batch: Batch, position: BatchPosition): Batch {
    const last = this.#transforms.length;
    const filled = this.#nulls.apply(batch);
    try {
      const transformed = this.#applyTo(filled, position, last);
      // One look at what comes out; only if that is broken, at what each transform made of it.
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
   * Measures what takes the place of nulls on the training split, and lets the transforms measure
   * what they need, each on what those before it make of the rows, without augmentation.
   *
   * @param train The training split, without rows that are not trained on.
   * @returns What was measured.
   * @throws {StageError} If a transform throws, or measures what is not JSON, or is augmentation
   *   that changes shapes.
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
        throw new StageError(stage, `measured ${describeValue(measured)}, which is not JSON`, {
          hint: hint(
            "transform/measured",
            "measure() returns plain numbers, strings, arrays and objects",
            { edit: "the stage" },
          ),
        });
      }
      callStage(stage, "restore()", () => transform.restore?.(plain));
      all.push(plain);
    }
    return { nulls, transforms: all };
  }

  /**
   * Takes over what was measured in an earlier run.
   *
   * @param measured What {@linkcode TransformChain.measure} returned then.
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
      const next = callStage(
        stage,
        "apply()",
        () => transform.apply(given, { random: createRandom(seed) }),
      );
      checkBatch(stage, next, given, transform.features);
      look?.(stage, next);
      // What is no feature and no label is not the transform's to lose.
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
          `made ${values[index]} of the feature ${name} in ${rowOfBatch(row)}`,
          {
            row,
            hint: hint(
              "transform/finite",
              "a transform returns finite numbers; does it divide by 0?",
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
          `is applied to training rows only and makes ${describe(transform.features)} of ${
            describe(before)
          }`,
          {
            hint: hint(
              "transform/shapes",
              "rows that are only measured must have the same features: change shapes with a transform of all rows, such as crop or pad",
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
 * Says where a row is that is read in order.
 *
 * @param rows The rows.
 * @param position The row's position among them.
 */
export function rowText(rows: Rows, position: number): string {
  const row = rows.sourceRow(position) ?? position;
  return rows.where?.(row) ?? `row ${row}`;
}

/** The rows of a split in their order, some at a time. */
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
      `returned ${batch.size} rows for ${given.size}`,
      hint("transform/rows", "a transform keeps the rows of a batch", edit),
    );
  }
  if (batch.label?.values?.length !== given.label.values.length) {
    fail("lost the label", hint("transform/label", "return { ...batch, features }", edit));
  }
  for (const [name, { shape, dtype }] of Object.entries(promised)) {
    const column: Column | undefined = batch.features[name];
    if (!ArrayBuffer.isView(column?.values)) {
      fail(
        `returned no feature ${name}`,
        hint("transform/feature", "its `features` promise it: return it", edit),
      );
      return;
    }
    const expected = batch.size * sizeOf(shape);
    if (column.values.length !== expected || column.shape.join() !== shape.join()) {
      fail(
        `returned ${column.values.length} values of the shape [${column.shape}] as ${name} for ` +
          `${batch.size} rows`,
        hint(
          "transform/shape",
          `its \`features\` promise the shape [${shape}], that is ${expected} values`,
          edit,
        ),
      );
    }
    if ((dtype === "int32") !== (column.values instanceof Int32Array)) {
      fail(
        `returned ${name} in a ${column.values.constructor.name}`,
        hint(
          "transform/dtype",
          `its \`features\` promise ${dtype}: ids come in an Int32Array, numbers in any other`,
          edit,
        ),
      );
    }
  }
}

/** Refuses numbers that are finite, but not in float32, which the nets compute with. */
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
      `the feature ${name} has ${value} in ${rowOfBatch(row)}, which is beyond the largest float32`,
      {
        row,
        place: places(name),
        hint: hint(
          "feature/float32",
          `bring it into range: add \`- { use: scale, by: ${by}, feature: ${name} }\` to data.transforms`,
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

/** 0 times a number is 0 unless it is not finite. */
function allFinite(values: Float32Array | Float64Array): boolean {
  // Four sums, as each addition would wait for the one before it.
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

/** A value as JSON keeps it, or undefined if JSON would lose some of it. */
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

/** An error whose problems name rows of the source rather than of a batch. */
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
