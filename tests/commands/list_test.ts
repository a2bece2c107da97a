import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { stageTable } from "../../src/commands/list.ts";
import { builtins } from "../../plugins/mod.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

Deno.test("list names all built-in stages with their summaries", async () => {
  const { code, stdout } = await rocket(["list"]);
  assertEquals(code, 0);
  for (const { kind, name, summary } of builtins) {
    assertMatch(stdout, new RegExp(`^${kind} +${name} +${summary.split(" ")[0]}`, "m"));
    // Long summaries take several lines.
    assertStringIncludes(stdout.replaceAll(/\n +/g, " "), summary);
  }
});

Deno.test("list KIND names the stages of one kind", async () => {
  const lines = await stageTable(["schedules"], { allowPlugins: [], allowEnv: [] });
  const schedules = builtins.filter(({ kind }) => kind === "schedule");
  assertEquals(lines.filter((line) => line.startsWith("schedule ")).length, schedules.length);
  assertEquals(lines.some((line) => line.startsWith("loss ")), false);
});

Deno.test("list FILE names the stages of a pipeline, including the user's own", async () => {
  const plugin = `import { defineSchedule, z } from "@rocket-launching/rocket/plugin";
export default defineSchedule({
  name: "mine", summary: "Stays at a half.", options: z.object({}), create: () => () => 0.5,
});
`;
  const optimizer = { use: "sgd", learningRate: 0.1, schedule: "./mine.ts" };
  await withPipeline(digitsPipeline({ optimizer }), async (file) => {
    const { stdout } = await rocket(["list", file]);
    assertMatch(stdout, /^schedule +\.\/mine\.ts +Stays at a half\.$/m);
    assertMatch(stdout, /^loss +mse-hint /m);
    assertEquals(stdout.includes("wide-resnet"), false);
  }, { "mine.ts": plugin });
});

Deno.test("show prints the description of each stage with the name", async () => {
  const { code, stdout } = await rocket(["show", "steps"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^steps \(schedule\): /);
});

Deno.test("show rejects an unknown stage and suggests the most similar name", async () => {
  const { code, stderr } = await rocket(["show", "mse-hnt"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "did you mean mse-hint?");
  await inFolder(async (cwd) => {
    const { code, stderr } = await rocket(["show", "./none.ts"], { cwd });
    assertEquals(code, 2);
    assertStringIncludes(stderr, "there is no file ./none.ts");
  });
});
