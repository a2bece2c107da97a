/**
 * What every stage of a pipeline has, whatever its kind.
 *
 * @module
 */

import { z } from "zod";

/** The kinds of stages, in the order in which data meets them. */
export const stageKinds = [
  "source",
  "transform",
  "network",
  "loss",
  "gradient",
  "optimizer",
  "schedule",
  "metric",
  "output",
] as const;

/** One of {@linkcode stageKinds}. */
export type StageKind = (typeof stageKinds)[number];

/** An object schema for a stage's options. */
export type OptionsSchema = z.ZodObject;

/** What the definition of any stage says. */
export interface StageDefinition<Schema extends OptionsSchema> {
  /** The name that a pipeline file writes after `use:`, in kebab case. */
  readonly name: string;
  /** One sentence for `list` and for editors. */
  readonly summary: string;
  /** The options with their defaults and descriptions; unknown keys are refused. */
  readonly options: Schema;
  /** An entry of a pipeline file, for `show` and the reference page. */
  readonly example?: string;
}

/** A stage as the pipeline knows it. */
export interface Stage<Kind extends StageKind, Context, Product> {
  /** What the stage is. */
  readonly kind: Kind;
  /** The name that a pipeline file writes after `use:`. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** The schema of its options, strict. */
  readonly options: OptionsSchema;
  /** An entry of a pipeline file. */
  readonly example?: string;
  /** Makes the working stage from checked options. */
  create(options: unknown, context: Context): Product;
}

/** Any stage. */
// deno-lint-ignore no-explicit-any
export type AnyStage = Stage<StageKind, any, unknown>;

/** How a stage's author writes `create`: with the options' type that the schema infers. */
export type Create<Schema extends OptionsSchema, Context, Product> = (
  options: z.output<Schema>,
  context: Context,
) => Product;

/**
 * The part that all `define…` functions share: it checks the name and makes the schema strict.
 *
 * @param kind The stage's kind.
 * @param definition What its author wrote.
 * @returns The stage.
 * @throws {TypeError} If the name is not in kebab case.
 */
export function defineStage<Kind extends StageKind, Schema extends OptionsSchema, Context, Product>(
  kind: Kind,
  definition: StageDefinition<Schema> & { create: Create<Schema, Context, Product> },
): Stage<Kind, Context, Product> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(definition.name)) {
    throw new TypeError(
      `a stage's name is in kebab case, such as "mse-hint"; got ${JSON.stringify(definition.name)}`,
    );
  }
  return { ...definition, kind, options: definition.options.strict() } as Stage<
    Kind,
    Context,
    Product
  >;
}

/**
 * A schema for an option that is itself a stage, such as the schedule after a warm-up. The pipeline
 * checks the nested entry and hands over the working stage.
 *
 * @param kind The kind of the nested stage, one that needs no context: a schedule.
 * @returns The schema, with the product as its type.
 */
export function nestedStage<Product>(kind: "schedule"): z.ZodType<Product> {
  return z.custom<Product>((value) => typeof value === "function", {
    error: `expected a ${kind} stage`,
  }).meta({ stage: kind });
}

/**
 * A schema for an option that is the path of a file, or a list or a map of them. A relative path starts from
 * the folder of the file that wrote it: the stage gets it relative to its context's `folder`, or as an
 * absolute path where another file wrote it, such as one that `extends` the stage's.
 *
 * @param schema The schema of the text, or of the list or the map.
 * @returns The same schema, marked.
 *
 * @example
 * ```ts
 * import { pathOption, z } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const options = z.object({ path: pathOption(z.string().min(1)) });
 * assertEquals(options.parse({ path: "rows.arrow" }), { path: "rows.arrow" });
 * ```
 */
export function pathOption<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ ...schema.meta(), path: true });
}

/**
 * A schema for an option of a metric that is the name of a column of the source, which may be no feature: a
 * user's id. Each evaluated batch then has the column under its name.
 *
 * @param schema The schema of the name.
 * @returns The same schema, marked.
 *
 * @example
 * ```ts
 * import { columnOption, z } from "@rocket-launching/rocket";
 * import { assertEquals } from "@std/assert";
 *
 * const options = z.object({ by: columnOption(z.string().min(1)) });
 * assertEquals(options.parse({ by: "user" }), { by: "user" });
 * ```
 */
export function columnOption<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ ...schema.meta(), column: true });
}
