import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { allowedCode } from "../../src/pipeline/allowed_code.ts";
import { checkSweep } from "../../src/sweep/check.ts";
import { readSweep } from "../../src/pipeline/sweep_file/read.ts";
import { digitsPipeline } from "../support/pipelines.ts";
import { withFiles } from "../support/problems.ts";

Deno.test("checkSweep() reports each warning once, with the settings that have it", async () => {
  const sweep = {
    base: "base.yaml",
    seeds: [1, 2],
    settings: {
      usual: {},
      told: { "data.features.told": { column: "digit" } },
      large: { "data.transforms.0.by": 20 },
    },
  };
  const files = { "base.yaml": stringify(digitsPipeline()), "sweep.yaml": stringify(sweep) };
  await withFiles(files, async (folder) => {
    const lines: string[] = [];
    const allowed = await allowedCode(folder, []);
    const read = await readSweep(join(folder, "sweep.yaml"), { set: [], allowed });
    const options = {
      engine: "wasm",
      allowed,
      out: join(folder, "out"),
      precision: undefined,
    } as const;
    await checkSweep(read, options, (line) => void lines.push(line));
    const warnings = lines.filter((line) => line.startsWith("warning: "));
    assertEquals(warnings.length, 3);
    assertMatch(warnings[0]!, /^warning: the feature told is .*\(setting told\)$/);
    assertMatch(lines[lines.indexOf(warnings[0]!) + 1]!, /^ --> /);
    assertMatch(
      warnings[1]!,
      /^warning: the loss cross-entropy\(light\) .*\(setting large\)$/,
    );
    assertMatch(warnings[2]!, /^warning: the loss cross-entropy\(booster\) /);
  });
});
