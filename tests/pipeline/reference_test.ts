import { assert, assertEquals, assertThrows } from "@std/assert";
import { parse } from "yaml";
import { z } from "zod";
import { builtins } from "../../plugins/mod.ts";
import { describeSection, descriptionsOf } from "../../src/commands/show.ts";
import { pipelineSchema } from "../../src/pipeline/file_schema.ts";
import {
  commonReference,
  type OptionRow,
  sectionNames,
  sectionReference,
  stageReference,
  sweepReference,
} from "../../src/pipeline/reference.ts";
import { widthOf } from "../../src/base/text_width.ts";
import { stageKinds } from "../../src/stages/stage.ts";
import { defineSchedule } from "../../plugin.ts";

const row = (rows: readonly OptionRow[], path: string) => {
  const found = rows.find((row) => row.path === path);
  assert(found, `no ${path} in ${rows.map(({ path }) => path)}`);
  return found;
};

Deno.test("stageReference() has each option of a stage with its type, range and default", () => {
  const stage = defineSchedule({
    name: "many",
    summary: "Has options of many types.",
    options: z.object({
      power: z.number().min(1).lt(9).default(2).describe("The exponent."),
      depth: z.int().positive().describe("The\n  depth."),
      mode: z.enum(["a", "b"]).optional(),
      sizes: z.array(z.int().positive()).default([]),
      isOn: z.boolean().default(true),
      mark: z.string().default("\t"),
      either: z.union([z.literal("all"), z.strictObject({ k: z.int(), n: z.int().optional() })])
        .optional(),
      part: z.strictObject({ width: z.number() }).optional(),
      of: z.record(z.string(), z.strictObject({ to: z.string() })).optional(),
    }),
    create: () => () => 1,
  });
  const { options } = stageReference(stage);
  assertEquals(
    options.map(({ path, type, required, default: preset }) => [
      path,
      type,
      required ? "required" : preset,
    ]),
    [
      ["power", "number ≥ 1, < 9", "2"],
      ["depth", "whole number ≥ 1", "required"],
      ["mode", "a | b", undefined],
      ["sizes", "list of whole numbers ≥ 1", "[]"],
      ["isOn", "true | false", "true"],
      ["mark", "text", '"\\t"'],
      ["either", "all | { k, n? }", undefined],
      ["either.k", "whole number", "required"],
      ["either.n", "whole number", undefined],
      ["part", "map", undefined],
      ["part.width", "number", "required"],
      ["of", "map from names to maps", undefined],
      ["of.NAME.to", "text", "required"],
    ],
  );
  assertEquals(row(options, "power").description, "The exponent.");
  assertEquals(row(options, "depth").description, "The depth.");
});

Deno.test("stageReference() lists the options of each built-in stage, all with a description", () => {
  for (const stage of builtins) {
    const { options, common } = stageReference(stage);
    const outer = options.filter(({ path }) => !path.includes("."));
    assertEquals(outer.map(({ path }) => path), Object.keys(stage.options.shape));
    assertEquals(common, commonReference(stage.kind));
    for (const { path, description } of [...options, ...common]) {
      assert(description !== "", `${stage.name} ${path}`);
    }
  }
});

Deno.test("commonReference() explains the options that all stages of a kind share", () => {
  const paths = commonReference("loss").map(({ path }) => path);
  assertEquals(paths, [
    "name",
    "label",
    "on",
    "from",
    "to",
    "teacher",
    "teacher.column",
    "teacher.of",
    "teacher.missing",
    "teacher.run",
    "teacher.net",
    "teacher.checkpoint",
    "teacher.key",
    "teacher.rows",
    "teacher.onnx",
    "teacher.output",
    "teacher.inputs",
    "teacherScale",
    "teacherScale.probability",
    "weight",
    "schedule",
    "gradient",
  ]);
  assertEquals(row(commonReference("loss"), "weight").default, "1");
  assertEquals(row(commonReference("loss"), "gradient").type, "gradient stage");
  assertEquals(row(commonReference("optimizer"), "learningRate").required, true);
  assertEquals(row(commonReference("optimizer"), "schedule").default, "constant");
});

Deno.test("sectionReference() lists the options of each section of a pipeline file", () => {
  const data = sectionReference("data").options;
  assertEquals(row(data, "train").type, "source stage");
  assertEquals(row(data, "features.NAME.dtype").type, "float32 | int32");
  assertEquals(row(data, "label.column").required, true);
  assertEquals(row(sectionReference("train").options, "clip.per").default, "all");
  assertEquals(sectionReference("losses").kind, "loss");
  assertEquals(sectionReference("outputs").default, "[progress, checkpoint]");
  assertEquals(sectionReference("seed").type, "whole number ≥ 0, ≤ 4294967295");
  assertEquals(row(sectionReference("phases").options, "freeze").default, "[]");
  assertEquals(row(sweepReference(), "latency.engine").type, "auto | onnx");
});

Deno.test("the example of each section is valid", () => {
  for (const name of sectionNames) {
    if (name === "extends") continue;
    const value = parse(sectionReference(name).example)[name];
    const { error } = pipelineSchema.shape[name].safeParse(value);
    assertEquals(error?.issues, undefined, name);
  }
});

Deno.test("show has a description of each stage, kind and section that fits 80 columns", () => {
  const words = [...builtins.map(({ name }) => name), ...stageKinds, ...sectionNames, "sweep"];
  for (const word of words) {
    const texts = descriptionsOf(word);
    assert(texts && texts.length > 0, word);
    for (const line of texts.flat()) assert(widthOf(line) <= 80, `${word}: ${line}`);
  }
});

Deno.test("show prints the part of a section that a path names", () => {
  const names = describeSection("data", "label").filter((line) => /^ {2}\S/.test(line));
  assertEquals(
    names[0],
    "  data.label: text | { column, kind?, classes?, nulls?, nan? }",
  );
  assert(names.slice(1).every((line) => line.startsWith("  data.label.")), names.join("\n"));
  assertThrows(() => describeSection("data", "lable"), Error, 'data has no option "lable"');
  assertEquals(descriptionsOf("./file.ts"), undefined);
});
