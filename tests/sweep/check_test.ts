import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { UserError } from "../../src/base/errors.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { defineSweep } from "../../src/pipeline/sweep_file/define.ts";
import { runSweep } from "../../src/sweep/run_sweep.ts";
import { inFolder } from "../support/command_line.ts";
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

Deno.test("runSweep() keeps finished runs whose seeds drew other rows, and refuses other rows", async () => {
  const { train, ...data } = digitsPipeline().data as Record<string, unknown>;
  const { test: _, ...others } = data;
  const drawn = {
    rows: { ...digitsPipeline().data as object, rows: 100 },
    split: { ...others, all: train, split: { test: 0.5 } },
    "split with a seed": { ...others, all: train, split: { test: 0.5, seed: 7 } },
  };
  for (const [name, data] of Object.entries(drawn)) {
    await inFolder(async (folder) => {
      const base = digitsPipeline({
        data,
        network: { use: "mlp", light: [4], booster: [4] },
        train: { epochs: 1, batch: 256 },
        outputs: ["result"],
      }) as unknown as Pipeline;
      const sweep = { base, seeds: [1, 2], settings: { rocket: {} }, latency: "none" } as const;
      const options = { engine: "wasm", out: join(folder, "out"), quiet: true } as const;
      const first = await runSweep(defineSweep(sweep), options);
      assertEquals(first.failures, []);
      const again = await runSweep(defineSweep(sweep), options);
      assertEquals(again.table.rows, first.table.rows);
      const [one, two] = await Promise.all([1, 2].map(async (seed) => {
        const file = join(folder, "out", "rocket", `seed-${seed}`, "pipeline.json");
        return JSON.parse(await Deno.readTextFile(file)).data;
      }));
      for (const split of ["train", "test"]) {
        const isSame = one[split].fingerprint === two[split].fingerprint;
        // Without a seed of its own, the seed of the run divides the rows.
        if (name !== "rows") {
          assertEquals(isSame, name === "split with a seed", `${name}, ${split}`);
        }
      }
      const kept = join(folder, "out", "rocket", "seed-2", "pipeline.json");
      const run = JSON.parse(await Deno.readTextFile(kept));
      run.data.train.fingerprint = "other rows";
      await Deno.writeTextFile(kept, JSON.stringify(run));
      await assertRejects(
        () => runSweep(defineSweep(sweep), options),
        UserError,
        "the train split has changed since the run began: it has different content",
      );
    });
  }
});
