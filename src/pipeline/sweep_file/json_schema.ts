/**
 * The JSON Schema of sweep files, for editors.
 *
 * @module
 */

import { z } from "zod";
import type { JsonSchema } from "../generate/json_schema.ts";
import { sweepSchema } from "./schema.ts";

/** A key with a dot, which is a path into the base, and its value. */
const paths = { "\\.": true };

/**
 * The JSON Schema of a sweep file. It refers to that of pipelines by its file's name, so that the
 * two lie side by side.
 *
 * @param pipeline The JSON Schema of pipelines.
 * @returns The schema, draft 2020-12.
 */
export function sweepJsonSchema(pipeline: JsonSchema): JsonSchema {
  const { $schema, properties, required, ...rest } = z.toJSONSchema(sweepSchema, { io: "input" }) as
    & JsonSchema
    & { readonly properties: Readonly<Record<string, JsonSchema>> };
  const { then: { properties: parts } } = pipeline as unknown as {
    then: { properties: Readonly<Record<string, JsonSchema>> };
  };
  const { extends: bases, $schema: _, ...changed } = Object.fromEntries(
    Object.keys(parts).map((key) => [key, { $ref: `pipeline.json#/then/properties/${key}` }]),
  );
  return {
    $schema,
    title: "Rocket sweep",
    ...rest,
    properties: {
      extends: {
        ...bases,
        description: "A sweep, or several, whose values hold where this one has none.",
      },
      ...properties,
      base: { ...properties.base, anyOf: [{ type: "string" }, { $ref: "pipeline.json" }] },
      settings: {
        ...properties.settings,
        additionalProperties: {
          anyOf: [{ type: "null" }, {
            type: "object",
            properties: {
              extends: {
                ...bases,
                description: "Files with parts of this setting, which hold where it has none.",
              },
              ...changed,
              grid: properties.grid,
            },
            patternProperties: paths,
            additionalProperties: false,
          }],
        },
      },
    },
    if: { required: ["extends"] },
    else: { required },
  };
}
