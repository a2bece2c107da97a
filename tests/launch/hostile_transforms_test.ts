import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { inFolder, rocket, root } from "../support/command_line.ts";
import { editModel } from "../support/edit_model.ts";

const pipelineWith = (losses: readonly unknown[]) =>
  stringify({
    name: "transforms",
    data: {
      all: { use: "arrow", path: "d.arrow" },
      split: { test: 0.5 },
      features: { image: { shape: [8, 8, 1] } },
      label: "digit",
      transforms: [
        { use: "pad", size: 1, on: "all" },
        { use: "crop", to: [8, 8], on: "all" },
      ],
    },
    network: { use: "mlp", light: [4] },
    losses,
    optimizer: { use: "adam", learningRate: 0.01 },
    metrics: ["accuracy"],
    train: { epochs: 1, batch: 32 },
    outputs: ["checkpoint"],
  });

Deno.test("transforms of model.json that need more memory than there is are refused before", () =>
  inFolder(async (folder) => {
    const pipelines = {
      "p.yaml": [{ use: "cross-entropy", on: "light" }],
      "taught.yaml": [{ use: "kl", teacher: { run: "run" } }],
    };
    for (const [name, losses] of Object.entries(pipelines)) {
      await Deno.writeTextFile(join(folder, name), pipelineWith(losses));
    }
    await Deno.copyFile(join(root, "data", "digits-test.arrow"), join(folder, "d.arrow"));
    const run = (...args: string[]) => rocket(args, { cwd: folder });
    const trained = await run("p.yaml", "--engine", "wasm", "--out", "run");
    assertEquals(trained.code, 0, trained.stderr);

    const pad = (size: number) =>
      editModel(join(folder, "run"), (model) => {
        model.transforms[0].options.size = size;
      });
    pad(300_000);
    for (
      const args of [
        ["predict", "run", "d.arrow", "--out", "o.csv"],
        ["evaluate", "run"],
        ["taught.yaml", "--engine", "wasm", "--out", "taught"],
        ["export", "run", "--format", "onnx", "--out", "exported"],
      ]
    ) {
      const { code, stderr } = await run(...args);
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /a batch of 1 row needs 1440 GB after the transform pad: the feature/);
      assertMatch(stderr, /has 600,008 × 600,008 × 1 numbers per row; this machine has \d/);
    }

    // A row fits, but not all rows that are computed at a time.
    pad(1000);
    const many = ["predict", "run", "d.arrow", "--out", "o.csv", "--memory", "1GB"];
    const { code, stderr } = await run(...many);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /a batch of \d+ rows needs .*\n hint: .*--batch 1$/m);
    const single = await run(...many, "--batch", "1");
    assertEquals(single.code, 0, single.stderr);
  }));
