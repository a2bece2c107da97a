import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { stageKinds } from "../../src/stages/stage.ts";
import { create } from "../../src/commands/new.ts";
import { deno, flags, inFolder, rocket } from "../support/command_line.ts";
import { problemsOf } from "../support/problems.ts";

const none = { from: undefined, label: undefined, link: undefined };

Deno.test("new writes a stage of each kind that passes its test, type check and format, and a pipeline that trains with it", async (t) => {
  await inFolder(async (folder) => {
    for (const kind of stageKinds) {
      assertEquals(await create([kind, join(folder, `my_${kind}.ts`)], none), 0);
    }
    await t.step("tests, type check, format and lint", async () => {
      const tests = await deno(["test", "-A", "--quiet", ...flags, folder]);
      assertEquals(tests.code, 0, tests.stdout + tests.stderr);
      assertMatch(tests.stdout, new RegExp(`${stageKinds.length} passed \\| 0 failed`));
      const format = await deno(["fmt", "--check", "--no-config", folder]);
      assertEquals(format.code, 0, format.stderr);
      const lint = await deno(["lint", "--no-config", "--rules-tags=recommended", folder]);
      assertEquals(lint.code, 0, lint.stderr);
    });
    for (const kind of stageKinds) {
      await t.step(`the pipeline that uses the ${kind} trains`, async () => {
        const file = join(folder, `my_${kind}.yaml`), out = join(folder, kind);
        assertStringIncludes(await Deno.readTextFile(file), `./my_${kind}.ts`);
        const args = [file, "--engine", "wasm", "--quiet", "--out", out];
        const { code, stderr } = await rocket(args);
        assertEquals([code, stderr], [0, ""]);
        const { test } = JSON.parse(await Deno.readTextFile(join(out, "result.json")));
        // Three distant clusters, and a half plane: a net that learns can distinguish them.
        assert(test.light.accuracy > 0.9, `accuracy ${test.light.accuracy}`);
      });
    }
  });
});

Deno.test("new does not overwrite files", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "mine.yaml"), "precious");
    const { code, stderr } = await rocket(["new", "loss", join(folder, "mine.ts")]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "mine.yaml already exists");
    assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["mine.yaml"]);
  });
});

Deno.test("new prints how to run and to test the stage", async () => {
  await inFolder(async (cwd) => {
    const { code, stdout } = await rocket(["new", "metric", "plugins/my_metric.ts"], { cwd });
    assertEquals(code, 0);
    assertStringIncludes(stdout, "created plugins/my_metric_test.ts");
    assertMatch(stdout, /^run it: {2}deno task pipeline plugins\/my_metric\.yaml$/m);
    assertMatch(stdout, /^test it: deno task test plugins\/my_metric_test\.ts$/m);
  });
});

Deno.test("new rejects unknown kinds and invalid file names", async () => {
  const refused = async (...args: string[]) =>
    (await problemsOf(() => create(args, none))).flat().join();
  assertStringIncludes(await refused("los", "mine.ts"), "did you mean loss?");
  assertStringIncludes(await refused("projct", "mine"), "did you mean project?");
  for (const file of ["my stage.ts", "mine.py", "mine_test.ts"]) {
    assertStringIncludes(await refused("loss", file), "cannot be used as the file of a stage");
  }
  assertStringIncludes(await refused("loss"), "expected a file for the stage");
});
