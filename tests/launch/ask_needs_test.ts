import { assertEquals, assertMatch } from "@std/assert";
import { withProject } from "./support.ts";

Deno.test("askNeeds() fails if the process ends without an answer", async () => {
  await withProject(async (small) => {
    await small.write({
      "src/commands/program.ts": "console.log('ran');",
      "src/launch/programs/evaluate.ts": "",
    });
    for (const text of ["", "console.log('no answer');"]) {
      await small.write({ "src/launch/programs/needs.ts": text });
      const { code, out, err } = await small.launch(["run", "cli.ts", "p.yaml"]);
      assertEquals([code, out], [1, ""]);
      assertMatch(
        err,
        /^error: src\/launch\/programs\/needs\.ts ended without an answer; /,
      );
    }
  });
});
