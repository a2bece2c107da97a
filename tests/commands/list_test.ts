import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describeStage } from "../../src/commands/show.ts";
import { builtins } from "../../plugins/mod.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { digitsPipeline, withPipeline } from "../support/pipelines.ts";

Deno.test("list names all built-in stages with their summaries", async () => {
  const { code, stdout } = await rocket(["list"]);
  assertEquals(code, 0);
  for (const { kind, name, summary } of builtins) {
    const row = stdout.split("\n").find((line) => line.startsWith(kind) && line.endsWith(summary));
    assertStringIncludes(row ?? "", ` ${name} `);
  }
});

Deno.test("list KIND names the stages of one kind", async () => {
  const { stdout } = await rocket(["list", "schedules"]);
  const schedules = builtins.filter(({ kind }) => kind === "schedule");
  assertEquals(stdout.match(/^schedule /gm)?.length, schedules.length);
  assertEquals(stdout.match(/^loss /gm), null);
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

Deno.test("describeStage() shows each option with type, default and range, and an example", () => {
  for (const stage of builtins) {
    const { name, kind, options, example } = stage;
    const text = describeStage(stage).join("\n");
    assertStringIncludes(text, `${name} (${kind})`);
    for (const option of Object.keys(options.shape)) {
      assertMatch(text, new RegExp(`^${option} `, "m"));
    }
    for (const line of (example ?? "no example").split("\n")) assertStringIncludes(text, line);
  }
});

Deno.test("show prints the description of each stage with the name", async () => {
  const named = builtins.filter(({ name }) => name === "steps");
  const { code, stdout } = await rocket(["show", "steps"]);
  assertEquals(code, 0);
  assertEquals(
    stdout.trim(),
    named.map((stage) => describeStage(stage).join("\n")).join("\n\n").trim(),
  );
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
