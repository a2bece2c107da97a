import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { tableFromIPC, tableToIPC } from "apache-arrow";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
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
