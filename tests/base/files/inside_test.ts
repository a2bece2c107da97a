import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "node:path";
import { pathInside, refuseLinksOut } from "../../../src/base/files/inside.ts";
import { inFolder, rocket } from "../../support/command_line.ts";
import { digitsPipeline, withPipeline } from "../../support/pipelines.ts";

Deno.test("pathInside() rejects .., absolute paths, and links that lead out, even broken ones", async () => {
  await inFolder(async (folder) => {
    const run = join(folder, "run");
    await Deno.mkdir(join(run, "checkpoints"), { recursive: true });
    await Deno.mkdir(join(folder, "run-2"));
    await Deno.symlink(folder, join(run, "out"));
    await Deno.symlink(join(folder, "absent"), join(run, "dangling"));
    await Deno.symlink("checkpoints", join(run, "within"));
    for (const name of ["a", "checkpoints/a", "within/a", "x/../a", "..a", "new/folder/a"]) {
      assertEquals(pathInside(run, name), join(run, name));
    }
    const out = ["../a", "../run-2/a", "x/../../a", join(folder, "a"), "out/a", "dangling", "out"];
    for (const name of out) {
      assertThrows(() => pathInside(run, name), Error, "leads out of", name);
    }
  });
});

Deno.test("refuseLinksOut() accepts a folder that is itself a link, and links within the folder", async () => {
  await inFolder(async (folder) => {
    const run = join(folder, "run");
    await Deno.mkdir(join(run, "a", "b"), { recursive: true });
    await Deno.symlink(run, join(folder, "link"));
    await Deno.symlink("a", join(run, "within"));
    await refuseLinksOut(join(folder, "link"));
    await Deno.symlink("../../../x", join(run, "a", "b", "deep"));
    await assertRejects(() => refuseLinksOut(join(folder, "link")), Error, "leads out of");
  });
});

for (const name of ["checkpoints", "metrics.jsonl", "result.json", "pipeline.json"]) {
  Deno.test(`pipeline FILE rejects a run folder whose ${name} is a link out of it`, async () => {
    await withPipeline(
      digitsPipeline({ outputs: ["checkpoint"] }),
      async (file, folder) => {
        const out = join(folder, "run"), elsewhere = join(folder, "elsewhere");
        await Deno.mkdir(out);
        await Deno.mkdir(elsewhere);
        await Deno.symlink(elsewhere, join(out, name));
        const { code, stderr } = await rocket([file, "--engine", "wasm", "--out", out]);
        assertEquals(code, 2);
        assertStringIncludes(stderr, "error: ");
        assertEquals([...Deno.readDirSync(elsewhere)], []);
      },
    );
  });
}
