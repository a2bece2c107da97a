import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { basename, join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { loadModel } from "../../model.ts";
import { UserError } from "../../mod.ts";
import { openEngine } from "../../src/engine/engine.ts";
import {
  type EvaluateOptions,
  evaluateRun,
  type Evaluation,
} from "../../src/model/evaluation/evaluate_run.ts";
import { openRows, refuseInput } from "../../src/model/input_rows.ts";
import { wrongRowBatches } from "../../src/model/evaluation/wrong_columns.ts";
import type { Result } from "../../src/stages/events.ts";
import { inFolder } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { type Rows, train, writeDay, writeRows } from "../support/hand_over.ts";
import { runFile } from "../support/pipelines.ts";
import { clicks, someRows } from "../support/trained.ts";

const metrics = [
  ...["auc", "log-loss", "calibration", "loss", "agreement"],
  { use: "gauc", by: "city" },
  { use: "recall-at-k", by: "city", k: 2 },
];

const evaluation = (out: string, options: EvaluateOptions) =>
  evaluateRun(out, options, (evaluation) => evaluation);

/** Trains on some rows, tests on others, and removes the training rows. */
async function tested(
  folder: string,
  others: Rows,
  parts: Record<string, unknown>,
  rows: Rows = someRows(1, 64),
): Promise<{ out: string; result: Result }> {
  await writeRows(join(folder, "other.csv"), others);
  const file = await writeDay(folder, "day", rows, parts);
  const { out, result } = await train(file);
  await Deno.remove(join(folder, "day.csv"));
  return { out, result };
}

/** A column of weights, and nulls in a column whose rows are then left out. */
const weighted = (seed: number, count: number): Rows => ({
  ...someRows(seed, count),
  w: Array.from({ length: count }, (_, row) => row % 3),
  day: Array.from({ length: count }, (_, row) => row % 11 === 5 ? null : row % 8),
});

const dropping = {
  ...clicks,
  data: {
    ...clicks.data as object,
    nulls: "drop",
    weight: "w",
    group: { column: "city", large: "split" },
  },
  metrics,
};

forEachEngine(
  "evaluate gives exactly the run's own metrics, with the engine of the run",
  () =>
    inFolder(async (folder) => {
      const engine = tf.getBackend() === "wasm" ? "wasm" : "native";
      const { out, result } = await tested(folder, weighted(2, 600), {
        ...dropping,
        train: { epochs: 3, batch: 16, evaluateEvery: 1 },
        losses: [
          { use: "binary-cross-entropy", on: "light" },
          { use: "binary-cross-entropy", on: "booster" },
          { use: "fitnet", from: "booster.logits", to: "light.logits", weight: 0.01 },
          { use: "listnet-hint", by: "city", weight: 0.01 },
        ],
      }, weighted(1, 64));
      const last = await evaluation(out, { engine, checkpoint: "last" });
      assertEquals(last.metrics, result.test);
      assertEquals(last.at.epoch, 3);
      const best = await evaluation(out, { engine });
      assertEquals(best.metrics, result.best.test);
      assertEquals([best.rows, best.isChanged], [600 - Math.floor((600 + 5) / 11), false]);

      // Rows that are read twice, as they do not fit.
      const reports: string[] = [];
      const streamed = await evaluation(out, {
        ...{ engine, memory: 4096 },
        report: (line) => reports.push(line),
      });
      assertEquals(streamed.metrics, best.metrics);
      assert(reports.some((line) => line.includes("do not fit")), reports.join("\n"));

      // ONNX Runtime counts the same rows and groups.
      const onnx = await evaluation(out, {});
      assertEquals(onnx.engine, "ONNX Runtime");
      for (const [net, values] of Object.entries(best.metrics)) {
        for (const [name, value] of Object.entries(values)) {
          const other = onnx.metrics[net]![name];
          if (/users|rows/.test(name)) assertEquals(other, value, name);
          else assertAlmostEquals(Number(other), Number(value), 1e-5, name);
        }
      }
      // Rows are counted in the source, also after rows that are left out.
      const others = weighted(2, 600);
      const { wrong, groups } = await evaluation(out, { errors: 40, by: "city" });
      assert(wrong.length >= 40 && wrong.some(({ row }) => row > 500), `${wrong.length}`);
      for (const { row, label } of wrong) {
        assertEquals([others.y![row], others.day![row] === null], [label, false]);
      }
      for (const { value, rows } of groups!) {
        const own = others.city!.filter((city, row) => city === value && others.day![row] !== null);
        assertEquals(rows, own.length);
      }
      const { light, booster } = (await evaluation(out, { engine, net: "light" })).metrics;
      assertEquals(booster, undefined);
      assertEquals(light, best.metrics.light);
      await Deno.writeTextFile(
        join(folder, "other.csv"),
        (await Deno.readTextFile(join(folder, "other.csv"))).replace(/[^\n]*\n$/, ""),
      );
      assert((await evaluation(out, {})).isChanged);
    }),
);

Deno.test("evaluate computes no losses of inner layers with ONNX Runtime, and says so", () =>
  inFolder(async (folder) => {
    await openEngine("wasm");
    const pipeline = {
      name: "inner",
      data: {
        train: { use: "csv", path: "day.csv" },
        test: { use: "csv", path: "day.csv" },
        features: { day: {}, time: {} },
        label: { column: "y", kind: "binary" },
        transforms: [{ use: "normalize", feature: ["day", "time"] }],
      },
      network: { use: "mlp", light: [4], booster: [4] },
      losses: [
        { use: "binary-cross-entropy", on: "light" },
        { use: "binary-cross-entropy", on: "booster" },
        { use: "mse-hint", from: "booster.hidden1", to: "light.hidden1" },
      ],
      optimizer: { use: "sgd", learningRate: 0.1 },
      train: { epochs: 1, batch: 32 },
      metrics: ["accuracy", "loss"],
      outputs: ["checkpoint"],
    };
    await writeRows(join(folder, "day.csv"), someRows(1, 64));
    await Deno.writeTextFile(join(folder, "day.json"), JSON.stringify(pipeline));
    const out = join(folder, "run");
    const { result } = await runFile(join(folder, "day.json"), out, "wasm");
    const { metrics } = await evaluation(out, {});
    assertEquals(metrics.light, result.best.test.light);
    assertEquals(metrics.run, { loss: { undefined: "--engine native computes it" } });
  }));

Deno.test("evaluate ranks numbers by their distance from the label", () =>
  inFolder(async (folder) => {
    await openEngine("wasm");
    const { out, result } = await tested(folder, someRows(2, 50), {
      ...clicks,
      data: {
        ...clicks.data as object,
        label: { column: "day", kind: "number" },
        features: { city: { ids: "train" }, price: { nulls: "mean" } },
        transforms: [{ use: "normalize", feature: ["price"] }],
      },
      losses: [
        { use: "mean-squared-error", on: "light" },
        { use: "mean-squared-error", on: "booster" },
      ],
      metrics: ["mean-absolute-error"],
    });
    const { metrics, confusion, wrong } = await evaluation(out, { errors: 50 });
    assertEquals(confusion, undefined);
    const mean = wrong.reduce((sum, { scores }) => sum + scores.light!.loss, 0) / 50;
    assertAlmostEquals(mean, Number(result.best.test.light!["mean-absolute-error"]), 1e-5);
    assertAlmostEquals(Number(metrics.light!["mean-absolute-error"]), mean, 1e-9);
    const losses = wrong.map(({ scores }) => scores.light!.loss);
    assertEquals(losses, losses.toSorted((a, b) => b - a));
    const days = someRows(2, 50).day!;
    for (const { row, label } of wrong) assertEquals(label, days[row]);
  }));

Deno.test("evaluate counts confusions, measures groups, and finds the rows that are most wrong", () =>
  inFolder(async (folder) => {
    await openEngine("wasm");
    const { out } = await tested(folder, someRows(2, 300), {
      ...clicks,
      data: {
        ...clicks.data as object,
        label: "item",
        features: { city: { ids: "train" }, shelf: { ids: "train" }, price: { nulls: "mean" } },
        transforms: [{ use: "normalize", feature: ["price"] }],
      },
      losses: [
        { use: "cross-entropy", on: "light" },
        { use: "cross-entropy", on: "booster" },
      ],
      metrics: ["accuracy", "loss"],
    });
    const input = join(folder, "other.csv");
    const [found, wrong] = await evaluateRun(
      out,
      { input, by: "city", errors: 7 },
      async (evaluation): Promise<[Evaluation, Record<string, unknown>[]]> => {
        const { schema, batches } = await wrongRowBatches(evaluation, () => true);
        assertEquals(schema.fields.slice(0, 2).map(({ name }) => name), ["city", "item"]);
        return [evaluation, batches.map((batch) => batch.get(0)!.toJSON())];
      },
    );

    // What the nets say of single rows, from another way to ask them.
    const lines = (await Deno.readTextFile(input)).trim().split("\n").map((line) =>
      line.split(",")
    );
    const [head, ...cells] = lines as [string[], ...string[][]];
    const rows = cells.map((values) => {
      const row = Object.fromEntries(head.map((name, at) => [name, values[at]!]));
      return { ...row, item: row.item!, city: row.city! };
    });
    const asked = rows.map((row: Record<string, string>) => ({
      city: row.city,
      shelf: BigInt(row.shelf!),
      price: row.price === "" ? null : Number(row.price),
    }));
    const said: Record<string, { item: string; score: number; loss: number }[]> = {};
    for (const net of ["light", "booster"] as const) {
      await using model = await loadModel(out, { net });
      const predictions = await model.predict(asked);
      assertEquals(model.classes, found.label.classes);
      said[net] = predictions.answers.map((answer, row) => {
        const label = model.classes.indexOf(rows[row]!.item);
        const probability = predictions.probabilities![row * 4 + label]!;
        return {
          item: String(answer!.prediction),
          score: answer!.score!,
          loss: -Math.log(probability),
        };
      });
      const cells = found.confusion![net]!;
      assertEquals(cells.reduce((sum, { rows }) => sum + rows, 0), 300);
      for (const { label, predicted, rows: counted } of cells) {
        const expected = rows.filter(({ item }, row) =>
          item === model.classes[label] && said[net]![row]!.item === model.classes[predicted]
        );
        assertEquals(counted, expected.length);
      }
    }

    assertEquals(found.groups!.map(({ value }) => value).sort(), ["Bonn", "Oslo", "Rome"]);
    for (const { value, rows: counted, metrics } of found.groups!) {
      const own = rows.keys().filter((row) => rows[row]!.city === value).toArray();
      assertEquals(counted, own.length);
      const right = own.filter((row) => said.light![row]!.item === rows[row]!.item);
      assertEquals(metrics["light/accuracy"], right.length / own.length);
      assertEquals(metrics.loss, { undefined: "not known by group" });
    }

    const byLoss = rows.keys().toArray()
      .sort((a, b) => said.light![b]!.loss - said.light![a]!.loss);
    const boosters = byLoss.filter((row) =>
      said.booster![row]!.item === rows[row]!.item && said.light![row]!.item !== rows[row]!.item
    );
    const expected = new Set([...byLoss.slice(0, 7), ...boosters.slice(0, 7)]);
    assertEquals(new Set(found.wrong.map(({ row }) => row)), expected);
    for (const row of wrong) {
      const at = Number(row.row), { light, booster } = said;
      assertEquals(row.expected, rows[at]!.item);
      assertEquals(row.item, rows[at]!.item);
      assertEquals([row.light_prediction, row.booster_prediction], [
        light![at]!.item,
        booster![at]!.item,
      ]);
      assertAlmostEquals(Number(row.light_score), light![at]!.score, 1e-5);
      assertAlmostEquals(Number(row.light_loss), light![at]!.loss, 1e-4);
      assertAlmostEquals(Number(row.booster_loss), booster![at]!.loss, 1e-4);
      const isWorst = byLoss.slice(0, 7).includes(at), isOnly = boosters.slice(0, 7).includes(at);
      assertEquals(
        row.why,
        [
          ...(isWorst ? ["most wrong"] : []),
          ...(isOnly ? ["only the booster is right"] : []),
        ].join("; "),
      );
    }
    await assertRejects(
      () => evaluation(out, { input: join(folder, "none.csv") }),
      UserError,
      "none.csv",
    );
  }));

Deno.test("refuseInput() refuses every file that a source reads, however it is named", async () => {
  await inFolder(async (folder) => {
    const fixtures = join(import.meta.dirname!, "..", "fixtures", "interop");
    const files = ["polars.arrow", "duckdb.parquet", "polars.csv"];
    for (const name of files) await Deno.copyFile(join(fixtures, name), join(folder, name));
    const [arrow, parquet, csv] = files.map((name) => join(folder, name));
    const entries = {
      "csv.yaml": "use: csv\npath: polars.csv",
      "sql.yaml": "use: sql\ntables: { rows: polars.csv }\nquery: SELECT * FROM rows",
    };
    for (const [name, text] of Object.entries(entries)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    for (
      const [input, file] of [
        [arrow!, arrow!],
        [join(folder, "*.parquet"), parquet!],
        [csv!, join(folder, "..", basename(folder), "polars.csv")],
        [join(folder, "csv.yaml"), csv!],
        [join(folder, "sql.yaml"), csv!],
      ] as const
    ) {
      const { data, close } = await openRows(input, { features: [] }, undefined);
      const error = assertThrows(() => refuseInput(file, data), UserError);
      assertEquals(
        error.message,
        `${file} is also the input file, and the results would replace it`,
      );
      refuseInput(join(folder, "scores.csv"), data);
      await close();
    }
  });
});
