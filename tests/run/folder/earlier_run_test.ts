import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../../src/base/errors.ts";
import { readEarlierRun } from "../../../src/run/folder/manifest.ts";
import { inFolder } from "../../support/command_line.ts";

const run = {
  pipeline: { name: "digits" },
  variables: { DATA: "1a2b" },
  seed: 1,
  engine: "wasm",
  precision: "float32",
  versions: { rocket: "0.1.0" },
  data: { train: { rows: 3, fingerprint: "1a2b" } },
  initial: {},
};

Deno.test("readEarlierRun() refuses a file without a field, or with one of another type", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "pipeline.json");
    await Deno.writeTextFile(path, JSON.stringify(run));
    assertEquals<unknown>(await readEarlierRun(folder), run);
    for (const key of Object.keys(run)) {
      for (const value of [undefined, null, true, { a: 5 }]) {
        // These are valid, or the value is checked where it is used.
        if ((key === "pipeline" || key === "initial") && value instanceof Object) continue;
        await Deno.writeTextFile(path, JSON.stringify({ ...run, [key]: value }));
        await assertRejects(
          () => readEarlierRun(folder),
          UserError,
          "pipeline.json is damaged: it does not have the content that a run writes to this file",
        );
      }
    }
  });
});
