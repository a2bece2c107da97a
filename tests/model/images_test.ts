import { assert, assertEquals } from "@std/assert";
import {
  Binary,
  Field,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { loadModel } from "../../model.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { exportModel } from "../../src/model/export_model.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { imageFixtures } from "../support/images.ts";
import { runFile } from "../support/pipelines.ts";

/** Images of 7 × 9 pixels in color, and their pixels. */
const pictures = ["png rgb", "png interlaced rgb", "jpeg of noise", "png in parts"]
  .map(imageFixtures.named);

const pipeline = `name: pictures
seed: 2
data:
  train: { use: images, path: photos }
  test: { use: arrow, path: test.arrow }
  features: { image: }
  label: label
  transforms: [normalize]
network: { use: mlp, light: [3], booster: [4] }
losses: [{ use: cross-entropy, on: light }, { use: cross-entropy, on: booster }]
optimizer: { use: adam, learningRate: 0.01 }
train: { epochs: 2, batch: 2 }
metrics: [accuracy]
outputs: [checkpoint]
`;

Deno.test("a net of images predicts the same for files, structs, bytes, and pixels", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const names = ["cat/a.png", "cat/b.png", "dog/c.jpg", "dog/more/d.png"];
    for (const [index, { file }] of pictures.entries()) {
      const path = join(folder, "photos", names[index]!);
      await Deno.mkdir(join(path, ".."), { recursive: true });
      await Deno.writeFile(path, file);
    }
    const image = new Struct([
      new Field("bytes", new Binary(), true),
      new Field("path", new Utf8(), true),
    ]);
    const rows = pictures.map(({ file }, index) => ({ bytes: file, path: names[index] }));
    const table = new Table({
      image: vectorFromArray(rows, image),
      label: vectorFromArray(["cat", "cat", "dog", "dog"], new Utf8()),
    });
    await Deno.writeFile(join(folder, "test.arrow"), tableToIPC(table, "file"));
    await Deno.writeTextFile(join(folder, "p.yaml"), pipeline);
    const out = join(folder, "run");
    const { evaluations } = await runFile(join(folder, "p.yaml"), out, "wasm");
    assert(evaluations.length > 0);

    // ONNX Runtime, which is independent of this code, computes the exported net from pixels.
    const to = join(folder, "onnx");
    const { distance, inputs } = await exportModel(out, to, { engine: "wasm" });
    assert(distance! <= 1e-5);
    assertEquals(inputs.map(({ input: { name, shape } }) => [name, shape]), [["image", [9, 7, 3]]]);

    await using model = await loadModel(out, { engine: "wasm" });
    await using exported = await loadModel(to);
    const expected = (await model.predict(table)).logits;
    const values = pictures.map(({ pixels }) => [...pixels]);
    const ways = [
      pictures.map(({ file }) => ({ image: file })),
      pictures.map(({ pixels }) => ({ image: pixels })),
      values.map((image) => ({ image })),
      new Table({ image: vectorFromArray(pictures.map(({ pixels }) => pixels), new Binary()) }),
    ];
    for (const rows of ways) assertEquals((await model.predict(rows as never)).logits, expected);
    for (const rows of [table, ...ways]) {
      const { logits } = await exported.predict(rows as never);
      logits.forEach((logit, index) => assert(Math.abs(logit - expected[index]!) < 1e-5));
    }
    const samples = tableFromIPC(await Deno.readFile(join(to, "samples.arrow")));
    assertEquals(samples.getChild("image")!.get(0).length, 9 * 7 * 3);

    await Deno.writeTextFile(join(folder, "new.yaml"), "use: images\npath: photos\n");
    const predicted = await rocket(
      ["predict", out, "new.yaml", "--out", "scores.csv", "--keep", "path,label", "--logits"],
      { cwd: folder },
    );
    assertEquals(predicted.code, 0, predicted.stderr);
    const lines = (await Deno.readTextFile(join(folder, "scores.csv"))).trim().split("\n").slice(1);
    assertEquals(lines.map((line) => line.split(",").slice(0, 2).join()), [
      "cat,cat/a.png",
      "cat,cat/b.png",
      "dog,dog/c.jpg",
      "dog,dog/more/d.png",
    ]);
    const logits = lines.flatMap((line) => line.match(/-?\d+\.\d+/g)!.slice(-2).map(Number));
    logits.forEach((logit, index) => assert(Math.abs(logit - expected[index]!) < 1e-4));
  });
});
