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

const NAMES = ["art", "news", "tech"];

/** Rows with tags, as names and as one 0 or 1 for each, and a click. */
const csv = [
  "a,b,tags,flags,click",
  ...Array.from({ length: 60 }, (_, row) => {
    const a = Math.sin(row), b = Math.cos(3 * row), flags = [a > 0, b > 0, a > b].map(Number);
    return [a, b, NAMES.filter((_, id) => flags[id]).join("|"), flags.join("|"), row % 2].join();
  }),
].join("\n");

const source = {
  ...{ use: "csv", path: "rows.csv" },
  columns: {
    tags: { separator: "|", type: "string" },
    flags: { separator: "|", type: "int64" },
  },
};

const tags = { column: "tags", kind: "multi-label", nulls: { fill: [] } };

const pipeline = digitsPipeline({
  data: { train: source, test: source, features: ["a", "b"], label: tags },
  losses: [
    { use: "binary-cross-entropy", on: "light" },
    { use: "binary-cross-entropy", on: "booster" },
    { use: "kl", weight: 0.1 },
  ],
  train: { epochs: 1, batch: 20 },
  metrics: ["auc", "pr-auc", "accuracy", "f1", "log-loss", "loss"],
  outputs: ["checkpoint"],
});

const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));

const rows = Array.from({ length: 8 }, (_, row) => ({ a: Math.sin(row), b: Math.cos(row) }));

function assertTags({ logits, probabilities, answers, units }: Predictions): void {
  assertEquals(units, 3);
  for (const row of [0, 7]) {
    const own = [...logits.slice(3 * row, 3 * row + 3)], answer = answers[row]!;
    assertEquals(Object.keys(answer), ["classes", "probabilities"]);
    assertEquals(Object.keys(answer.probabilities!), NAMES);
    assertEquals(answer.classes, NAMES.filter((_, id) => own[id]! > 0));
    own.forEach((logit, id) => {
      assertAlmostEquals(answer.probabilities![NAMES[id]!]!, sigmoid(logit), 1e-6);
      assertAlmostEquals(probabilities![3 * row + id]!, sigmoid(logit), 1e-6);
    });
  }
}

Deno.test("a net with a multi-label label predicts, evaluates, exports, and serves it", async () => {
  await openEngine("wasm");
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    const { result } = await runFile(file, out, "wasm");
    let expected!: Float32Array;
    for (const engine of ["wasm", "onnx"] as const) {
      await using model = await loadModel(out, { engine });
      assertEquals([model.kind, model.classes], ["multi-label", NAMES]);
      const predictions = await model.predict(rows);
      assertTags(predictions);
      expected ??= predictions.logits;
      predictions.logits.forEach((logit, at) => assertAlmostEquals(logit, expected[at]!, 1e-5));
      // Rows of other files have the label as well.
      for (const input of [undefined, join(folder, "rows.csv")]) {
        await evaluateRun(out, { engine, ...input && { input } }, (evaluation) => {
          assertEquals([evaluation.confusion, evaluation.reliability], [undefined, undefined]);
          for (const [net, values] of Object.entries(result.test)) {
            assertEquals(Object.keys(evaluation.metrics[net]!), Object.keys(values));
            for (const [name, value] of Object.entries(values)) {
              assertAlmostEquals(evaluation.metrics[net]![name] as number, value as number, 1e-5);
            }
          }
        });
      }
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
    assertEquals(shapes, [["logits", 3], ["probabilities", 3]]);
    const readme = await Deno.readTextFile(join(to, "README.md"));
    assert(readme.includes("each of the 3 classes: `art`, `news`, `tech`"), readme);
    await using exported = await loadModel(to);
    assertTags(await exported.predict(rows));

    const { loaded, model } = await openModel(out, { threads: 1 });
    await using _ = loaded;
    const faults: unknown[] = [];
    const served = { name: "tags", loaded, model };
    const handler = new ServeHandler(served, (fault) => faults.push(fault), defaultLimits);
    const about = await (await handler.handle(new Request("http://localhost/v2/models/tags")))
      .json();
    assertEquals(
      about.outputs,
      ["probabilities", "logits"].map((name) => ({
        ...{ name, datatype: "FP32", shape: [-1, 3] },
        parameters: { classes: NAMES },
      })),
    );
    const input = (name: "a" | "b") => ({
      ...{ name, datatype: "FP64", shape: [8] },
      data: rows.map((row) => row[name]),
    });
    const answered = await handler.handle(
      new Request("http://localhost/v2/models/tags/infer", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inputs: [input("a"), input("b")] }),
      }),
    );
    const { outputs, error } = await answered.json();
    assertEquals([error, faults], [undefined, []]);
    const { probabilities } = await loaded.predict(rows);
    assertEquals(outputs[0].shape, [8, 3]);
    outputs[0].data.forEach((value: number, at: number) =>
      assertAlmostEquals(value, probabilities![at]!, 1e-6)
    );
  }, { "rows.csv": csv });
});

Deno.test("a multi-label label beside another one has predictions of its own", async () => {
  await openEngine("wasm");
  const flags = { column: "flags", kind: "multi-label", classes: NAMES };
  const several = {
    ...pipeline,
    data: {
      ...{ train: source, test: source, features: ["a", "b"] },
      labels: { click: { column: "click", kind: "binary" }, flags },
    },
    losses: ["click", "flags"].flatMap((label) =>
      ["light", "booster"].map((on) => ({ use: "binary-cross-entropy", on, label }))
    ),
    metrics: [{ use: "accuracy", label: "flags" }],
  };
  await withPipeline(several, async (file, folder) => {
    const out = join(folder, "run");
    await runFile(file, out, "wasm");
    await using model = await loadModel(out);
    const { logits, labels, units } = await model.predict(rows);
    assertEquals(units, 4);
    assertTags(labels.flags!);
    assertEquals(labels.flags!.logits[3], logits[4 + 1]);
    const to = join(folder, "onnx");
    await exportModel(out, to, { engine: "wasm" });
    const readme = await Deno.readTextFile(join(to, "README.md"));
    assert(
      readme.includes(
        "`flags_probabilities`, float [rows, 3]: the probability of each class of the label `flags`",
      ),
      readme,
    );
  }, { "rows.csv": csv });
});

Deno.test("predict writes a probability for each class, and --errors is refused", async () => {
  await openEngine("wasm");
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    await runFile(file, out, "wasm");
    const [scores, errors, report, evaluated] = await Promise.all([
      rocket(["predict", "run", "rows.csv", "--out", "scores.arrow", "--logits"], { cwd: folder }),
      rocket(["evaluate", "run", "--errors", "3", "--out", "errors.csv"], { cwd: folder }),
      rocket(["report", "run", "--out", "report.html"], { cwd: folder }),
      rocket(["evaluate", "run"], { cwd: folder }),
    ]);
    assertEquals(scores.code, 0, scores.stderr);
    const table = tableFromIPC(await Deno.readFile(join(folder, "scores.arrow")));
    assertEquals(
      table.schema.fields.map(({ name }) => name),
      ["probability", "logit"].flatMap((what) => NAMES.map((name) => `${what}_${name}`)),
    );
    await using model = await loadModel(out);
    const { answers } = await model.predict([{ a: Math.sin(0), b: Math.cos(0) }]);
    assertAlmostEquals(
      table.getChild("probability_news")!.get(0),
      answers[0]!.probabilities!.news!,
      1e-6,
    );
    assertEquals(errors.code, 2, errors.stderr);
    assert(errors.stderr.includes("--errors does not support a label of kind multi-label"));
    assertEquals([report.code, evaluated.code], [0, 0], report.stderr + evaluated.stderr);
    const page = await Deno.readTextFile(join(folder, "report.html"));
    assert(page.includes("tags, any of 3 classes"));
    assert(evaluated.stdout.includes("accuracy/per-class"), evaluated.stdout);
  }, { "rows.csv": csv });
});
