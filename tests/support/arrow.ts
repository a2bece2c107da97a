/**
 * Arrow data for tests: the fixtures that pyarrow wrote, and sources made of tables in memory.
 *
 * @module
 */

import { type RecordBatch, Table } from "apache-arrow";
import { join } from "node:path";
import { featureSchema, labelSchema, type NullPolicy } from "../../src/pipeline/data_options.ts";
import type { StageReference } from "../../src/stages/stage_error.ts";
import type { Source } from "../../src/stages/source.ts";
import arrow from "../../plugins/sources/arrow.ts";
import { openSplit, type Split, StoredSplit } from "../../src/input/split.ts";

/** The folder of the fixtures. */
export const fixtures: string = join(import.meta.dirname!, "..", "fixtures", "arrow");

/** What is in `types.arrow`, row by row. */
export const expected: Readonly<Record<string, readonly unknown[]>> = JSON.parse(
  Deno.readTextFileSync(join(fixtures, "expected.json")),
);

/** A source's stage, for messages. */
export const sourceReference: StageReference = {
  kind: "source",
  name: "arrow",
  place: { file: "pipeline.yaml", line: 4, column: 10 },
};

/** What the source `arrow` makes of a path in the fixtures' folder, or in another one. */
export function arrowSource(path: string | string[], folder = fixtures): Source {
  return arrow.create(arrow.options.parse({ path }), { folder });
}

/** A source of a table, or of record batches, in memory. */
export function memorySource(table: Table | RecordBatch[]): Source {
  const { schema, batches } = Array.isArray(table) ? new Table(table) : table;
  return {
    open: () =>
      Promise.resolve({
        schema,
        fingerprint: "memory",
        async *recordBatches() {
          yield* batches;
        },
      }),
  };
}

/** Features and label as a pipeline file has them. */
export interface SplitOptions {
  readonly features?: Readonly<Record<string, unknown>>;
  readonly label?: unknown;
  readonly weight?: string;
  readonly columns?: readonly string[];
  readonly nulls?: NullPolicy;
}

/** Opens a split as a run does, in memory: options as in a pipeline file. */
export async function open(
  source: Source,
  { features = {}, label, weight, columns = [], nulls }: SplitOptions,
  like?: Split,
): Promise<StoredSplit> {
  const split = await openSplit(source, {
    features: Object.fromEntries(
      Object.entries(features).map(([name, options]) => [name, featureSchema.parse(options)]),
    ),
    label: labelSchema.parse(label),
    nulls,
    texts: {},
    teachers: {},
    weight,
    columns,
    stage: sourceReference,
    places: (...path) => ({ file: "pipeline.yaml", path: ["data", ...path].join(".") }),
  }, { like });
  if (!(split instanceof StoredSplit)) throw new Error("the rows are not in memory");
  return split;
}

/** All values of a feature, in plain numbers. */
export function valuesOf(split: StoredSplit, feature: string): number[] {
  return Array.from(split.slice(0, split.rows).features[feature]!.values);
}
