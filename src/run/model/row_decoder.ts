import { type RecordBatch, Schema } from "apache-arrow";
import { runFiles } from "../../base/files/run_files.ts";
import { withVariables } from "../../pipeline/document/environment.ts";
import { UserError } from "../../base/errors.ts";
import { availableMemory } from "../../base/machine/available_memory.ts";
import { handed, handedOver } from "../../base/machine/system_file.ts";
import { hint } from "../../base/hints.ts";
import type { Registry } from "../../pipeline/registry.ts";
import type { StageReference } from "../../stages/stage_error.ts";
import type { Batch, ColumnSpec, Values } from "../../stages/batch.ts";
import type { TransformStage } from "../../stages/transform.ts";
import { sizeOf } from "../../input/columns.ts";
import { type ColumnsRequest, FeatureDecoder, type KnownColumns } from "../../input/decoder.ts";
import { loadDecoders } from "../../input/images/load.ts";
import { mapValues } from "../../stages/parts.ts";
import { Store } from "../../input/rows.ts";
import { refuseLargeModelRows } from "../../input/sizes.ts";
import {
  type ChainOptions,
  type PlannedTransform,
  TransformChain,
} from "../../input/transforms.ts";
import { fieldOf } from "./family.ts";
import { labelTypes, type ModelFile } from "./model_file.ts";

/** Rows as the nets receive them. */
export interface DecodedRows {
  /** The rows. */
  readonly batch: Batch;
  /** The positions of these rows in the record batch, if rows with nulls were dropped. */
  readonly kept: Uint32Array | undefined;
  /** The number of values that are not in the vocabularies of the training rows. */
  readonly unknown: number;
}

/**
 * Decodes a source's rows into the input of a run's nets. It uses the same code as training, with
 * the vocabularies and statistics in `model.json` instead of the training rows.
 */
export class RowDecoder {
  readonly #model: Pick<ModelFile, "features" | "label" | "nulls">;
  readonly #transforms: TransformChain;
  readonly #stage: StageReference;
  readonly #available: number;

  /** The last decoder, with which the next one shares the indexes of vocabularies. */
  readonly #kept: { last?: FeatureDecoder } = {};

  private constructor(
    model: Pick<ModelFile, "features" | "label" | "nulls">,
    transforms: TransformChain,
    stage: StageReference,
    available: number,
  ) {
    this.#available = available;
    this.#model = model;
    this.#transforms = transforms;
    this.#stage = stage;
  }

  /**
   * Creates a decoder.
   *
   * @param model The content of the run's `model.json`.
   * @param registry Finds the transforms.
   * @param stage The source, for messages.
   * @param options Whether other transforms follow those of the model.
   * @throws {UserError} If a transform cannot be found, or does not accept its measured statistics.
   */
  static async create(
    model: Pick<ModelFile, "features" | "label" | "transforms" | "nulls">,
    registry: Pick<Registry, "find">,
    stage: StageReference,
    options: Pick<ChainOptions, "goesOn"> = {},
  ): Promise<RowDecoder> {
    const plans = [];
    for (const { use, options, on } of model.transforms) {
      const reference = { kind: "transform" as const, name: use, place: undefined };
      const found = await registry.find("transform", use, { folder: Deno.cwd(), place: undefined });
      const transform = found as TransformStage;
      const parsed = transform.options.safeParse(withVariables(options, runFiles.model));
      if (!parsed.success) {
        throw new UserError(`the transform ${use} does not accept the options from model.json`, {
          hint: hint("model/stage", "use the version of the stage with which the run was trained", {
            edit: "the stage",
          }),
          cause: parsed.error,
        });
      }
      plans.push({ stage: transform, options: parsed.data, reference, on });
    }
    const first = Object.fromEntries(model.features.map(({ name, spec }) => [name, spec]));
    const chain = TransformChain.of(plans, first, options);
    chain.restore({
      nulls: model.nulls.fills,
      transforms: model.transforms.map(({ measured }) => measured),
    });
    await loadDecoders(model.features.map(({ column, type }) => fieldOf(column, type)));
    const available = await memoryOf();
    refuseLargeModelRows(chain.entry, appliedTo(chain), 1, available);
    return new RowDecoder(model, chain, stage, available);
  }

  /** The transforms, with their measured statistics. */
  get transforms(): readonly PlannedTransform[] {
    return this.#transforms.planned;
  }

  /** The transforms as they are applied. */
  get chain(): TransformChain {
    return this.#transforms;
  }

  /** The columns of the run: their types, and the vocabularies and classes of the training rows. */
  get known(): KnownColumns {
    const { features, label } = this.#model;
    return {
      schema: new Schema([
        ...features.map(({ column, type }) => fieldOf(column, type)),
        ...labelTypes(label).map(({ column, type }) => fieldOf(column, type)),
      ]),
      specs: {
        features: Object.fromEntries(features.map(({ name, spec }) => [name, spec])),
        label: label.spec,
      },
      sameRows: false,
    };
  }

  /** How the columns are read. */
  get request(): ColumnsRequest {
    const { features, label, nulls } = this.#model;
    return {
      features: Object.fromEntries(features.map(({ name, options }) => [name, options])),
      label: label.options,
      nulls: nulls.policy,
      texts: {},
      weight: undefined,
      columns: [],
      teachers: {},
      stage: this.#stage,
      places: undefined,
    };
  }

  #noRows(): Batch {
    const specs = this.#transforms.features ?? this.#transforms.entry;
    const emptyOf = (spec: ColumnSpec) => ({ values: zeros(spec, 0), shape: spec.shape });
    return { size: 0, features: mapValues(specs, emptyOf), label: emptyOf(this.#model.label.spec) };
  }

  /** The columns that rows must have, without the label. */
  get columns(): string[] {
    return [...new Set(this.#model.features.map(({ column }) => column))];
  }

  /**
   * Prepares to decode the rows of a source. Labels are not read: those of the batches are zeros.
   *
   * @param schema The source's columns.
   * @param where Describes the position of a row in messages; by default its number.
   * @returns A function that decodes a record batch. It must receive the record batches in order,
   *   because messages count rows over all of them.
   * @throws {UserError} If a column is missing, or has another type than in the run.
   */
  open(schema: Schema, where?: (row: number) => string): (batch: RecordBatch) => DecodedRows {
    const { features } = this.#model, { known } = this, { specs } = known;
    const decoder = new FeatureDecoder(schema, this.request, known, where);
    this.#kept.last = decoder;
    return (batch) => {
      const chunks = decoder.read(batch), rows = batch.numRows;
      const dropped = Object.values(chunks).flatMap(({ dropped }) => dropped ?? []);
      const kept = dropped.length === 0
        ? undefined
        : Uint32Array.from({ length: rows }, (_, row) => row)
          .filter((row) => !dropped.some((rows) => rows[row]));
      // Without rows, it is not known which arrays their values would be in.
      if (rows === 0 || kept?.length === 0) return { batch: this.#noRows(), kept, unknown: 0 };
      const values = {
        features: mapValues(chunks, ({ values }) => [values]),
        label: [zeros(specs.label, rows)],
      };
      const store = new Store({ chunkRows: [rows], specs, values });
      const transforms = appliedTo(this.#transforms);
      refuseLargeModelRows(this.#transforms.entry, transforms, rows, this.#available);
      const read = kept ? store.gather(kept) : store.slice(0, rows);
      const position = { seed: 0, epoch: 0, batch: 0, training: false };
      const unknown = features.reduce((sum, { name, spec }) => {
        const last = spec.ids?.kind === "vocabulary" ? spec.ids.count - 1 : -1;
        return last < 0 ? sum : sum + occurrences(read.features[name]!.values, last);
      }, 0);
      return { batch: this.#transforms.apply(read, position), kept, unknown };
    };
  }
}

/** Returns the transforms that are applied to rows for predictions. */
const appliedTo = ({ planned }: TransformChain) => planned.filter(({ on }) => on === "all");

/**
 * Returns the memory that this process may use, in bytes. Without the permission to ask the system,
 * this is the limit of the launcher; without a launcher, it is infinity.
 */
async function memoryOf(): Promise<number> {
  try {
    return await availableMemory();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      return Number(handed(handedOver.memory) ?? Infinity);
    }
    throw error;
  }
}

/** Returns the values of a column in which all numbers are 0. */
const zeros = ({ dtype, shape }: ColumnSpec, rows: number): Values =>
  dtype === "int32" ? new Int32Array(rows * sizeOf(shape)) : new Float32Array(rows * sizeOf(shape));

/** Counts how often a number occurs in an array. */
function occurrences(values: Values, wanted: number): number {
  let count = 0;
  for (let index = 0; index < values.length; index++) if (values[index] === wanted) count++;
  return count;
}
