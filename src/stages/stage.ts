/**
 * The types and functions that stages of all kinds share.
 *
 * @module
 */

import { isVersionRange } from "./rocket_range.ts";
import { z } from "./z.ts";

/** The kinds of stages, in the order in which data passes through them. */
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

/** The kind of a stage, one of {@linkcode stageKinds}. */
export type StageKind = (typeof stageKinds)[number];

/** The schema of a stage's options, which is an object schema. */
export type OptionsSchema = z.ZodObject;

/** The properties that the definitions of stages of all kinds share. */
export interface StageDefinition<Schema extends OptionsSchema> {
  /** The stage's name in kebab case, which pipeline files write after `use:`. */
  readonly name: string;
  /** What the stage does, in one sentence, for `list` and for editors. */
  readonly summary: string;
  /** The schema of the options, with defaults and descriptions. Unknown keys are errors. */
  readonly options: Schema;
  /** An example entry of a pipeline file, for `show` and the reference page. */
  readonly example?: string;
  /**
   * The versions of Rocket that the stage works with, as a range in the notation of npm, such as
   * `^0.1` or `>=0.1 <0.4`. A run with another version ends with an error before it starts. A stage
   * that is published as a package states it; other stages need not.
   */
  readonly rocket?: string;
}

/** A stage, as returned by one of the `define…` functions. */
export interface Stage<Kind extends StageKind, Context, Product> {
  /** The stage's kind. */
  readonly kind: Kind;
  /** The stage's name, which pipeline files write after `use:`. */
  readonly name: string;
  /** What the stage does, in one sentence. */
  readonly summary: string;
  /** The strict schema of its options. */
  readonly options: OptionsSchema;
  /** An example entry of a pipeline file. */
  readonly example?: string;
  /** The versions of Rocket that the stage works with, such as `^0.1`; absent for any. */
  readonly rocket?: string;
  /** Creates what the stage provides, such as a loss function, from checked options. */
  create(options: unknown, context: Context): Product;
}

/** A stage of any kind. */
// deno-lint-ignore no-explicit-any
export type AnyStage = Stage<StageKind, any, unknown>;

/** The type of a stage's `create` function. The type of its options is inferred from the schema. */
export type Create<Schema extends OptionsSchema, Context, Product> = (
  options: z.output<Schema>,
  context: Context,
) => Product;

/**
 * Defines a stage of any kind, for the `define…` functions. It checks the name and the range of
 * versions, and makes the schema strict.
 *
 * @param kind The stage's kind.
 * @param definition The stage's definition.
 * @returns The stage.
 * @throws {TypeError} If the name is not in kebab case, `summary` is no text, `options` is not an
 *   object schema, or `rocket` is not a range of versions.
 */
export function defineStage<Kind extends StageKind, Schema extends OptionsSchema, Context, Product>(
  kind: Kind,
  definition: StageDefinition<Schema> & { create: Create<Schema, Context, Product> },
): Stage<Kind, Context, Product> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(definition.name)) {
    throw new TypeError(
      `expected a stage's name in kebab case, such as "mse-hint"; got ${
        JSON.stringify(definition.name)
      }`,
    );
  }
  const { rocket, summary, options } = definition;
  if (typeof summary !== "string") {
    throw new TypeError(`expected a text as the summary of the stage ${definition.name}`);
  }
  if (!isObjectSchema(options)) {
    throw new TypeError(`expected z.object({ … }) as the options of the stage ${definition.name}`);
  }
  if (rocket !== undefined && !isVersionRange(rocket)) {
    throw new TypeError(
      `expected a range of Rocket's versions, such as "^0.1"; got ${JSON.stringify(rocket)}`,
    );
  }
  return { ...definition, kind, options: definition.options.strict() } as Stage<
    Kind,
    Context,
    Product
  >;
}

/**
 * Checks whether a value is the schema of an object, as the options of a stage must be.
 *
 * @param value The value.
 */
export function isObjectSchema(value: unknown): value is OptionsSchema {
  const { safeParse, strict, shape } = Object(value);
  return typeof safeParse === "function" && typeof strict === "function" &&
    typeof shape === "object";
}

/**
 * Checks a property of a stage's definition that has one of a few values.
 *
 * @param definition The definition.
 * @param key The name of the property.
 * @param values The values.
 * @param value The value of the property.
 * @returns The value.
 * @throws {TypeError} If it is none of the values.
 */
export function oneOf<Value extends string>(
  { name }: { readonly name: string },
  key: string,
  values: readonly Value[],
  value: Value,
): Value {
  if (values.includes(value)) return value;
  const list = values.map((one) => JSON.stringify(one)).join(" or ");
  throw new TypeError(`expected ${list} as \`${key}\` of the stage ${name}; got ${String(value)}`);
}

/**
 * Makes the schema of an option that is itself a stage, such as the schedule after a warm-up. The
 * pipeline file contains the nested stage as an entry with `use`. Rocket checks this entry. The
 * stage then receives as the value of the option: for a schedule, the function that the nested
 * stage's `create` function returns; for a network, a `NetworkPart`, whose `create` function takes
 * the context.
 *
 * @param kind The kind of the nested stage.
 * @returns The schema. Its type is that of the option's value.
 */
export function nestedStage<Product>(kind: "schedule" | "network"): z.ZodType<Product> {
  const isProduct = (value: unknown) => typeof value === "function" || isPart(value);
  return z.custom<Product>(isProduct, {
    error: `expected a ${kind} stage`,
  }).meta({ stage: kind });
}

const isPart = (value: unknown) => typeof value === "object" && value !== null && "netOf" in value;

/**
 * Marks the schema of an option whose value is the path of a file, or a list or a map of paths.
 * Relative paths are relative to the folder of the file that contains them. The stage gets a path
 * relative to its context's `folder`, or an absolute path if the path comes from another file, such
 * as one that `extends` the stage's pipeline.
 *
 * @param schema The schema of the path, or of the list or the map.
 * @returns The same schema, marked as a path.
 *
 * @example
 * ```ts
 * import { pathOption, z } from "@rocket-launching/rocket/plugin";
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
 * Marks the schema of an option of a metric or a loss whose value is the name of a column of the
 * source, such as a user's id. The column need not be a feature. Each evaluated batch, or the scope
 * of the loss, then has the column in its `columns`.
 *
 * @param schema The schema of the name.
 * @returns The same schema, marked as a column.
 *
 * @example
 * ```ts
 * import { columnOption, z } from "@rocket-launching/rocket/plugin";
 * import { assertEquals } from "@std/assert";
 *
 * const options = z.object({ by: columnOption(z.string().min(1)) });
 * assertEquals(options.parse({ by: "user" }), { by: "user" });
 * ```
 */
export function columnOption<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ ...schema.meta(), column: true });
}
