/**
 * The JSON Schema of sweep files, for editors.
 *
 * @module
 */

import { z } from "zod";
import type { JsonSchema } from "../generate/json_schema.ts";
import { sweepSchema } from "./schema.ts";

/** Keys with a dot, which are paths into the base pipeline, can have any value. */
const paths = { "\\.": true };

/**
 * Makes the JSON Schema of a sweep file. It refers to the schema of pipelines as `pipeline.json`,
 * so both files must be in the same folder.
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
        description: "One or more sweep files that provide the values that this file does not set.",
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
                description:
                  "One or more files that provide the values that this setting does not set.",
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
