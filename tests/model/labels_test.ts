import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import { loadModel, type Predictions } from "../../model.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { evaluateRun } from "../../src/model/evaluation/evaluate_run.ts";
import { exportModel } from "../../src/model/export_model.ts";
import { openModel } from "../../src/model/load_model.ts";
import { loadOnnxRuntime } from "../../src/run/model/onnx_runtime.ts";
import { ServeHandler } from "../../src/serve/handler.ts";
import { defaultLimits } from "../../src/serve/limits.ts";
import { rocket } from "../support/command_line.ts";
import { digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

/** Rows with a click, a sale that is only known after a click, a kind, and a price. */
const csv = [
  "a,b,click,buy,kind,price",
  ...Array.from({ length: 60 }, (_, row) => {
    const a = Math.sin(row), b = Math.cos(3 * row), click = row % 3 === 0 ? 0 : 1;
    return [a, b, click, click === 0 ? "" : Number(b > 0), "xyz"[row % 3], a + b].join();
  }),
].join("\n");

const source = { use: "csv", path: "rows.csv", nullValues: [""] };

const pipeline = digitsPipeline({
  data: {
    train: source,
    test: source,
    features: "rest",
    labels: {
      click: { column: "click", kind: "binary" },
      buy: { column: "buy", kind: "binary", nulls: "mask" },
      kind: { column: "kind", kind: "class" },
      price: { column: "price", kind: "number" },
    },
  },
  losses: ["light", "booster"].flatMap((on) => [
    { use: "binary-cross-entropy", on, label: "click" },
    { use: "binary-cross-entropy", on, label: "buy" },
    { use: "cross-entropy", on, label: "kind" },
    { use: "mean-squared-error", on, label: "price" },
  ]),
  train: { epochs: 1, batch: 20 },
  metrics: [
    { use: "auc", label: "buy" },
    { use: "accuracy", label: "kind" },
    { use: "root-mean-squared-error", label: "price" },
    "loss",
  ],
  outputs: ["checkpoint"],
});

const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));

function assertLabels({ logits, labels, answers, units }: Predictions): void {
  assertEquals(units, 6);
  assertEquals(Object.keys(labels), ["click", "buy", "kind", "price"]);
  for (const row of [0, 7]) {
    const [click, buy, x, y, z, price] = logits.slice(6 * row, 6 * row + 6) as unknown as number[];
    const { labels: answer, ...rest } = answers[row]!;
    assertEquals(rest, {});
    assertAlmostEquals(answer!.click!.score!, sigmoid(click!), 1e-6);
    assertAlmostEquals(answer!.buy!.score!, sigmoid(buy!), 1e-6);
    const kinds = [x!, y!, z!], at = kinds.indexOf(Math.max(...kinds));
    assertEquals(answer!.kind!.prediction, "xyz"[at]);
    const sum = kinds.reduce((sum, logit) => sum + Math.exp(logit), 0);
    assertAlmostEquals(answer!.kind!.score!, Math.exp(kinds[at]!) / sum, 1e-6);
    assertEquals(answer!.price, { prediction: price! });
    assertEquals(labels.kind!.answer(row), answer!.kind);
  }
}

Deno.test("a net with several labels predicts, evaluates, exports, and serves each of them", async () => {
  await openEngine("wasm");
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    const { result } = await runFile(file, out, "wasm");
    const rows = Array.from({ length: 8 }, (_, row) => ({ a: Math.sin(row), b: Math.cos(row) }));
    let expected!: Float32Array;
    for (const engine of ["wasm", "onnx"] as const) {
      await using model = await loadModel(out, { engine });
      assertEquals([model.kind, model.classes], ["several", []]);
      assertEquals(model.labels.kind!.classes, ["x", "y", "z"]);
      const predictions = await model.predict(rows);
      assertLabels(predictions);
      expected ??= predictions.logits;
      predictions.logits.forEach((logit, at) => assertAlmostEquals(logit, expected[at]!, 1e-5));
    }

    for (const engine of ["wasm", "onnx"] as const) {
      await evaluateRun(out, { engine }, ({ metrics, confusion, reliability, labels }) => {
        assertEquals([confusion, reliability], [undefined, undefined]);
        assertEquals(Object.keys(labels!), ["click", "buy", "kind", "price"]);
        // A row without the label `buy` is in no cell and in no bin.
        const rowsOf = (cells: readonly { rows: number }[] | undefined) =>
          cells?.reduce((sum, { rows }) => sum + rows, 0);
        for (const net of ["light", "booster"] as const) {
          assertEquals(
            ["click", "buy", "kind", "price"].map((name) => [
              rowsOf(labels![name]!.confusion?.[net]),
              rowsOf(labels![name]!.reliability?.[net]),
            ]),
            [[60, 60], [40, 40], [60, undefined], [undefined, undefined]],
          );
          const right = labels!.kind!.confusion![net]!.filter(({ label, predicted }) =>
            label === predicted
          );
          assertAlmostEquals(rowsOf(right)! / 60, metrics[net]!["kind.accuracy"] as number, 1e-9);
        }
        for (const [net, values] of Object.entries(result.test)) {
          assertEquals(Object.keys(metrics[net]!), Object.keys(values));
          for (const [name, value] of Object.entries(values)) {
            assertAlmostEquals(metrics[net]![name] as number, value as number, 1e-5, name);
          }
        }
      });
    }

    const to = join(folder, "onnx");
    await exportModel(out, to, { engine: "wasm" });
    const { InferenceSession } = await loadOnnxRuntime();
    const session = await InferenceSession.create(join(to, "model.onnx"));
    const shapes = session.outputMetadata.map((output) => [
      output.name,
      ...("shape" in output ? output.shape.slice(1) : []),
    ]);
    await session.release();
    assertEquals(shapes, [
      ["logits", 6],
      ...["click", "buy"].flatMap((name) => [[`${name}_logits`, 1], [`${name}_probabilities`, 1]]),
      ["kind_logits", 3],
      ["kind_probabilities", 3],
      ["price_logits", 1],
    ]);
    await using exported = await loadModel(to);
    assertLabels(await exported.predict(rows));

    const { loaded, model } = await openModel(out, { threads: 1 });
    await using _ = loaded;
    const faults: unknown[] = [];
    const served = { name: "labels", loaded, model };
    const handler = new ServeHandler(served, (fault) => faults.push(fault), defaultLimits);
    const input = (name: "a" | "b") => ({
      name,
      datatype: "FP64",
      shape: [8],
      data: rows.map((row) => row[name]),
    });
    const answered = await handler.handle(
      new Request("http://localhost/v2/models/labels/infer", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inputs: [input("a"), input("b")] }),
      }),
    );
    const { outputs, error } = await answered.json();
    assertEquals([error, faults], [undefined, []]);
    const { labels } = await loaded.predict(rows);
    assertEquals(
      outputs.map(({ name, shape }: { name: string; shape: number[] }) => `${name} ${shape}`),
      [
        ...["click", "buy"].flatMap((name) => [
          `${name}_score 8`,
          `${name}_probabilities 8,1`,
          `${name}_logits 8,1`,
        ]),
        ...["kind_prediction 8", "kind_score 8", "kind_probabilities 8,3", "kind_logits 8,3"],
        ...["price_prediction 8", "price_logits 8,1"],
      ],
    );
    const data = (name: string): unknown[] =>
      outputs.find((output: { name: string }) => output.name === name).data;
    assertEquals(data("kind_prediction"), labels.kind!.answers.map((one) => one!.prediction));
    data("buy_score").forEach((score, row) =>
      assertAlmostEquals(score as number, labels.buy!.answer(row)!.score!, 1e-6)
    );
  }, { "rows.csv": csv });
});

Deno.test("predict writes a score for each label, and --errors is refused", async () => {
  await openEngine("wasm");
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    await runFile(file, out, "wasm");
    const [scores, errors, evaluated, json, report] = await Promise.all([
      rocket(["predict", "run", "rows.csv", "--out", "scores.arrow", "--keep", "kind"], {
        cwd: folder,
      }),
      rocket(["evaluate", "run", "--errors", "3", "--out", "errors.csv"], { cwd: folder }),
      rocket(["evaluate", "run"], { cwd: folder }),
      rocket(["evaluate", "run", "--json"], { cwd: folder }),
      rocket(["report", "run", "--out", "report.html"], { cwd: folder }),
    ]);
    for (const head of ["light: click", "booster: buy", "light: kind"]) {
      assert(evaluated.stdout.includes(head), evaluated.stdout + evaluated.stderr);
    }
    const { labels: matrices, confusion } = JSON.parse(json.stdout);
    assertEquals([Object.keys(matrices), confusion], [["click", "buy", "kind"], undefined]);
    assert(
      matrices.kind.confusion.light.every(({ label }: { label: string }) => "xyz".includes(label)),
    );
    assertEquals(report.code, 0, report.stderr);
    const page = await Deno.readTextFile(join(folder, "report.html"));
    for (const title of ["click: calibration", "kind: confusion matrix, light"]) {
      assert(page.includes(title), title);
    }
    assertEquals(scores.code, 0, scores.stderr);
    const table = tableFromIPC(await Deno.readFile(join(folder, "scores.arrow")));
    assertEquals(table.schema.fields.map(({ name }) => name), [
      "kind",
      "click_score",
      "buy_score",
      "kind_prediction",
      "kind_score",
      "price_prediction",
    ]);
    await using model = await loadModel(out);
    assertEquals(table.numRows, 60);
    const { labels } = await model.predict([{ a: Math.sin(0), b: Math.cos(0) }]);
    assertAlmostEquals(table.getChild("buy_score")!.get(0), labels.buy!.answer(0)!.score!, 1e-6);
    assertEquals(errors.code, 2, errors.stderr);
    assert(errors.stderr.includes("--errors needs a single label"), errors.stderr);
  }, { "rows.csv": csv });
});
