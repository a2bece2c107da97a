import { type Field, makeData, RecordBatch, Schema, Struct, vectorFromArray } from "apache-arrow";
import { withVariables } from "../../pipeline/document/environment.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import type { Registry } from "../../pipeline/registry.ts";
import type { StageReference } from "../../stages/stage_error.ts";
import type { Batch, Values } from "../../stages/batch.ts";
import type { TransformStage } from "../../stages/transform.ts";
import { type ColumnsRequest, Decoder, type KnownColumns } from "../../input/decoder.ts";
import { listParts } from "../../stages/parts.ts";
import { Store } from "../../input/rows.ts";
import { type PlannedTransform, TransformChain } from "../../input/transforms.ts";
import { fieldOf } from "./family.ts";
import { MODEL_FILE, type ModelFile } from "./model_file.ts";

/** Some rows as the nets get them. */
export interface DecodedRows {
  /** The rows. */
  readonly batch: Batch;
  /** Their numbers in the record batch, where some were dropped for a null. */
  readonly kept: Uint32Array | undefined;
  /** How many values of vocabularies were not known in training. */
  readonly unknown: number;
}

/**
 * Makes of a source's rows what a run's nets get, without the rows that the run was trained on: by
 * the same code, with what `model.json` says was found in those.
 */
export class RowDecoder {
  readonly #model: Pick<ModelFile, "features" | "label" | "nulls">;
  readonly #transforms: TransformChain;
  readonly #stage: StageReference;

  private constructor(
    model: Pick<ModelFile, "features" | "label" | "nulls">,
    transforms: TransformChain,
    stage: StageReference,
  ) {
    this.#model = model;
    this.#transforms = transforms;
    this.#stage = stage;
  }

  /**
   * Makes a decoder.
   *
   * @param model What the run's `model.json` says.
   * @param registry Finds the transforms.
   * @param stage What to call the source in messages.
   * @throws {UserError} If a transform cannot be found, or does not take what it has measured.
   */
  static async create(
    model: Pick<ModelFile, "features" | "label" | "transforms" | "nulls">,
    registry: Pick<Registry, "find">,
    stage: StageReference,
  ): Promise<RowDecoder> {
    const plans = [];
    for (const { use, options, on } of model.transforms) {
      const reference = { kind: "transform" as const, name: use, place: undefined };
      const found = await registry.find("transform", use, { folder: Deno.cwd(), place: undefined });
      const transform = found as TransformStage;
      const parsed = transform.options.safeParse(withVariables(options, MODEL_FILE));
      if (!parsed.success) {
        throw new UserError(`the transform ${use} does not take the options that the run had`, {
          hint: hint("model/stage", "take the version of the stage that the run had", {
            edit: "the stage",
          }),
          cause: parsed.error,
        });
      }
      plans.push({ stage: transform, options: parsed.data, reference, on });
    }
    const first = Object.fromEntries(model.features.map(({ name, spec }) => [name, spec]));
    const chain = TransformChain.of(plans, first);
    chain.restore({
      nulls: model.nulls.fills,
      transforms: model.transforms.map(({ measured }) => measured),
    });
    return new RowDecoder(model, chain, stage);
  }

  /** The transforms, with what they measured. */
  get transforms(): readonly PlannedTransform[] {
    return this.#transforms.planned;
  }

  /** The columns that rows need to have; the label is not one of them. */
  get columns(): string[] {
    return [...new Set(this.#model.features.map(({ column }) => column))];
  }

  /**
   * Opens a source's rows.
   *
   * @param schema Their columns. Without the label's, labels stand for nothing.
   * @returns What makes batches of record batches, in their order: messages count rows over all of
   *   them.
   * @throws {UserError} If a column is missing, or does not hold what that of the run did.
   */
  open(schema: Schema): (batch: RecordBatch) => DecodedRows {
    const { features, label } = this.#model;
    const { column } = label.options;
    const hasLabel = schema.fields.some(({ name }) => name === column);
    const labelField = fieldOf(column, label.type);
    const whole = hasLabel ? schema : new Schema([...schema.fields, labelField]);
    const request: ColumnsRequest = {
      features: Object.fromEntries(features.map(({ name, options }) => [name, options])),
      label: label.options,
      nulls: this.#model.nulls.policy,
      texts: {},
      weight: undefined,
      columns: [],
      stage: this.#stage,
      places: undefined,
    };
    const known: KnownColumns = {
      schema: new Schema([
        ...features.map(({ column, type }) => fieldOf(column, type)),
        labelField,
      ]),
      specs: {
        features: Object.fromEntries(features.map(({ name, spec }) => [name, spec])),
        label: label.spec,
      },
      sameRows: false,
    };
    const decoder = new Decoder(whole, request, known);
    const noLabel = label.spec.vocabulary?.[0] ?? (label.type.family === "booleans" ? false : 0);
    return (batch) => {
      const labelled = hasLabel ? batch : withColumn(batch, whole, labelField, noLabel);
      const decoded = decoder.read(labelled);
      const dropped = listParts(decoded.columns).flatMap(({ dropped }) => dropped ?? []);
      const kept = dropped.length === 0
        ? undefined
        : Uint32Array.from({ length: batch.numRows }, (_, row) => row)
          .filter((row) => !dropped.some((rows) => rows[row]));
      const store = new Store(decoder.finish([decoded]));
      const rows = kept ? store.gather(kept) : store.slice(0, batch.numRows);
      const position = { seed: 0, epoch: 0, batch: 0, training: false };
      const unknown = features.reduce((sum, { name, spec }) => {
        const last = spec.ids?.kind === "vocabulary" ? spec.ids.count - 1 : -1;
        return last < 0 ? sum : sum + occurrences(rows.features[name]!.values, last);
      }, 0);
      return { batch: this.#transforms.apply(rows, position), kept, unknown };
    };
  }
}

/** How often a number is among others. */
function occurrences(values: Values, wanted: number): number {
  let count = 0;
  for (let index = 0; index < values.length; index++) if (values[index] === wanted) count++;
  return count;
}

/** A record batch with one more column, of one value. */
function withColumn(
  batch: RecordBatch,
  schema: Schema,
  { type }: Field,
  value: string | number | boolean,
): RecordBatch {
  const whole = typeof value === "number" && String(type) === "Int64" ? BigInt(value) : value;
  const length = batch.numRows;
  const [column] = vectorFromArray(new Array(length).fill(whole), type).data;
  const children = [...batch.data.children, column!];
  const struct = new Struct(schema.fields);
  return new RecordBatch(
    schema,
    makeData({ type: struct, length, nullCount: 0, children }),
  );
}
