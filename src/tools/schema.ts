/**
 * Makes anew what follows from the built-in stages: schema/pipeline.json and schema/sweep.json, for
 * editors; src/pipeline/generated/pipeline_types.ts, the types of pipelines in TypeScript; the README's table of stages.
 *
 * @module
 */

import { pipelineJsonSchema } from "../pipeline/generate/json_schema.ts";
import { typesOfSchema } from "../pipeline/generate/types_of_schema.ts";
import { builtins } from "../../plugins/mod.ts";
import { sweepJsonSchema } from "../pipeline/sweep_file/json_schema.ts";
import { stagesPage } from "./stages_table.ts";

const schema = pipelineJsonSchema(builtins);
const root = new URL("../../", import.meta.url);
for (const [name, value] of [["pipeline", schema], ["sweep", sweepJsonSchema(schema)]] as const) {
  const text = JSON.stringify(value, undefined, 2) + "\n";
  await Deno.writeTextFile(new URL(`schema/${name}.json`, root), text);
}
await Deno.writeTextFile(
  new URL("src/pipeline/generated/pipeline_types.ts", root),
  typesOfSchema(schema),
);
await Deno.writeTextFile(new URL("docs/reference/stages.md", root), stagesPage(builtins));
