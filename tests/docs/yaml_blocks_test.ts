import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { builtins } from "../../plugins/mod.ts";
import { UserError } from "../../src/base/errors.ts";
import { allowedCode } from "../../src/pipeline/allowed_code.ts";
import { commonOptions, pipelineSchema } from "../../src/pipeline/file_schema.ts";
import { readSweep } from "../../src/pipeline/sweep_file/read.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { planOf } from "../../src/sweep/check.ts";
import { type StageKind, stageKinds } from "../../src/stages/stage.ts";
import { stageFolder } from "../../src/tools/builtins.ts";
import { root } from "../support/command_line.ts";
import { digitsPipeline } from "../support/pipelines.ts";
import { withEnvironment, withFiles } from "../support/problems.ts";
import { type Block, blocks, fileNameOf } from "./documents.ts";

const yaml = blocks.filter(({ language }) => language === "yaml");

const pipeline = digitsPipeline() as { readonly data: { readonly train: unknown } };
const base = stringify(pipeline);

/** The same pipeline with one source, for blocks that divide one. */
const { train: all, ...others } = pipeline.data;
const dividedBase = stringify({
  ...pipeline,
  data: { ...others, test: undefined, all, split: { test: 0.5 } },
});

/** Where the entry of a stage belongs in a pipeline. */
const entryOf: Readonly<Record<StageKind, (entry: unknown) => object>> = {
  source: (entry) => ({ data: { train: entry } }),
  network: (network) => ({ network }),
  transform: (entry) => ({ data: { transforms: [entry] } }),
  loss: (entry) => ({ losses: [{ use: "cross-entropy", on: "booster" }, entry] }),
  gradient: (gradient) => ({ losses: [{ use: "mse-hint", gradient }] }),
  optimizer: (optimizer) => ({ optimizer }),
  schedule: (schedule) => ({ optimizer: { schedule } }),
  metric: (entry) => ({ metrics: [entry] }),
  output: (entry) => ({ outputs: [entry] }),
};

const keysOf = (schema: object) => new Set(Object.keys(schema));
const pipelineKeys = keysOf(pipelineSchema.shape).add("extends");
const dataKeys = keysOf(pipelineSchema.shape.data.shape);
const networkKeys = keysOf(commonOptions.network);

/** Completes what a block shows to a pipeline: a part of one changes the base pipeline. */
function completed(value: Record<string, unknown>, path: string): Record<string, unknown> {
  const within = (keys: ReadonlySet<string>) => Object.keys(value).every((key) => keys.has(key));
  if (typeof value.use === "string") {
    const kinds = stageKinds.filter((kind) =>
      builtins.some((stage) => stage.kind === kind && stage.name === value.use)
    );
    // A page of the reference is about one kind, and two kinds can have a stage of the same name.
    const kind = kinds.find((kind) => path.endsWith(`/${stageFolder(kind)}.md`)) ?? kinds[0]!;
    return { extends: "base.yaml", ...entryOf[kind](value) };
  }
  const isDivided = Object(value.data).all !== undefined;
  if (within(pipelineKeys)) return { extends: isDivided ? "all.yaml" : "base.yaml", ...value };
  if (within(dataKeys)) return { extends: "base.yaml", data: value };
  if (within(networkKeys)) return { extends: "base.yaml", network: value };
  throw new Error(`neither a pipeline nor a part of one: ${Object.keys(value).join(", ")}`);
}

/** Returns the problems of a block. */
async function problemsOf(block: Block, folder: string): Promise<string[]> {
  try {
    const value = parse(block.text);
    if (/^(?:no-run|run-by): /.test(block.info)) return [];
    if ("base" in value) {
      const file = join(folder, "sweep.yaml");
      await Deno.writeTextFile(file, block.text);
      const sweep = await readSweep(file, { allowed: await allowedCode(folder) });
      for (const run of sweep.runs) await planOf(run, await allowedCode(folder));
    } else {
      const own = "name" in value && "data" in value && "network" in value;
      const file = join(folder, "block.yaml");
      await Deno.writeTextFile(file, own ? block.text : stringify(completed(value, block.path)));
      await readPlan(file);
    }
    return [];
  } catch (error) {
    const problems = error instanceof UserError ? error.problems : [error as Error];
    return problems.map(({ message }) => `${block.place}: ${message}`);
  }
}

Deno.test("each yaml block of a document is a valid pipeline, sweep, or part of a pipeline", async () => {
  assert(yaml.length > 40, `${yaml.length} blocks`);
  const digits = await Deno.readTextFile(join(root, "pipelines", "digits.yaml"));
  const problems: string[] = [];
  for (const [path, own] of Map.groupBy(yaml, ({ path }) => path)) {
    const named = blocks.flatMap((block) => {
      const name = block.path === path || block.language === "ts" ? fileNameOf(block) : undefined;
      return name === undefined ? [] : [[name, block.text] as const];
    });
    const files = {
      "base.yaml": base,
      "all.yaml": dividedBase,
      "digits.yaml": digits,
      ...Object.fromEntries(named),
    };
    const variables = own.flatMap(({ text }) =>
      Array.from(text.matchAll(/\$\{env:(\w+)\}/g), ([, name]) => [name!, "2026-11-01"] as const)
    );
    await withFiles(files, (folder) =>
      withEnvironment(Object.fromEntries(variables), async () => {
        for (const block of own) problems.push(...await problemsOf(block, folder));
      }));
  }
  assertEquals(problems, []);
});
