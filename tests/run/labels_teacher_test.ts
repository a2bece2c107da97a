import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { join } from "node:path";
import { formatProblem, UserError } from "../../src/base/errors.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { loadModel } from "../../src/model/load_model.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { netsOf, prepareNets } from "../../src/run/prepare_nets.ts";
import { readPlan } from "../../src/run/read_plan.ts";
import { teachersOfRuns } from "../../src/run/teachers.ts";
import { disposeState, initialState, trainStep } from "../../src/train/step.ts";
import { disposeInput, stepInput } from "../../src/train/step_input.ts";
import { initialValues } from "../../src/train/variables.ts";
import { current } from "../support/deaths.ts";
import { inFolder } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

const ROWS = 60;

/** Rows with three labels, and the probabilities of a teacher for each of them. */
const cells = Array.from({ length: ROWS }, (_, row) => {
  const a = Math.sin(row), b = Math.cos(3 * row), p = (row % 9 + 0.5) / 10;
  return {
    ...{ a, b, click: row % 2, kind: "xyz"[row % 3]!, topics: [row % 2, Number(b > 0)] },
    buy: row % 4 > 0 ? Number(a > 0) : undefined,
    clickTeacher: p,
    topicsTeacher: [p, 0.9],
    kindTeacher: [0.5, 0.3, 0.2],
  };
});

const csv = [
  "a,b,click,buy,kind,topics,clickTeacher,topicsTeacher,kindTeacher",
  ...cells.map(({ topics, topicsTeacher, kindTeacher, ...cell }) =>
    [
      ...[cell.a, cell.b, cell.click, cell.buy ?? "", cell.kind, topics.join("|")],
      ...[cell.clickTeacher, topicsTeacher.join("|"), kindTeacher.join("|")],
    ].join()
  ),
].join("\n");

const labels = {
  click: { column: "click", kind: "binary" },
  buy: { column: "buy", kind: "binary", nulls: "mask" },
  kind: { column: "kind", kind: "class" },
  topics: { column: "topics", kind: "multi-label" },
};

function pipeline(folder: string, losses: readonly object[], more: object = {}) {
  const list = (type: string) => ({ separator: "|", type });
  const source = {
    ...{ use: "csv", path: join(folder, "rows.csv"), nullValues: [""] },
    columns: {
      topics: list("int64"),
      ...{ topicsTeacher: list("float64"), kindTeacher: list("float64") },
    },
  };
  return digitsPipeline({
    data: { train: source, test: source, features: ["a", "b"], labels },
    network: { use: "mlp", light: [4] },
    losses,
    train: { epochs: 1, batch: ROWS },
    metrics: [],
    ...more,
  });
}

async function prepared(folder: string, losses: readonly object[]) {
  await Deno.writeTextFile(join(folder, "rows.csv"), csv);
  const plan = await readPlan(pipeline(folder, losses) as unknown as Pipeline);
  const compute = teachersOfRuns(plan, {
    engine: () => openEngine(current()),
    listener: { report: () => {}, debug: false },
    folder: join(folder, "cache"),
  });
  return await prepareData(plan, () => {}, compute);
}

const logit = (p: number) => Math.log(p / (1 - p));

forEachEngine(
  "a column teaches each of several labels, in the form of its kind",
  () =>
    inFolder(async (folder) => {
      const data = await prepared(folder, [
        { use: "mse-hint", label: "click", teacher: { column: "clickTeacher" } },
        { use: "mse-hint", label: "topics", teacher: { column: "topicsTeacher" } },
        { use: "mse-hint", label: "kind", teacher: { column: "kindTeacher" } },
        { use: "mse-hint", label: "buy", teacher: { column: "clickTeacher" } },
      ]);
      const batch = await data.splits.train.slice(0, ROWS);
      const given = Object.values(batch.teachers!);
      const expected = [
        cells.flatMap(({ clickTeacher }) => logit(clickTeacher)),
        cells.flatMap(({ topicsTeacher }) => topicsTeacher.map(logit)),
        cells.flatMap(({ kindTeacher }) => kindTeacher.map(Math.log)),
        cells.flatMap(({ clickTeacher }) => logit(clickTeacher)),
      ];
      assertEquals(given.map(({ shape }) => shape), [[1], [2], [3], [1]]);
      for (const [at, { values }] of given.entries()) {
        values.forEach((value, index) => assertAlmostEquals(value, expected[at]![index]!, 1e-5));
      }
      // The losses compare each teacher with the logits of its label, without masked rows.
      const { model } = prepareNets(data.plan, data, netsOf(data.plan));
      const state = initialState(model, initialValues(model.variables, 1));
      const position = { step: 0, steps: 1, epoch: 0, epochs: 1 };
      const input = stepInput(model, batch, position, 0, 0);
      const { losses, norm, state: next } = trainStep(model, state, input);
      const found = [...await losses.data()].slice(1);
      const logits = tf.tidy(() => {
        const x = tf.tensor2d(cells.map(({ a, b }) => [a, b]));
        const dense = (x: tf.Tensor2D, name: string) =>
          tf.add(
            tf.matMul(x, state.values[`light/${name}/kernel`] as tf.Tensor2D),
            state.values[`light/${name}/bias`]!,
          ) as tf.Tensor2D;
        return dense(tf.relu(dense(x, "dense1")), "head").arraySync();
      });
      const known = cells.map(({ buy }) => buy !== undefined);
      const meanOf = (
        first: number,
        units: number,
        at: number,
        isCounted: (row: number) => boolean,
      ) => {
        const rows = cells.flatMap((_, row) => isCounted(row) ? [row] : []);
        const sums = rows.map((row) =>
          Array.from(
            { length: units },
            (_, unit) => (logits[row]![first + unit]! - expected[at]![row * units + unit]!) ** 2,
          )
            .reduce((sum, value) => sum + value)
        );
        return sums.reduce((sum, value) => sum + value) / rows.length;
      };
      const all = () => true;
      // The logits of the labels are side by side: click, buy, kind, topics.
      assertEquals(found.length, 4);
      for (
        const [at, wanted] of [
          meanOf(0, 1, 0, all),
          meanOf(5, 2, 1, all),
          meanOf(2, 3, 2, all),
          meanOf(1, 1, 3, (row) => known[row]!),
        ].entries()
      ) assertAlmostEquals(found[at]!, wanted, 1e-4 * wanted);
      tf.dispose([losses, norm]);
      disposeInput(input);
      disposeState(state, next);
      disposeState(next);
      await data.close();
    }),
);

forEachEngine(
  "a net with several labels teaches each label of the same name",
  () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, "rows.csv"), csv);
      const each = (on: string) => [
        ...["click", "buy", "topics"].map((label) => ({ use: "binary-cross-entropy", on, label })),
        { use: "cross-entropy", on, label: "kind" },
      ];
      const big = pipeline(folder, [...each("light"), ...each("booster")], {
        network: { use: "mlp", light: [4], booster: [8] },
        metrics: ["log-loss"],
        outputs: ["checkpoint"],
      });
      await withPipeline(big, (file) => runFile(file, join(folder, "big"), current()));
      const teacher = { run: join(folder, "big") };
      const hints = ["topics", "kind", "buy"].map((label) => ({ use: "kl", label, teacher }));
      const data = await prepared(folder, hints);
      const { teachers } = await data.splits.train.slice(0, ROWS);
      await using model = await loadModel(join(folder, "big"), {
        net: "booster",
        engine: current(),
      });
      const predicted = await model.predict(cells.map(({ a, b }) => ({ a, b })));
      for (const [at, label] of ["topics", "kind", "buy"].entries()) {
        const { values } = Object.values(teachers!)[at]!, own = predicted.labels[label]!.logits;
        assertEquals(values.length, own.length);
        own.forEach((logit, index) => assert(Math.abs(logit - values[index]!) < 1e-4, label));
      }
      await data.close();
      await withPipeline(
        pipeline(folder, [...each("light"), ...hints], { metrics: ["log-loss"] }),
        async (file, own) => {
          const { result } = await runFile(file, join(own, "run"), current());
          assertEquals(Object.keys(result.test.light!).length, 4);
        },
      );
      // The labels of the same name must have the same classes.
      const other = await assertRejects(
        () =>
          prepared(folder, [{ use: "kl", label: "click", teacher: { column: "kindTeacher" } }])
            .then((data) => prepareNets(data.plan, data, netsOf(data.plan))),
        UserError,
      );
      assertStringIncludes(
        other.problems.map(formatProblem).join(),
        "for the label click: the column kindTeacher has values of the shape [3]",
      );
    }),
);
