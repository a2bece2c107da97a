import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { openEngine } from "../../src/engine/engine.ts";
import { UserError } from "../../src/base/errors.ts";
import { holdsRun } from "../../src/run/folder/holds_run.ts";
import { inFolder } from "../support/command_line.ts";
import { digitsPipeline, pluginApi, runFile, withPipeline } from "../support/pipelines.ts";

const first = `{"epoch":1,"step":3,"split":"train","loss":1}\n`;

/** What is in a folder, and whether that is a run. */
const folders: readonly (readonly [string, Readonly<Record<string, string>>, boolean])[] = [
  ["nothing", {}, false],
  ["pipeline.json alone", { "pipeline.json": "{}" }, false],
  ["the losses of the first epoch", { "metrics.jsonl": first }, false],
  ["half a line", { "metrics.jsonl": first.slice(0, 20) }, false],
  ["a file of weights without its JSON", { "checkpoints/rocket-000001.safetensors": "" }, false],
  ["a measured split", { "metrics.jsonl": first + first.replace("train", "test") }, true],
  ["a second epoch", { "metrics.jsonl": first + first.replace("1", "2") }, true],
  ["a checkpoint", { "checkpoints/rocket-000001.json": "{}" }, true],
  ["a damaged checkpoint", { "checkpoints/rocket-000001.json.damaged": "{}" }, true],
  ["the best weights", { "checkpoints/best.json": "{}" }, true],
  ["a result", { "result.json": "{}" }, true],
];

for (const [name, files, expected] of folders) {
  Deno.test(`holdsRun() returns ${expected} for ${name}`, () =>
    inFolder(async (folder) => {
      for (const [file, text] of Object.entries(files)) {
        await Deno.mkdir(join(folder, file, ".."), { recursive: true });
        await Deno.writeTextFile(join(folder, file), text);
      }
      assertEquals(await holdsRun(folder), expected);
    }));
}

Deno.test("runPlan() reuses the folder of a run only if that run failed in its first epoch", async () => {
  await openEngine("wasm");
  const plugin = `import { defineLoss, tf, z } from "${pluginApi}";
let steps = 0;
export default defineLoss({
  name: "mine", summary: "Breaks at a step.", form: "task",
  options: z.object({ at: z.number() }),
  create: ({ at }) => (output) => {
    if (++steps > at) throw new Error("no idea");
    return tf.mean(tf.square(output), -1);
  },
});
`;
  const pipeline = (at: number) =>
    digitsPipeline({
      losses: [{ use: "cross-entropy", on: "light" }, { use: "./mine.ts", on: "booster", at }],
      train: { epochs: 1, batch: 256 },
      outputs: ["checkpoint"],
    });
  await withPipeline(pipeline(0), async (file, folder) => {
    const out = join(folder, "run");
    const refused = (words: string) =>
      assertRejects(() => runFile(file, out, "wasm"), UserError, words);
    await refused("no idea");
    await refused("no idea");
    await Deno.writeTextFile(file, (await Deno.readTextFile(file)).replace("at: 0", "at: 1000000"));
    await runFile(file, out, "wasm");
    await refused("already contains a run");
  }, { "mine.ts": plugin });
});
