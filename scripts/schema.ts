/**
 * Makes anew what follows from the built-in stages: schema/pipeline.json, for editors;
 * schema/pipeline.ts, the types of pipelines in TypeScript; the README's table of stages.
 *
 * @module
 */

import { pipelineJsonSchema } from "../pipeline/json_schema.ts";
import { typesOfSchema } from "../pipeline/types_of_schema.ts";
import { builtins } from "../plugins/mod.ts";
import { withStagesTable } from "./stages_table.ts";

const schema = pipelineJsonSchema(builtins);
const root = new URL("../", import.meta.url);
const readme = new URL("README.md", root);
await Deno.writeTextFile(
  new URL("schema/pipeline.json", root),
  JSON.stringify(schema, undefined, 2) + "\n",
);
await Deno.writeTextFile(new URL("schema/pipeline.ts", root), typesOfSchema(schema));
await Deno.writeTextFile(readme, withStagesTable(await Deno.readTextFile(readme), builtins));
