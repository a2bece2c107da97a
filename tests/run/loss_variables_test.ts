import { assert, assertEquals } from "@std/assert";
import { readPlan } from "../../src/run/read_plan.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { stepInput } from "../../src/train/step_input.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { parametersOf } from "../../src/run/run.ts";
import { disposeState, initialState, trainStep } from "../../src/train/step.ts";
import { initialValues } from "../../src/train/variables.ts";
import { forEachEngine } from "../support/engines.ts";
import { digitsPipeline } from "../support/pipelines.ts";

const from = "booster.hidden1", to = "light.hidden1";
const labels = [{ use: "cross-entropy", on: "light" }, { use: "cross-entropy", on: "booster" }];

/**
 * The nets of a pipeline with a hint, how their variables move in a step, and the losses of that
 * step.
 */
async function tryStep(hint: Record<string, unknown>, network: Record<string, unknown> = {}) {
  const plan = await readPlan(digitsPipeline({
    network: { use: "mlp", shared: [16], light: [8, 8], booster: [32, 24], ...network },
    losses: [...labels, hint],
  }) as unknown as Pipeline);
  const data = await prepareData(plan);
  const nets = prepareNets(plan, data, netsOf(plan));
  const alone = prepareNets(plan, data, ["light"]);
  const { variables } = nets.model;
  const state = initialState(nets.model, initialValues(variables, plan.seed));
  const batch = await data.splits.train.slice(0, 16);
  const position = { step: 0, steps: 1, epoch: 0, epochs: 1 };
  const after = trainStep(nets.model, state, stepInput(nets.model, batch, position, 0.1, 0));
  const moved = variables.filter(({ name }) => after.state.values[name] !== state.values[name])
    .map(({ name }) => name);
  const losses = [...after.losses.dataSync()];
  disposeState(state, after.state);
  disposeState(after.state);
  after.losses.dispose();
  await data.close();
  return { nets, alone, moved, losses };
}

const own = (names: readonly string[]) => names.filter((name) => name.startsWith("losses/"));

forEachEngine("a loss's variables are trained and belong to neither net", async () => {
  const plain = await tryStep({ use: "mse-hint" });
  const { nets, alone, moved } = await tryStep({ use: "fitnet", from, to, name: "hidden" });
  assertEquals(own(moved), [
    "losses/hidden/regressor/kernel",
    "losses/hidden/regressor/bias",
  ]);
  assertEquals(parametersOf(nets), parametersOf(plain.nets));
  assertEquals(alone.model.variables.filter(({ owner }) => owner === "loss"), []);
});

forEachEngine("a loss's variables are trained even if the student is blocked", async () => {
  const gradient = { use: "scale", from: 0, to: 0, shared: 0 };
  const { moved } = await tryStep({ use: "fitnet", from, to, gradient });
  assertEquals(own(moved).length, 2);
});

forEachEngine(
  "a hint over lists is the sum of its pairs, each with its own variables",
  async () => {
    const pairs = [[from, to], ["booster.hidden2", "light.hidden2"]] as const;
    const each = [];
    for (const [from, to] of pairs) {
      each.push(await tryStep({ use: "similarity-preserving", from, to }));
    }
    const both = await tryStep({
      use: "similarity-preserving",
      from: pairs.map(([from]) => from),
      to: pairs.map(([, to]) => to),
    });
    const sum = each.reduce((sum, { losses }) => sum + losses[3]!, 0);
    assert(Math.abs(both.losses[3]! - sum) < 1e-5 * sum, `${both.losses[3]} and ${sum}`);
    const { moved } = await tryStep({
      use: "fitnet",
      name: "two",
      from: pairs.map(([from]) => from),
      to: pairs.map(([, to]) => to),
    });
    assertEquals(
      own(moved),
      ["1/regressor/kernel", "1/regressor/bias", "2/regressor/kernel", "2/regressor/bias"].map((
        name,
      ) => `losses/two/${name}`),
    );
  },
);

forEachEngine("a reversed pass has a loss created for the reversed order", async () => {
  const { nets, moved } = await tryStep({
    use: "fitnet",
    name: "both",
    from,
    to,
    gradient: "mutual",
  });
  const shapes = nets.model.variables.filter(({ owner }) => owner === "loss")
    .map(({ name, shape }) => [name, [...shape]]);
  assertEquals(shapes, [
    ["losses/both/regressor/kernel", [8, 32]],
    ["losses/both/regressor/bias", [32]],
    ["losses/both/reversed/regressor/kernel", [32, 8]],
    ["losses/both/reversed/regressor/bias", [8]],
  ]);
  assertEquals(own(moved).length, 4);
});
