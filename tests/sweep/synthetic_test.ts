import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { writeSplits } from "../../data/synthetic_clicks.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { allowedCode } from "../../src/pipeline/allowed_code.ts";
import { readSweep, type Sweep } from "../../src/pipeline/sweep_file/read.ts";
import { prepareJobs } from "../../src/run/run.ts";
import { netsOf } from "../../src/run/prepare_nets.ts";
import { planOf } from "../../src/sweep/check.ts";
import { allCode } from "../support/all_code.ts";
import { inFolder, root } from "../support/command_line.ts";

/** The sweeps of docs/results.md on synthetic clicks. */
const folder = join(root, "pipelines", "synthetic");
const sweeps = [...Deno.readDirSync(folder)].map(({ name }) => name)
  .filter((name) => name.endsWith(".yaml") && name !== "clicks.yaml");

/** Passes a test the sweep with 1,000 synthetic clicks in place of a million. */
async function withClicks(file: string, test: (sweep: Sweep) => Promise<void>): Promise<void> {
  await inFolder(async (data) => {
    writeSplits(data, { rows: 1000, seed: 1, depth: 2, strength: 1 });
    const set = ["train", "validation", "test"]
      .map((split) => `data.${split}.path=${join(data, `${split}.arrow`)}`);
    const sweep = await readSweep(join(folder, file), { allowed: allCode, set });
    await test(sweep);
  });
}

for (const file of sweeps) {
  Deno.test(`pipelines/synthetic/${file}: data and nets of all settings are valid`, async () => {
    await openEngine("wasm");
    await withClicks(file, async ({ settings, runs }) => {
      // The points of the grid over data sets differ only in the paths, which are the same here.
      const keys = settings.map(({ key }) => key).filter((key) =>
        !/data=(?!large|depth-1-strength-1)/.test(key)
      );
      assert(keys.length > 1);
      for (const key of keys) {
        const plan = await planOf(
          runs.find(({ setting }) => setting === key)!,
          await allowedCode(folder),
        );
        const data = await prepareData(plan);
        try {
          const { rocket } = await prepareJobs(plan, data);
          const isAlone = /^(alone|booster-alone)/.test(key);
          assertEquals(netsOf(plan), isAlone ? ["light"] : ["light", "booster"], key);
          assertEquals(rocket.phases.length, key.startsWith("distillation") ? 2 : 1, key);
        } finally {
          await data.close();
        }
      }
    });
  });
}

Deno.test("no pipeline of synthetic clicks lets the light net read the truth, labels, or privileged columns", async () => {
  const known = /probability|buy|dwell|click|position|affinity|day|request/;
  for (const file of sweeps) {
    await withClicks(file, async ({ runs }) => {
      for (const { document } of runs) {
        const { data, network } = document().value as {
          data: { features: Record<string, unknown> };
          network: { features?: { light?: string[] } };
        };
        const read = network.features?.light ?? Object.keys(data.features);
        assertEquals(read.filter((name) => known.test(name)), [], file);
      }
      await Promise.resolve();
    });
  }
});
