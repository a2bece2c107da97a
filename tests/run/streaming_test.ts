import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Snapshot } from "../../src/stages/events.ts";
import { convert } from "../../data/convert.ts";
import { writeParquet } from "../support/formats.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { forEachEngine } from "../support/engines.ts";
import { imageSize, writeImages } from "../support/large_files.ts";
import { windowed } from "../support/windowed.ts";
import { digitsPipeline, pluginApi, runFile, withPipeline } from "../support/pipelines.ts";
import type { RunPlanOptions } from "../../src/run/run.ts";

const digits = (data: Record<string, unknown>, use = "arrow") => {
  const pipeline = digitsPipeline() as { data: { train: Record<string, unknown> } };
  const train = { ...pipeline.data.train, use };
  return {
    ...pipeline,
    data: {
      ...pipeline.data,
      train,
      split: { validation: 0.1 },
      transforms: [{ use: "normalize" }, { use: "random-crop", pad: 1 }],
      ...data,
    },
  };
};

/** What a run ends with, every weight of it, and what it said of its data. */
async function weights(
  pipeline: Record<string, unknown>,
  engine: "native" | "wasm",
  options: Partial<RunPlanOptions> = {},
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

forEachEngine(
  "a run that streams by rows ends with the same weights as one in memory",
  async () => {
    const engine = (await import("@tensorflow/tfjs")).getBackend() === "wasm" ? "wasm" : "native";
    const inMemory = await weights(digits({}), engine);
    assertEquals(inMemory.said, []);
    for (const inputThread of ["never", "always"] as const) {
      const streamed = await weights(digits({ memory: "10kB" }), engine, { inputThread });
      assertEquals(streamed.said.length, 2);
      assert(streamed.said[0]!.endsWith("read when they are needed, and shuffled as a whole"));
      assertEquals(streamed.weights, inMemory.weights);
    }
  },
);

Deno.test("a run that streams in windows ends with the same weights in either thread", async () => {
  const pipeline = digits({ memory: "20kB" }, "./windowed.ts");
  const here = await weights(pipeline, "wasm", { inputThread: "never" });
  assert(/shuffled in windows of \d+ rows$/.test(here.said[0]!), here.said[0]);
  const there = await weights(pipeline, "wasm", { inputThread: "always", debug: true });
  assertEquals(there.weights, here.weights);
  const input = there.said.filter((line) => line.startsWith("input:"));
  assertEquals(input, ["input: a thread makes the batches ahead of the steps"]);
});

Deno.test("a run streams Parquet in windows, CSV as a copy, and Arrow from a server, in either thread", () =>
  inFolder(async (folder) => {
    const header = [...Array(8).keys()].map((x) => `x${x}`);
    const lines = Array.from(
      { length: 600 },
      (_, row) => [...header.map((_, x) => (row * 7 + x * 13) % 50), row % 3].join(","),
    );
    const text = [[...header, "y"].join(","), ...lines].join("\n");
    await Deno.writeTextFile(join(folder, "rows.csv"), text);
    await writeParquet(
      `FROM read_csv('${join(folder, "rows.csv")}')`,
      join(folder, "rows.parquet"),
      2048,
    );
    const bytes = await arrowOf(folder);
    await using server = Deno.serve({ port: 0, onListen() {} }, (request) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range")!)!.map(Number);
      return new Response(bytes.slice(from, to! + 1), {
        status: 206,
        headers: { "content-range": `bytes ${from}-${to}/${bytes.length}`, etag: '"1"' },
      });
    });
    for (
      const [train, said] of [
        [{ use: "parquet", path: join(folder, "rows.parquet"), batchRows: 50 }, "in windows"],
        [{ use: "csv", path: join(folder, "rows.csv"), batchRows: 50 }, "are copied to"],
        [{ use: "arrow", path: `http://localhost:${server.addr.port}/rows.arrow` }, "in windows"],
      ] as const
    ) {
      const pipeline = {
        ...digitsPipeline(),
        data: {
          train,
          test: { use: "csv", path: join(folder, "rows.csv") },
          memory: "10kB",
          features: Object.fromEntries(header.map((name) => [name, {}])),
          label: { column: "y", classes: 3 },
          transforms: [{ use: "normalize" }],
        },
        metrics: [],
      };
      const runs = [];
      for (const inputThread of ["never", "always"] as const) {
        runs.push(await weights(pipeline, "wasm", { inputThread, debug: true }));
      }
      const [here, there] = runs;
      assert(here!.said.some((line) => line.includes(said)), here!.said.join("\n"));
      assertEquals(there!.weights, here!.weights);
      assertEquals(there!.said.filter((line) => line.startsWith("input:")), [
        "input: a thread makes the batches ahead of the steps",
      ]);
    }
  }));

/** The rows of the CSV file as an Arrow file. */
async function arrowOf(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const to = join(folder, "rows.arrow");
  await convert({ from: join(folder, "rows.csv"), to, batchRows: 50 });
  return await Deno.readFile(to);
}

for (const how of ["by rows", "in windows"] as const) {
  for (const what of ["Deno.truncateSync(path, 5000)", "Deno.removeSync(path)"]) {
    Deno.test(`a run whose data disappears (${what}) while it is streamed ${how} ends with exit code 1`, () =>
      inFolder(async (folder) => {
        // A stage may write in the run folder, and nowhere else.
        const out = join(folder, "run"), path = join(out, "train.arrow");
        await Deno.mkdir(out);
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
        const { code, stderr } = await rocket([
          "run",
          join(folder, "pipeline.yaml"),
          "--out",
          out,
          "--engine",
          "wasm",
        ]);
        assertEquals(code, 1, stderr);
        assert(
          /^error: .*train\.arrow (disappeared while it was|changed while it was being) read/m.test(
            stderr,
          ),
          stderr,
        );
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
    optimizer: { use: "sgd", learningRate: 0.05 },
    train: { epochs: 1, batch: 512 },
    metrics: ["accuracy"],
    outputs: [],
  };
}
