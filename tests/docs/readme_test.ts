import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { parse } from "yaml";
import { deno, inFolder, root, userEnvironment } from "../support/command_line.ts";
import { blocks } from "./documents.ts";

const readme = blocks.filter(({ path }) => path === "README.md");

Deno.test("the first command of README.md trains the pipeline that README.md shows", async () => {
  const { text } = readme.find(({ text }) => text.startsWith("npx -y deno@"))!;
  const [task, pipeline, file, ...more] = text.split("\n")[0]!.split("#")[0]!.trim().split(" ")
    .slice(3);
  assertEquals([task, pipeline, file, more], ["task", "pipeline", "pipelines/quickstart.yaml", []]);
  const whole = parse(await Deno.readTextFile(join(root, file!)));
  const shown = parse(readme.find(({ text }) => text.startsWith("network:\n"))!.text);
  for (const key of ["network", "losses"]) assertEquals(shown[key], whole[key]);
  for (const [key, value] of Object.entries(shown.train)) assertEquals(whole.train[key], value);
  await inFolder(async (folder) => {
    const short = ["--engine", "wasm", "--epochs", "1", "--out", join(folder, "run")];
    const args = ["task", "--quiet", pipeline!, file!, ...short];
    const { code, stdout, stderr } = await deno(args, { env: userEnvironment() });
    assertEquals(code, 0, stderr);
    const table = readme.find(({ text }) => text.startsWith("few-digits: "))!.text.split("\n");
    // One epoch has the same table as thirty, with other numbers and the column of times.
    const found = (stdout + stderr).split("\n");
    assertEquals(
      found.find((line) => line.startsWith("net "))?.trimEnd().replace(/ +time$/, ""),
      table.find((line) => line.startsWith("net ")),
    );
    for (const net of ["light  ", "booster", "light alone"]) {
      assert(found.some((line) => line.startsWith(net)), net);
    }
    assertStringIncludes(found.join("\n"), "gain of the light net from the booster: accuracy ");
  });
});
