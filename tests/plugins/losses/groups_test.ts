import * as tf from "@tensorflow/tfjs";
import { assert, assertEquals } from "@std/assert";
import listnet from "../../../plugins/losses/listnet.ts";
import listnetHint from "../../../plugins/losses/listnet_hint.ts";
import ranknet from "../../../plugins/losses/ranknet.ts";
import ranknetHint from "../../../plugins/losses/ranknet_hint.ts";
import compatible from "../../../plugins/losses/regression_compatible_ranking.ts";
import type { HintLoss, LossStage, TaskLoss } from "../../../plugin.ts";
import { CapturedFunction } from "../../../src/engine/capture/capture.ts";
import { checkStage } from "../../../testing.ts";
import {
  assertNear,
  rankingInputs,
  type RankingReference,
  readRankingReference,
} from "../../reference/fixtures.ts";
import { forEachEngine } from "../../support/engines.ts";
import { binaryLabel, classLabel, numberLabel } from "../../support/labels.ts";
import { lossContext } from "./support.ts";

const stages: readonly LossStage[] = [ranknet, listnet, compatible, ranknetHint, listnetHint];

for (const stage of stages) {
  Deno.test(`${stage.name} fulfills the contract of a loss`, async () => {
    await checkStage(stage, { options: { by: "user" } });
  });
}

interface Tensors {
  readonly from: tf.Tensor;
  readonly to: tf.Tensor;
  readonly label: tf.Tensor;
  readonly groups: tf.Tensor;
}

/** Returns a loss of outputs, labels and groups. */
function lossOf(stage: LossStage, units: number, { options, label }: Case) {
  const spec = label === "number" ? numberLabel : units === 1 ? binaryLabel : classLabel(2);
  const shapes = stage.form === "hint" ? [[units], [units]] : [[units]];
  const made = stage.create(
    stage.options.parse({ by: "user", ...options }),
    lossContext(spec, shapes),
  );
  return ({ from, to, label, groups }: Tensors) => {
    const scope = { label, columns: { user: groups }, read: () => tf.scalar(0) };
    return stage.form === "hint"
      ? (made as HintLoss)(from, to, scope)
      : (made as TaskLoss)(to, label, scope);
  };
}

type Case = Pick<RankingReference, "options" | "label">;

const dtypeOf = (units: number) => units === 1 ? "float32" : "int32";

async function compare(units: number, bound: number, captured: boolean): Promise<Set<string>> {
  const reference = await readRankingReference(), seen = new Set<string>();
  for (const one of reference[`units${units}`]![`range${bound}`]!) {
    const stage = stages.find(({ name }) => name === one.stage)!;
    const { rows, ...values } = rankingInputs(units, bound, one.label);
    const loss = lossOf(stage, units, one);
    const input = {
      from: tf.tensor2d(values.from, [rows, units]),
      to: tf.tensor2d(values.to, [rows, units]),
      label: tf.tensor1d(values.label, dtypeOf(units)),
      groups: tf.tensor1d(values.groups, "int32"),
    };
    const read = stage.form === "hint" ? ["from", "to"] as const : ["to"] as const;
    const run = (tensors: Tensors) => {
      const { value, grads } = tf.engine().gradients(
        () => loss(tensors) as tf.Scalar,
        read.map((name) => tensors[name]),
      );
      return { value, gradients: [...grads] };
    };
    const compute = new CapturedFunction(run, { rows: (input) => Object.values(input) });
    for (let call = 0; captured && call < 2; call++) tf.dispose(compute.call(input));
    const { value, gradients } = captured ? compute.call(input) : run(input);
    const where = `${one.stage} ${JSON.stringify(one.options)} of ${one.label}, ${units} units`;
    assertEquals(value.shape, []);
    assertNear(where, [value.dataSync()[0]!], [one.value], 1e-5);
    const expected = Object.values(one.gradients);
    for (const [index, gradient] of gradients.entries()) {
      const numbers = gradient.dataSync();
      // A softmax that saturates leaves nothing of the teacher's gradient but rounding.
      if (bound > 3 && read[index] === "from") assert(numbers.every(Number.isFinite));
      else assertNear(`${where}: gradient`, numbers, expected[index]!.flat(), 1e-4);
    }
    compute.dispose();
    seen.add(one.stage);
  }
  return seen;
}

forEachEngine(
  "losses by group and their gradients agree with PyTorch, op by op and captured",
  async () => {
    const seen = new Set<string>();
    for (const units of [1, 2]) {
      for (const bound of [3, 60]) {
        for (const captured of [false, true]) {
          for (const name of await compare(units, bound, captured)) seen.add(name);
        }
      }
    }
    assertEquals(seen, new Set(stages.map(({ name }) => name)));
  },
);

forEachEngine("losses by group are 0 if no two rows are of one group", () => {
  const input = {
    from: tf.tensor2d([[1], [2], [-3]]),
    to: tf.tensor2d([[0], [-2], [4]]),
    label: tf.tensor1d([1, 0, 1]),
    groups: tf.tensor1d([2, 0, 1], "int32"),
  };
  for (const stage of stages) {
    const options = stage === compatible ? { alpha: 1 } : {};
    const loss = lossOf(stage, 1, { options, label: "binary" })(input);
    assertEquals(loss.dataSync()[0], 0, stage.name);
  }
});

forEachEngine("a batch of several groups has the mean loss of the groups in listnet", () => {
  const of = (to: number[], label: number[], groups: number[]) =>
    lossOf(listnet, 1, { options: {}, label: "binary" })({
      from: tf.zeros([1, 1]),
      to: tf.tensor2d(to, [to.length, 1]),
      label: tf.tensor1d(label),
      groups: tf.tensor1d(groups, "int32"),
    }).dataSync()[0]!;
  const one = of([1, -1, 2], [1, 0, 0], [0, 0, 0]), other = of([0, 3], [0, 1], [0, 0]);
  const both = of([1, 0, -1, 3, 2, 9], [1, 0, 0, 1, 0, 0], [5, 1, 5, 1, 5, 3]);
  assert(one > 0 && other > 0);
  assertNear("loss", [both], [(one + other) / 2], 1e-6);
});
