import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { tableFromIPC } from "apache-arrow";
import { join } from "node:path";
import { loadModel } from "../../model.ts";
import { UserError } from "../../mod.ts";
import { convert } from "../../data/convert.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { exportModel } from "../../src/model/export_model.ts";
import { evaluateRun } from "../../src/model/evaluation/evaluate_run.ts";
import { openModel } from "../../src/model/load_model.ts";
import { narrowModel } from "../../src/run/model/narrow_model.ts";
import { readModelFile, writeModelFile } from "../../src/run/model/model_file.ts";
import { requestOf } from "../../src/serve/example.ts";
import { ServeHandler } from "../../src/serve/handler.ts";
import { inputColumns } from "../../src/serve/input_columns.ts";
import { defaultLimits } from "../../src/serve/limits.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { logitsOf, type Rows, train, writeDay, writeRows } from "../support/hand_over.ts";
import { ask, jsonBody } from "../support/serve_requests.ts";
import { assertClose, clicks, someRows } from "../support/trained.ts";

/** The columns of the light net, of those that `clicks` reads. */
const columns = ["item", "day", "price"];

/**
 * The light net reads three features, of which one has the ids of a feature of the booster's. The
 * transforms change features of both nets.
 */
const parts: Record<string, unknown> = {
  ...clicks,
  data: {
    ...clicks.data as object,
    transforms: [
      { use: "normalize", feature: ["price", "time"] },
      { use: "one-hot", feature: "shelf" },
      { use: "rename", names: { price: "cost", time: "moment" } },
      { use: "scale", by: 0.5 },
      { use: "select", features: ["moment", "cost", "city", "day", "last", "item", "shelf"] },
    ],
  },
  network: {
    light: { use: "ctr", embedding: 4, light: { hidden: [3] } },
    booster: { use: "deepfm", embedding: 4, booster: { hidden: [6] } },
    features: { light: ["last", "day", "cost"] },
  },
  metrics: ["auc", "log-loss"],
};

/** Rows without the columns that only the booster reads. */
const narrowRows = (rows: Rows): Rows =>
  Object.fromEntries(columns.map((name) => [name, rows[name]!]));

/** Trains, and writes the test rows once more without the booster's columns. */
async function trainedPair(folder: string, more: Record<string, unknown> = {}) {
  const others = someRows(2, 40);
  await writeRows(join(folder, "other.csv"), others);
  await writeRows(join(folder, "few.csv"), narrowRows(others));
  const file = await writeDay(folder, "day", someRows(1, 64), { ...parts, ...more });
  const { out, result } = await train(file);
  const { logits } = await logitsOf(file, join(out, "checkpoints", "best.safetensors"));
  await convert({ from: join(folder, "few.csv"), to: join(folder, "few.arrow") });
  const few = tableFromIPC(await Deno.readFile(join(folder, "few.arrow")));
  await convert({ from: join(folder, "other.csv"), to: join(folder, "other.arrow") });
  const all = tableFromIPC(await Deno.readFile(join(folder, "other.arrow")));
  return { out, result, logits, few, all };
}

Deno.test("the light net of a pair reads only the columns of its own features", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out, logits, few, all } = await trainedPair(folder);
    for (const engine of ["onnx", "wasm"] as const) {
      await using light = await loadModel(out, { engine });
      assertEquals(light.columns, columns);
      assertEquals(light.inputs.map(({ name }) => name).sort(), ["cost", "day", "last"]);
      assertClose((await light.predict(few)).logits, logits.light!);
      // The columns of the booster may be there, too.
      assertClose((await light.predict(all)).logits, logits.light!);
      await using booster = await loadModel(out, { engine, net: "booster" });
      assert(booster.columns.includes("city") && booster.columns.includes("time"));
      assertClose((await booster.predict(all)).logits, logits.booster!);
    }
    for (const inputs of ["columns", "ids"] as const) {
      const to = join(folder, inputs);
      const exported = await exportModel(out, to, { inputs, engine: "wasm" });
      assertEquals(
        exported.inputs.map(({ feature }) => feature.column).sort(),
        [...columns].sort(),
      );
      await using light = await loadModel(to);
      assertClose((await light.predict(few)).logits, logits.light!);
      const model = JSON.parse(await Deno.readTextFile(join(to, "model.json")));
      assertEquals(model.features.map(({ column }: { column: string }) => column), columns);
      assertEquals(model.transforms.map(({ use }: { use: string }) => use), [
        ...["normalize", "rename", "scale", "select"],
      ]);
      assertEquals(Object.keys(model.transforms[0].measured), ["price"]);
    }
    const booster = await exportModel(out, join(folder, "booster"), {
      net: "booster",
      engine: "wasm",
    });
    assertEquals(booster.inputs.length, 8);
  });
});

Deno.test("evaluate measures the light net on rows without the booster's columns", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out, result } = await trainedPair(folder);
    const others = someRows(2, 40), input = join(folder, "labelled.csv");
    await writeRows(input, { ...narrowRows(others), y: others.y! });
    for (const engine of ["onnx", "wasm"] as const) {
      const { light } = await evaluateRun(
        out,
        { input, net: "light", engine },
        ({ metrics }) => metrics,
      );
      for (const name of ["auc", "log-loss"]) {
        assertAlmostEquals(light![name] as number, result.test.light![name] as number, 1e-6);
      }
    }
  });
});

Deno.test("with a custom transform, or if a net reads all features, all columns stay", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out } = await trainedPair(folder);
    const model = await readModelFile(join(out, "model.json"));
    assertEquals(model.network.reads, { light: ["cost", "day", "last"] });
    const [first, ...rest] = model.transforms;
    const custom = { ...model, transforms: [{ ...first!, use: "/own.ts" }, ...rest] };
    assertEquals(narrowModel(custom, "light"), custom);
    assertEquals(narrowModel(model, "booster"), model);
    const damaged = { ...model, network: { ...model.network, reads: { light: ["nothing"] } } };
    await writeModelFile(folder, damaged);
    await assertRejects(
      () => readModelFile(join(folder, "model.json")),
      UserError,
      'network.reads: there is no input "nothing"',
    );
  });
});

Deno.test("a server of the light net has only the inputs of its own features", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out, logits, few } = await trainedPair(folder);
    const { loaded, model } = await openModel(out, { threads: 1 });
    const inputs = inputColumns(model);
    assertEquals(inputs.map(({ name }) => name).sort(), [...columns].sort());
    const handler = new ServeHandler({ name: "pair", loaded, model }, () => {}, defaultLimits);
    const request = requestOf(few.batches[0]!, inputs);
    const body = jsonBody({ ...request, outputs: [{ name: "logits" }] });
    const answer = await ask(handler, "/v2/models/pair/infer", body);
    assertEquals(answer.status, 200);
    assertClose(Float32Array.from(answer.json().outputs[0]!.data, Number), logits.light!);
    await loaded.close();
  });
});

Deno.test("predict and export need only the columns of the light net", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out, result } = await trainedPair(folder);
    const run = async (...args: string[]) => {
      const { code, stderr } = await rocket(args, { cwd: folder });
      assertEquals(code, 0, stderr);
    };
    const others = someRows(2, 40);
    const logLoss = async (file: string) => {
      const [header, ...lines] = (await Deno.readTextFile(join(folder, file))).trim().split("\n");
      const at = header!.split(",").indexOf("score");
      const losses = lines.map((line, row) => {
        const score = Number(line.split(",")[at]);
        return -Math.log(others.y![row] === 1 ? score : 1 - score);
      });
      return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    };
    await run("predict", out, "few.csv", "--out", "scores.csv");
    await run("export", out, "--format", "onnx", "--net", "light", "--out", "net");
    await run("predict", "net", "few.csv", "--out", "again.csv");
    for (const file of ["scores.csv", "again.csv"]) {
      const expected = result.test.light!["log-loss"] as number;
      assertAlmostEquals(await logLoss(file), expected, 1e-5);
    }
    const readme = await Deno.readTextFile(join(folder, "net", "README.md"));
    assertStringIncludes(readme, "price");
    assert(!readme.includes("shelf"), readme);
    // The booster still needs its columns, and says which.
    const { code, stderr } = await rocket(
      ["predict", out, "few.csv", "--net", "booster", "--out", "none.csv"],
      { cwd: folder },
    );
    assertEquals(code, 1);
    assertStringIncludes(stderr, "few.csv has no column time");
  });
});
