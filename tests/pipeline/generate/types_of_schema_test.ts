import { assertEquals, assertStringIncludes } from "@std/assert";
import { pipelineJsonSchema } from "../../../src/pipeline/generate/json_schema.ts";
import { typesOfSchema } from "../../../src/pipeline/generate/types_of_schema.ts";
import { defineSchedule, nestedStage, type Schedule, z } from "../../../plugin.ts";
import { builtins } from "../../../plugins/mod.ts";

/** Returns the types of a schedule's options. */
function typesOf(options: z.ZodObject): string {
  const mine = defineSchedule({ name: "mine", summary: "Mine.", options, create: () => () => 1 });
  const text = typesOfSchema(pipelineJsonSchema([mine]));
  const start = text.indexOf('readonly use: "mine";') + 'readonly use: "mine";'.length;
  return text.slice(start, text.indexOf("\n}", start)).trim();
}

Deno.test("src/pipeline/generated/pipeline_types.ts is up to date with the stages' schemas (deno task schema)", async () => {
  const file = new URL("../../../src/pipeline/generated/pipeline_types.ts", import.meta.url);
  assertEquals(await Deno.readTextFile(file), typesOfSchema(pipelineJsonSchema(builtins)));
});

Deno.test("typesOfSchema() writes the type of each kind of option", () => {
  const cases: [z.ZodType, string][] = [
    [z.string(), "string"],
    [z.number(), "number"],
    [z.int().positive(), "number"],
    [z.boolean(), "boolean"],
    [z.null(), "null"],
    [z.literal("a"), '"a"'],
    [z.enum(["a", "b"]), '"a" | "b"'],
    [z.union([z.number(), z.string()]), "number | string"],
    [z.union([z.number(), z.enum(["auto"])]), '(number) | ("auto")'],
    [z.array(z.number()), "readonly (number)[]"],
    [z.tuple([z.number(), z.string()]), "readonly [number, string]"],
    [z.record(z.string(), z.number()), "{\nreadonly [name: string]: number;\n}"],
    [z.strictObject({ b: z.number() }), "{\nreadonly b: number;\n}"],
    [z.strictObject({ b: z.number().optional() }), "{\nreadonly b?: number;\n}"],
    [nestedStage<Schedule>("schedule"), 'StageEntries["schedule"]'],
    [z.any(), "unknown"],
  ];
  for (const [schema, type] of cases) {
    assertEquals(typesOf(z.object({ a: schema })), `readonly a: ${type};`.replace(/\n\};$/, ""));
  }
});

Deno.test("typesOfSchema() makes options with defaults optional, and includes descriptions", () => {
  assertEquals(
    typesOf(z.object({
      by: z.number().default(2).describe("The factor."),
      "at-step": z.int().optional().describe("Ends a comment */ early."),
    })),
    [
      "/** The factor. */",
      "readonly by?: number;",
      "/** Ends a comment *\\/ early. */",
      'readonly "at-step"?: number;',
    ].join("\n"),
  );
});

Deno.test("typesOfSchema() has a type for the entries of each kind", () => {
  const text = typesOfSchema(pipelineJsonSchema(builtins));
  const [whole, changed] = text.split("export interface ChangedStageEntries {\n") as [
    string,
    string,
  ];
  for (const kind of ["source", "loss", "optimizer"]) {
    assertStringIncludes(whole, `readonly ${kind}:\n  | StageObject<"${kind}">\n`);
  }
  assertStringIncludes(changed, 'readonly optimizer:\n  | StageObject<"optimizer">\n');
  assertStringIncludes(text, '  | StageObject<"optimizer">\n');
});
