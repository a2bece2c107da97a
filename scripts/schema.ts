/**
 * Writes schema/pipeline.json, for editors, and schema/pipeline.ts, the types of pipelines in TypeScript, from the
 * schemas of the built-in stages.
 *
 * @module
 */

import { pipelineJsonSchema } from "../pipeline/json_schema.ts";
import { typesOfSchema } from "../pipeline/types_of_schema.ts";
import { builtins } from "../plugins/mod.ts";

const schema = pipelineJsonSchema(builtins);
await write("pipeline.json", JSON.stringify(schema, undefined, 2) + "\n");
await write("pipeline.ts", typesOfSchema(schema));

async function write(name: string, text: string): Promise<void> {
  await Deno.writeTextFile(new URL(`../schema/${name}`, import.meta.url), text);
}
