/**
 * The JSON Schema of pipeline files, for editors: from the same schemas that check the options.
 *
 * @module
 */

import { z } from "zod";
import { commonOptions, pipelineSchema } from "./schema.ts";
import { type AnyStage, type StageKind, stageKinds } from "./stages/stage.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [key: string]: unknown };

/** How stages that are not built in are named: a file, or a package. */
const elsewhere = "^(\\.{0,2}/|(jsr|npm|https|file):)";

/**
 * The JSON Schema of a pipeline file.
 *
 * @param stages The stages whose names and options it knows.
 * @returns The schema, draft 2020-12.
 */
export function pipelineJsonSchema(stages: readonly AnyStage[]): JsonSchema {
  const { $schema, ...pipeline } = toJson(pipelineSchema);
  const file = pipeline as { properties: Record<string, JsonSchema> };
  return {
    $schema,
    title: "Rocket pipeline",
    ...pipeline,
    properties: {
      extends: {
        description: "A pipeline file, or several, whose values hold where this one has none.",
        anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }],
      },
      ...file.properties,
    },
    $defs: Object.fromEntries(stageKinds.map((kind) => [
      kind,
      entrySchema(kind, stages.filter((stage) => stage.kind === kind)),
    ])),
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
  const bare = objects.filter(({ required }) => required.length === 1).map(({ title }) => title);
  return {
    anyOf: [
      ...(bare.length > 0 ? [{ enum: bare }] : []),
      ...objects,
      {
        type: "object",
        title: `a ${kind} stage from a file or a package`,
        properties: { use: { type: "string", pattern: elsewhere }, ...common.properties },
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

function toJson(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      const meta = (zodSchema as unknown as z.ZodType).meta();
      delete jsonSchema.path;
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
