import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { tableFromIPC, tableToIPC } from "apache-arrow";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { main } from "../../src/commands/main.ts";
import { rocket } from "../support/command_line.ts";
import { dataFolder, digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

Deno.test("evaluate prints the metrics of a run, in 80 columns and as JSON, and writes wrong rows", async () => {
  await openEngine("wasm");
  const pipeline = digitsPipeline({
    train: { epochs: 1, batch: 256 },
    metrics: ["accuracy", "agreement", "loss"],
    outputs: ["checkpoint"],
  });
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    const { result } = await runFile(file, out, "wasm");
    const test = tableFromIPC(await Deno.readFile(join(dataFolder, "digits-test.arrow")));
    await Deno.writeFile(
      join(folder, "no-label.arrow"),
      tableToIPC(test.select(["image"]), "file"),
    );
    await Deno.writeFile(join(folder, "part.arrow"), tableToIPC(test.slice(0, 50), "file"));
    const run = (...args: string[]) => rocket(["evaluate", "run", ...args], { cwd: folder });
    const [whole, exact, part, wrong] = await Promise.all([
      run("--by", "digit", "--errors", "3", "--out", "errors.csv"),
      run("--engine", "wasm", "--json", "--quiet"),
      run("part.arrow", "--json"),
      run("no-label.arrow"),
    ]);

    assertEquals(whole.code, 0, whole.stderr);
    for (const line of whole.stdout.split("\n")) assert(line.length <= 80, line);
    assertStringIncludes(whole.stdout, "run: 360 rows of the test split\n");
    assertStringIncludes(
      whole.stdout,
      "checkpoint best, after epoch 1; computed by ONNX Runtime\n",
    );
    const { light, booster } = result.best.test as Record<string, Record<string, number>>;
    const values = [light, booster].map((metrics) => metrics!.accuracy!.toFixed(4));
    assertMatch(whole.stdout, new RegExp(`^accuracy +${values.join(" +")}$`, "m"));
    assertMatch(whole.stdout, /^digit +rows +light accuracy +booster accuracy$/m);
    assertMatch(whole.stdout, /^light: label( +\d){10}$/m);
    assertMatch(whole.stderr, /errors\.csv: [3-6] rows.*; without image, which CSV cannot contain/);
    assertMatch(
      await Deno.readTextFile(join(folder, "errors.csv")),
      /^digit,row,why,expected,light_prediction,light_score,light_loss,booster_prediction,/,
    );

    assertEquals([exact.code, exact.stderr], [0, ""]);
    const json = JSON.parse(exact.stdout);
    assertEquals(json.metrics, result.best.test);
    assertEquals([json.split, json.rows, json.epoch], ["test", 360, 1]);

    const of = JSON.parse(part.stdout);
    assertEquals([of.input, of.rows], ["part.arrow", 50]);
    const right = of.confusion.light
      .filter(({ label, predicted }: { label: number; predicted: number }) => label === predicted)
      .reduce((sum: number, { rows }: { rows: number }) => sum + rows, 0);
    assertEquals(of.metrics.light.accuracy, right / 50);

    assertEquals([wrong.code, wrong.stdout], [2, ""]);
    assertStringIncludes(
      wrong.stderr,
      'error: the data has no column "digit"\n --> no-label.arrow\n hint: its columns are image\n',
    );
  });
});

Deno.test("evaluate groups the test rows of a run by a column that is no feature", async () => {
  await openEngine("wasm");
  const rows = Array.from({ length: 60 }, (_, row) => ({
    writer: `w${row * row % 7 % 3}`,
    ...{ x: row % 7, y: row % 5, digit: row % 2 ? "odd" : "even", isTest: row % 4 === 0 },
  }));
  const csv = (some: typeof rows) =>
    ["writer,x,y,digit", ...some.map((row) => [row.writer, row.x, row.y, row.digit].join())]
      .join("\n");
  const test = rows.filter(({ isTest }) => isTest), train = rows.filter(({ isTest }) => !isTest);
  const shared = { features: ["x", "y"], label: "digit" };
  const sources = {
    separate: {
      train: { use: "csv", path: "train.csv" },
      test: { use: "csv", path: "test.csv" },
    },
    divided: { all: { use: "csv", path: "all.csv" }, split: { test: 0.3 } },
  };
  for (const [name, data] of Object.entries(sources)) {
    const pipeline = {
      ...{ name, data: { ...data, ...shared }, metrics: ["accuracy"], outputs: ["checkpoint"] },
      network: { use: "mlp", light: [2], booster: [2] },
      losses: [{ use: "cross-entropy", on: "light" }],
      optimizer: { use: "sgd", learningRate: 0.1 },
      train: { epochs: 1, batch: 8 },
    };
    const files = {
      ...{ "train.csv": csv(train), "test.csv": csv(test), "all.csv": csv(rows) },
    };
    await withPipeline(pipeline, async (file, folder) => {
      await runFile(file, join(folder, "run"), "wasm");
      const shown: string[] = [], log = console.log;
      console.log = (...parts: unknown[]) => void shown.push(parts.join(" "));
      const before = Deno.cwd();
      try {
        Deno.chdir(folder);
        assertEquals(await main(["evaluate", "run", "--by", "writer", "--json"]), 0);
      } finally {
        Deno.chdir(before);
        console.log = log;
      }
      const { rows: count, groups } = JSON.parse(shown.join("\n"));
      const found = Object.fromEntries(
        groups.map((group: { value: string; rows: number }) => [group.value, group.rows]),
      );
      assertEquals(Object.keys(found).sort(), ["w0", "w1", "w2"]);
      if (name === "separate") {
        const expected = Map.groupBy(test, ({ writer }) => writer);
        for (const [writer, own] of expected) assertEquals(found[writer], own.length);
      }
      assertEquals(count, Object.values<number>(found).reduce((sum, one) => sum + one, 0));
    }, files);
  }
});
