import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Snapshot } from "../../pipeline/stages/events.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { imageSize, writeImages } from "../support/large_files.ts";
import { digitsPipeline, pluginApi, runFile, withPipeline } from "../support/pipelines.ts";
import type { RunOptions } from "../../train/run.ts";

/** A source that reads Arrow files by record batch alone, as most sources do. */
const windowed = {
  "windowed.ts": `import { defineSource, z } from "${pluginApi}";
import arrow from "${new URL("../../plugins/sources/arrow.ts", import.meta.url)}";
export default defineSource({
  name: "windowed", summary: "Record batches.", options: z.object({ path: z.string() }),
  create: (options, context) => ({
    open: async (request) => {
      const { rows, ...dataset } = await arrow.create(options, context).open(request);
      return dataset;
    },
  }),
});
`,
};

const digits = (data: Record<string, unknown>, use = "arrow") => {
  const pipeline = digitsPipeline() as { data: { train: Record<string, unknown> } };
  const train = { ...pipeline.data.train, use };
  return {
    ...pipeline,
    data: {
      ...pipeline.data,
      train,
      validation: { holdout: 0.1 },
      transforms: [{ use: "normalize" }, { use: "random-crop", pad: 1 }],
      ...data,
    },
  };
};

/** What a run ends with, every weight of it, and what it said of its data. */
async function weights(
  pipeline: Record<string, unknown>,
  engine: "native" | "wasm",
  options: Partial<RunOptions> = {},
): Promise<{ weights: unknown; said: string[] }> {
  return await withPipeline(pipeline, async (file, folder) => {
    let last: Snapshot | undefined;
    const listener = {
      epoch: async ({ snapshot }: { snapshot(): Promise<Snapshot> }) => {
        last = await snapshot();
      },
    };
    const out = join(folder, "run");
    const { reports } = await runFile(file, out, engine, listener, options);
    const said = reports.filter((line) => /^(data|input):/.test(line));
    return { weights: [...last!.tensors], said };
  }, windowed);
}

forEachEngine("A run that streams by rows ends with the weights of one in memory", async () => {
  const engine = (await import("@tensorflow/tfjs")).getBackend() === "wasm" ? "wasm" : "native";
  const inMemory = await weights(digits({}), engine);
  assertEquals(inMemory.said, []);
  for (const inputThread of ["never", "always"] as const) {
    const streamed = await weights(digits({ memory: "10kB" }), engine, { inputThread });
    assertEquals(streamed.said.length, 2);
    assert(streamed.said[0]!.endsWith("read when they are needed, and shuffled as a whole"));
    assertEquals(streamed.weights, inMemory.weights);
  }
});

Deno.test("A run that streams in windows ends with the same weights in either thread", async () => {
  const pipeline = digits({ memory: "20kB" }, "./windowed.ts");
  const here = await weights(pipeline, "wasm", { inputThread: "never" });
  assert(/shuffled in windows of \d+ rows$/.test(here.said[0]!), here.said[0]);
  const there = await weights(pipeline, "wasm", { inputThread: "always", debug: true });
  assertEquals(there.weights, here.weights);
  const input = there.said.filter((line) => line.startsWith("input:"));
  assertEquals(input, ["input: a thread makes the batches ahead of the steps"]);
});

for (const how of ["by rows", "in windows"] as const) {
  for (const what of ["Deno.truncateSync(path, 5000)", "Deno.removeSync(path)"]) {
    Deno.test(`A run whose data goes (${what}) while it is streamed ${how} ends with 1`, () =>
      inFolder(async (folder) => {
        const path = join(folder, "train.arrow");
        writeImages(path, { bytes: 400_000, batchRows: 50 });
        const files = {
          ...windowed,
          "breaker.ts": `import { defineOutput, z } from "${pluginApi}";
const path = ${JSON.stringify(path)};
export default defineOutput({
  name: "breaker", summary: "Breaks.", options: z.object({}),
  create: () => ({ epoch: () => { ${what}; } }),
});
`,
          "pipeline.yaml": stringify({
            ...imagePipeline(path, "50kB", how === "in windows" ? "./windowed.ts" : "arrow"),
            train: { epochs: 3, batch: 64 },
            outputs: ["./breaker.ts"],
          }),
        };
        for (const [name, text] of Object.entries(files)) {
          await Deno.writeTextFile(join(folder, name), text);
        }
        const out = join(folder, "run");
        const { code, stderr } = await rocket([
          "run",
          join(folder, "pipeline.yaml"),
          "--out",
          out,
          "--engine",
          "wasm",
        ]);
        assertEquals(code, 1, stderr);
        assert(/^error: .*train\.arrow has (gone|changed) while it was read/m.test(stderr), stderr);
        const left = [...Deno.readDirSync(out)].map(({ name }) => name);
        assert(!left.includes("result.json"), "there is a result");
      }));
  }
}

function imagePipeline(path: string, memory: string, use = "arrow"): Record<string, unknown> {
  return {
    name: "images",
    seed: 1,
    data: {
      train: { use, path },
      test: { use, path },
      features: { image: { shape: [imageSize] } },
      label: { column: "label", classes: 10 },
      memory,
      transforms: [{ use: "scale", by: 0.00390625 }],
    },
    network: { use: "mlp", shared: [4], light: [4], booster: [4] },
    losses: [{ use: "cross-entropy", on: "light" }],
    optimizer: { use: "sgd", rate: 0.05 },
    train: { epochs: 1, batch: 512 },
    metrics: ["accuracy"],
    outputs: [],
  };
}
