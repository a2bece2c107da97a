/**
 * Generates the JSON Schema of pipeline files, for editors, from the schemas that check the options.
 *
 * @module
 */

import { z } from "zod";
import { commonOptions, pipelineSchema } from "../file_schema.ts";
import { PAIR } from "../pair.ts";
import { type AnyStage, type StageKind, stageKinds } from "../../stages/stage.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [key: string]: unknown };

/** The value of `use:` for a stage that is not built in: a path, a package, or a URL. */
const elsewhere = {
  type: "string",
  pattern: "^(\\.{0,2}/|(jsr|npm|https|file):)|\\.[mc]?[jt]s(#|$)",
};

/** A pipeline without phases must set its losses, optimizer, and epochs at the top level. */
const withoutPhases = {
  if: { required: ["phases"] },
  else: {
    required: ["losses", "optimizer"],
    properties: {
      train: {
        type: "object",
        required: ["epochs"],
        description: "The options of training, such as the number of epochs and the batch size.",
      },
    },
  },
};

/** The prefix of a kind in the names of the schemas for files that extend another file. */
const CHANGED = "changed-";

/**
 * Makes the JSON Schema of a pipeline file.
 *
 * @param stages The stages whose names and options the schema contains.
 * @returns The schema, draft 2020-12.
 */
export function pipelineJsonSchema(stages: readonly AnyStage[]): JsonSchema {
  const { $schema, ...pipeline } = toJson(pipelineSchema);
  const bases = {
    extends: {
      description:
        "One or more pipeline files that provide the values that this file does not set.",
      anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }],
    },
  };
  const kinds = Object.fromEntries(stageKinds.map((kind) => [
    kind,
    entrySchema(kind, stages.filter((stage) => stage.kind === kind)),
  ]));
  const changes: Record<string, JsonSchema> = {};
  const changed = changeOf(pipeline, kinds, changes);
  return {
    $schema,
    title: "Rocket pipeline",
    type: "object",
    properties: bases,
    if: { required: ["extends"] },
    then: {
      ...changed,
      properties: { ...bases, ...changed.properties as object },
      required: ["extends"],
    },
    else: { ...pipeline, ...withoutPhases },
    $defs: { ...kinds, ...changes },
  };
}

/**
 * Makes the schema of a value in a file that extends another file. Maps may be incomplete, since
 * they are merged. Lists replace other lists, so their items must be complete.
 */
function changeOf(
  schema: JsonSchema,
  kinds: Readonly<Record<string, JsonSchema>>,
  changes: Record<string, JsonSchema>,
): JsonSchema {
  const change = (part: JsonSchema) => changeOf(part, kinds, changes);
  const { required: _, ...rest } = schema;
  const { $ref, anyOf, properties, additionalProperties } = schema as {
    readonly $ref?: string;
    readonly anyOf?: readonly JsonSchema[];
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly additionalProperties?: JsonSchema | boolean;
  };
  if ($ref) {
    const kind = $ref.slice($ref.lastIndexOf("/") + 1), name = CHANGED + kind;
    if (!(name in changes)) {
      // It may contain itself, as schedules do.
      changes[name] = {};
      changes[name] = change(kinds[kind]!);
    }
    return { ...rest, $ref: `#/$defs/${name}` };
  }
  return {
    ...rest,
    ...(anyOf && { anyOf: anyOf.map(change) }),
    ...(typeof additionalProperties === "object" && {
      additionalProperties: change(additionalProperties),
    }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, part]) => [name, change(part)]),
      ),
    }),
    // The schema of unknown stages allows any option. Without `use`, it would match every map.
    ...(properties?.use?.pattern === elsewhere.pattern && { required: ["use"] }),
  };
}

function entrySchema(kind: StageKind, stages: readonly AnyStage[]): JsonSchema {
  const common = objectParts(z.looseObject(commonOptions[kind]));
  const objects = stages.map((stage) => {
    const own = objectParts(stage.options);
    return {
      type: "object",
      title: stage.name,
      description: stage.summary,
      properties: { use: { const: stage.name }, ...common.properties, ...own.properties },
      required: ["use", ...common.required, ...own.required],
      additionalProperties: false,
    };
  });
  // The light net and the booster may be two networks; `use: pair` can then be left out.
  const pair = objects.find(({ title }) => kind === "network" && title === PAIR);
  if (pair) {
    const { use: _, ...properties } = pair.properties;
    const required = pair.required.filter((key) => key !== "use");
    objects.push({ ...pair, title: "two networks", properties: properties as never, required });
  }
  const bare = objects.filter(({ required }) => required.length === 1).map(({ title }) => title);
  return {
    anyOf: [
      ...(bare.length > 0 ? [{ enum: bare }] : []),
      ...(common.required.length === 0 ? [elsewhere] : []),
      ...objects,
      {
        type: "object",
        title: `a ${kind} stage from a file or a package`,
        properties: { use: elsewhere, ...common.properties },
        required: ["use", ...common.required],
      },
    ],
  };
}

function objectParts(
  schema: z.ZodType,
): { properties: Record<string, unknown>; required: string[] } {
  const { properties = {}, required = [] } = toJson(schema) as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  return { properties, required };
}

/**
 * Converts a schema to JSON Schema. A stage becomes a reference to the stages of its kind, such as
 * `#/$defs/loss`.
 *
 * @param schema The schema.
 */
export function toJson(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      const meta = (zodSchema as unknown as z.ZodType).meta();
      delete jsonSchema.path;
      delete jsonSchema.column;
      // zod omits the defaults of values that a transform reads, such as the names of stages.
      const { type, innerType, defaultValue } = zodSchema._zod.def as z.core.$ZodDefaultDef;
      if (type === "default" && (innerType as z.ZodType).safeParse(defaultValue).success) {
        jsonSchema.default = defaultValue as JsonSchema[string] & null;
      }
      const kind = meta?.entry ?? meta?.stage;
      if (typeof kind !== "string") return;
      const { description, default: preset } = jsonSchema;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, {
        $ref: `#/$defs/${kind}`,
        ...(description && { description }),
        ...(preset !== undefined && { default: preset }),
      });
    },
  }) as JsonSchema;
}
