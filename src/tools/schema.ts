/**
 * Generates what follows from the built-in stages: plugins/mod.ts, the list of them;
 * schema/pipeline.json and schema/sweep.json, for editors;
 * src/pipeline/generated/pipeline_types.ts, the types of pipelines in TypeScript; and the pages
 * of docs/reference/.
 *
 * @module
 */

import { pipelineJsonSchema } from "../pipeline/generate/json_schema.ts";
import { typesOfSchema } from "../pipeline/generate/types_of_schema.ts";
import { sweepJsonSchema } from "../pipeline/sweep_file/json_schema.ts";
import { builtinsModule, findBuiltIns } from "./builtins.ts";
import { commandsPage } from "./commands_page.ts";
import { referencePages } from "./reference_pages.ts";

const root = new URL("../../", import.meta.url);
const builtIns = await findBuiltIns(new URL("plugins/", root));
const stages = builtIns.map(({ stage }) => stage), schema = pipelineJsonSchema(stages);
const files: Readonly<Record<string, string>> = {
  "plugins/mod.ts": builtinsModule(builtIns),
  "schema/pipeline.json": JSON.stringify(schema, undefined, 2) + "\n",
  "schema/sweep.json": JSON.stringify(sweepJsonSchema(schema), undefined, 2) + "\n",
  "src/pipeline/generated/pipeline_types.ts": typesOfSchema(schema),
  "docs/reference/commands.md": commandsPage(),
  ...referencePages(stages),
};
for (const [path, text] of Object.entries(files)) {
  await Deno.writeTextFile(new URL(path, root), text);
}
