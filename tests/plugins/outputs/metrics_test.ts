import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import metrics from "../../../plugins/outputs/metrics.ts";
import { checkStage } from "../../../testing.ts";
import { evaluation, filesIn, make, runStart, withRunFolder } from "./support.ts";

const linesOf = async (folder: string, file: string) => {
  const text = await Deno.readTextFile(join(folder, file));
  assert(text.endsWith("\n"));
  return text.slice(0, -1).split("\n").map((line) => JSON.parse(line));
};

Deno.test("metrics fulfills the contract of an output", () => checkStage(metrics));

Deno.test("metrics writes one line per evaluation, in order", () =>
  withRunFolder(async (folder) => {
    const output = make(metrics, folder);
    await output.runStart?.(runStart(2));
    assertEquals(await filesIn(folder), []);
    await output.evaluation!(evaluation({ split: "train", metrics: { loss: 0.75 } }));
    await output.evaluation!(evaluation({
      metrics: { "light/accuracy": 0.5, "booster/accuracy": 0.625, agreement: 1 },
    }));
    await output.evaluation!(evaluation({ epoch: 2, step: 10, seconds: 2.5 }));
    assertEquals(await linesOf(folder, "metrics.jsonl"), [
      { epoch: 1, step: 5, seconds: 1.25, split: "train", loss: 0.75 },
      {
        epoch: 1,
        step: 5,
        seconds: 1.25,
        split: "test",
        "light/accuracy": 0.5,
        "booster/accuracy": 0.625,
        agreement: 1,
      },
      { epoch: 2, step: 10, seconds: 2.5, split: "test", "light/accuracy": 0.5 },
    ]);
    const [first] = (await Deno.readTextFile(join(folder, "metrics.jsonl"))).split("\n");
    assertEquals(first, '{"epoch":1,"step":5,"seconds":1.25,"split":"train","loss":0.75}');
  }));

Deno.test("metrics writes each line as soon as it receives the evaluation", () =>
  withRunFolder(async (folder) => {
    const output = make(metrics, folder);
    for (let epoch = 1; epoch <= 3; epoch++) {
      await output.evaluation!(evaluation({ epoch }));
      assertEquals(
        (await linesOf(folder, "metrics.jsonl")).map(({ epoch }) => epoch).at(-1),
        epoch,
      );
    }
  }));

Deno.test("metrics rounds seconds to milliseconds and no other numbers", () =>
  withRunFolder(async (folder) => {
    const third = 1 / 3;
    await make(metrics, folder).evaluation!(
      evaluation({ seconds: 12.34567, metrics: { "light/accuracy": third } }),
    );
    const [line] = await linesOf(folder, "metrics.jsonl");
    assertEquals([line.seconds, line["light/accuracy"]], [12.346, third]);
  }));

Deno.test("metrics writes the metrics of the light net trained alone to a separate file", () =>
  withRunFolder(async (folder) => {
    const output = make(metrics, folder);
    await output.evaluation!(evaluation());
    await output.evaluation!(
      evaluation({ job: "light-alone", metrics: { "light/accuracy": 0.25 } }),
    );
    assertEquals(await filesIn(folder), ["metrics-light-alone.jsonl", "metrics.jsonl"]);
    assertEquals((await linesOf(folder, "metrics.jsonl")).length, 1);
    assertEquals(await linesOf(folder, "metrics-light-alone.jsonl"), [
      { epoch: 1, step: 5, seconds: 1.25, split: "test", "light/accuracy": 0.25 },
    ]);
  }));

Deno.test("metrics writes bootstrap samples to a separate file, and removes those of epochs that run again", () =>
  withRunFolder(async (folder) => {
    const samples = { "light/gauc": { groups: "9 5a", values: [2 / 3, 0.5, 0.123456789] } };
    const first = make(metrics, folder);
    for (const epoch of [1, 2]) await first.evaluation!(evaluation({ epoch, samples }));
    await first.evaluation!(evaluation({ job: "light-alone", samples }));
    await Deno.writeTextFile(join(folder, "bootstrap.jsonl"), `{"epoch":1,"st`, { append: true });
    const resumed = { epochs: 1, step: 5, checkpoint: "checkpoints/rocket-000005.safetensors" };
    await make(metrics, folder).runStart!({ ...runStart(2), resumed });
    const line = {
      epoch: 1,
      step: 5,
      split: "test",
      "light/gauc": { groups: "9 5a", values: [0.6666667, 0.5, 0.1234568] },
    };
    assertEquals(await linesOf(folder, "bootstrap.jsonl"), [line]);
    assertEquals(await linesOf(folder, "bootstrap-light-alone.jsonl"), [line]);
    assertEquals((await linesOf(folder, "metrics.jsonl"))[0]["light/gauc"], undefined);
  }));

Deno.test("metrics of a resumed run keeps the lines of the finished epochs", () =>
  withRunFolder(async (folder) => {
    const first = make(metrics, folder);
    for (const epoch of [1, 2, 3]) await first.evaluation!(evaluation({ epoch }));
    // What a process that was killed leaves.
    await Deno.writeTextFile(join(folder, "metrics.jsonl"), `{"epoch":1,"st`, { append: true });
    const output = make(metrics, folder);
    const resumed = { epochs: 2, step: 12, checkpoint: "checkpoints/rocket-000012.safetensors" };
    await output.runStart!({ ...runStart(3), resumed });
    await output.evaluation!(evaluation({ epoch: 3, seconds: 9 }));
    const lines = await linesOf(folder, "metrics.jsonl");
    assertEquals(lines.map(({ epoch, seconds }) => [epoch, seconds]), [
      [1, 1.25],
      [2, 1.25],
      [3, 9],
    ]);
    // The light net alone had begun as well, and begins anew.
    await output.evaluation!(evaluation({ job: "light-alone" }));
    await output.runStart!(runStart(3, "light-alone"));
    assertEquals(await Deno.readTextFile(join(folder, "metrics-light-alone.jsonl")), "");
  }));

Deno.test("metrics removes an incomplete line from the rocket's file when a resumed run trains the light net alone", () =>
  withRunFolder(async (folder) => {
    const output = make(metrics, folder), file = join(folder, "metrics.jsonl");
    for (const epoch of [1, 2]) await output.evaluation!(evaluation({ epoch }));
    const whole = await Deno.readTextFile(file);
    // What a power cut may leave at the end of a file.
    await Deno.writeTextFile(file, "\0".repeat(20), { append: true });
    const resumed = {
      epochs: 1,
      step: 6,
      checkpoint: "checkpoints/light-alone-000006.safetensors",
    };
    await output.runStart!({ ...runStart(2, "light-alone"), resumed });
    assertEquals(await Deno.readTextFile(file), whole);
  }));
