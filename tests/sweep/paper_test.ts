import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { allowedCode } from "../../src/pipeline/allowed_code.ts";
import type { Plan } from "../../src/pipeline/plan.ts";
import { planOf } from "../../src/sweep/check.ts";
import { readSweep, type Sweep } from "../../src/pipeline/sweep_file/read.ts";
import { stepInput } from "../../src/train/step_input.ts";
import { prepareData, type PreparedData } from "../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { prepareJobs } from "../../src/run/run.ts";
import { disposeState, initialState, trainStep } from "../../src/train/step.ts";
import { initialValues } from "../../src/train/variables.ts";
import { inFolder, root } from "../support/command_line.ts";
import { withFiles } from "../support/problems.ts";
import { makeRandomMovieLens, randomImages } from "../support/random_data_sets.ts";
import { allCode } from "../support/all_code.ts";

const folder = join(root, "pipelines", "paper");
const files = [...Deno.readDirSync(folder)].map(({ name }) => name)
  .filter((name) => name.endsWith(".yaml"));
const images = files.filter((file) => file !== "ads.yaml");

/** Passes a test the sweep with random images instead of its data. */
async function withSweep(
  file: string,
  test: (sweep: Sweep) => Promise<void> | void,
): Promise<void> {
  if (file === "ads.yaml") return await withClicks(test);
  const images = randomImages(file.startsWith("fashion-mnist") ? 28 * 28 : 32 * 32 * 3);
  await withFiles({ "noise.arrow": images }, async (data) => {
    const path = join(data, "noise.arrow");
    const paths = ["train", "test"].map((split) => `data.${split}.path=${path}`);
    const set = [...paths, "data.rows=20", "train.batch=4"];
    await test(await readSweep(join(folder, file), { allowed: allCode, set }));
  });
}

/** Passes a test the sweep of the ads with 200 random clicks in the layout of MovieLens. */
async function withClicks(test: (sweep: Sweep) => Promise<void> | void): Promise<void> {
  await inFolder(async (data) => {
    await makeRandomMovieLens(data);
    const paths = ["train", "validation", "test"]
      .map((split) => `data.${split}.path=${join(data, `${split}.arrow`)}`);
    const set = [...paths, "train.batch=4"];
    await test(await readSweep(join(folder, "ads.yaml"), { allowed: allCode, set }));
  });
}

async function withPlan(
  sweep: Sweep,
  setting: string,
  test: (plan: Plan, data: PreparedData) => Promise<void> | void,
): Promise<void> {
  const run = sweep.runs.find((run) => run.setting === setting)!;
  const plan = await planOf(run, await allowedCode(folder));
  const data = await prepareData(plan);
  try {
    await test(plan, data);
  } finally {
    await data.close();
  }
}

for (const file of files) {
  Deno.test(`pipelines/paper/${file}: data and nets of all settings are valid, with random rows`, async () => {
    await openEngine("wasm");
    await withSweep(file, async (sweep) => {
      for (const { key } of sweep.settings) {
        await withPlan(sweep, key, async (plan, data) => {
          const { rocket } = await prepareJobs(plan, data);
          const isAlone = /^(basic|alone|base$|booster-alone)/.test(key);
          assertEquals(netsOf(plan), isAlone ? ["light"] : ["light", "booster"], key);
          assertEquals(rocket.phases.length, /^(distil|attention|no-joint)/.test(key) ? 2 : 1, key);
        });
      }
    });
  });
}

Deno.test("pipelines/paper uses the settings of the paper's authors", async () => {
  const epochs: Record<string, number> = {};
  for (const file of images.filter((file) => !file.startsWith("fashion-mnist"))) {
    await withSweep(file, (sweep) => {
      for (const run of sweep.runs) {
        const { value } = run.document() as { value: Record<string, never> };
        const { network, optimizer, train, data } = value as unknown as {
          network: {
            sharing: string;
            light?: { width?: number };
            booster: { width?: number; dropout?: number };
          };
          optimizer: { use: string; learningRate: number; momentum: number; weightDecay: number };
          train: { epochs: number };
          data: { label: { classes: number } };
        };
        epochs[file] = train.epochs;
        const { use, learningRate, momentum, weightDecay } = optimizer;
        const isSvhn = file === "svhn.yaml";
        assertEquals(
          [use, learningRate, momentum, weightDecay, network.booster.dropout],
          isSvhn ? ["adam", 0.001, undefined, undefined, 0.2] : ["sgd", 0.1, 0.9, 5e-4, undefined],
        );
        if (network.light) {
          assertEquals(network.light.width ?? 1, network.booster.width ?? 1);
        }
        // The weight of KL at T = 4 is 2α / classes, beside the authors' γ and in their KD.
        if (/distillation/.test(run.setting)) {
          const text = JSON.stringify(value), { classes } = data.label;
          const [, weight] = /"use":"kl"[^}]*"weight":([\d.]+)/.exec(text)!;
          assertAlmostEquals(Number(weight), 1.8 / classes, 1e-12);
        }
      }
    });
  }
  const shorter = Object.entries(epochs).filter(([, count]) => count !== 200);
  assertEquals(Object.fromEntries(shorter), {
    "cifar10-short.yaml": 12,
    "cifar10-short-methods.yaml": 12,
    "svhn.yaml": 80,
  });
});

Deno.test("pipelines/paper/ads.yaml has the layers of the paper's nets for ads", async () => {
  await withSweep("ads.yaml", async (sweep) => {
    const widths: Record<string, number[]> = {};
    for (const setting of ["rocket", "booster-alone"]) {
      await withPlan(sweep, setting, (plan, data) => {
        const { model } = prepareNets(plan, data, netsOf(plan), plan.phases[0]!);
        for (const net of netsOf(plan)) {
          const shapes = model.variables
            .filter(({ name }) => new RegExp(`^${net}/.*(kernel|weights?)$`).test(name))
            .map(({ shape }) => shape);
          widths[`${setting}: ${net}`] = [shapes[0]![0]!, ...shapes.map((shape) => shape[1]!)];
        }
      });
    }
    const booster = [576, 720, 360, 240, 180, 90, 2];
    assertEquals(widths, {
      "rocket: light": [576, 200, 80, 2],
      "rocket: booster": booster,
      "booster-alone: light": booster,
    });
  });
});

for (
  const [file, setting] of [
    ["table-4-cifar100.yaml", "rocket-distillation"],
    ["table-2-bottom.yaml", "no-joint-training"],
    ["svhn.yaml", "rocket"],
    ["ads.yaml", "rocket"],
    ["fashion-mnist-methods.yaml", "attention-transfer"],
  ] as const
) {
  Deno.test(`pipelines/paper/${file} trains a step of each phase of ${setting}`, async () => {
    await openEngine("wasm");
    await withSweep(file, (sweep) =>
      withPlan(sweep, setting, async (plan, data) => {
        const rows = await data.splits.train.slice(0, 4);
        const batch = data.transforms.apply(rows, { seed: 1, epoch: 0, batch: 0, training: true });
        for (const phase of plan.phases) {
          const { model } = prepareNets(plan, data, netsOf(plan), phase);
          const state = initialState(model, initialValues(model.variables, plan.seed));
          const position = { step: 0, steps: 1, epoch: 0, epochs: 1 };
          const after = trainStep(model, state, stepInput(model, batch, position, 0.1, 0));
          assert(after.losses.dataSync().every(Number.isFinite));
          disposeState(state, after.state);
          disposeState(after.state);
        }
      }));
  });
}
