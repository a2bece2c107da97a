import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Table, tableFromIPC, tableToIPC, vectorFromArray } from "apache-arrow";
import { join } from "node:path";
import { loadModel } from "../../model.ts";
import { hashOf } from "../../src/base/files/hash_of.ts";
import { UserError } from "../../mod.ts";
import { exportModel } from "../../src/model/export_model.ts";
import { openRows } from "../../src/model/input_rows.ts";
import { loadOnnxRuntime } from "../../src/run/model/onnx_runtime.ts";
import { decodeSafetensors } from "../../src/base/files/safetensors.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { forNative } from "../support/engines.ts";
import type { Rows } from "../support/hand_over.ts";
import { dataFolder, digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";
import { logitsOf } from "../support/hand_over.ts";
import { assertClose, clicks, someRows, trained } from "../support/trained.ts";

Deno.test("exportModel() puts vocabularies and transforms into the graph, or takes ids", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const others: Rows = { ...someRows(2, 40), city: Array(40).fill("Paris") };
    const network = { use: "ctr", embedding: 64, light: { hidden: [3] }, booster: { hidden: [6] } };
    const parts = { ...clicks, network };
    const { out, table, logits } = await trained(folder, someRows(1, 64), others, parts);
    const types: Record<string, string[][]> = {};
    for (const inputs of ["columns", "ids"] as const) {
      for (const mostBytes of [100, 1e9]) {
        const to = join(folder, `${inputs}-${mostBytes}`);
        const { distance } = await exportModel(out, to, { inputs, mostBytes, engine: "wasm" });
        assert(distance! <= 1e-5);
        const files = [...Deno.readDirSync(to)].map(({ name }) => name).sort();
        const data = mostBytes === 100 ? ["model.onnx.data"] : [];
        assertEquals(files, ["README.md", "model.json", "model.onnx", ...data, "samples.arrow"]);
        await using model = await loadModel(to);
        assertEquals(model.net, "light");
        assertClose((await model.predict(table)).logits, logits.light!);
        // The values of docs/serving.md, from a program in Python.
        const { hash } = JSON.parse(await Deno.readTextFile(join(to, "model.json")));
        assertEquals(hash.buckets, 1000);
        const ids = new Map(hash.vectors);
        assertEquals(["", "u7", "Röm", "12"].map((value) => ids.get(value)), [923, 801, 239, 462]);
      }
      const { InferenceSession } = await loadOnnxRuntime();
      const session = await InferenceSession.create(join(folder, `${inputs}-100`, "model.onnx"));
      types[inputs] = session.inputMetadata.map(({ name, ...tensor }) => [
        name,
        "type" in tensor ? tensor.type : "",
      ]);
      await session.release();
    }
    assertEquals(types.columns, [
      ...[["city", "string"], ["item", "string"], ["shelf", "int64"], ["page", "int64"]],
      ...[["day", "int64"], ["price", "float64"], ["time", "int64"]],
    ]);
    assertEquals(types.ids, [
      ...[["city", "int32"], ["item", "int32"], ["last", "int32"], ["shelf", "int32"]],
      ...[["page", "int32"], ["day", "int32"], ["price", "float64"], ["time", "int64"]],
    ]);
    // Other weights of the same shape would give other predictions.
    for (const [mostBytes, name] of [[100, "model.onnx.data"], [1e9, "model.onnx"]] as const) {
      const to = join(folder, `ids-${mostBytes}`), path = join(to, name);
      const bytes = await Deno.readFile(path);
      bytes[bytes.length >> 1]! ^= 1;
      await Deno.writeFile(path, bytes);
      await assertRejects(() => loadModel(to), UserError, "model.json come from different exports");
    }
    const samples = tableFromIPC(await Deno.readFile(join(folder, "columns-100", "samples.arrow")));
    assertEquals(samples.numRows, 64);
    const cities = new Set(samples.getChild("city")!);
    assertEquals(cities, new Set(["Rome", "Oslo", "Bonn", "unknown 0"]));
  });
});

/** Each transform that a graph can have. */
const transforms = [
  { use: "reshape", shape: [8, 8, 1] },
  { use: "scale", by: 0.0625 },
  { use: "pad", size: 2, mode: "symmetric" },
  { use: "pad", size: 1, mode: "reflect" },
  { use: "crop", to: [12, 11] },
  { use: "resize", to: [16, 16], mode: "bilinear" },
  { use: "resize", to: [8, 8] },
  { use: "random-crop", pad: 1 },
  { use: "horizontal-flip" },
  { use: "normalize", per: "value" },
  { use: "rename", names: { image: "picture" } },
];

Deno.test("exportModel() gives each feature an input of its own, whatever its name and column are", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const rows = (seed: number) => {
      const { price, time, y } = someRows(seed, 40);
      const other = price!.map((value) => (value as number ?? 0) / 2);
      return { logits: price!.map((value) => value ?? 1), logits_2: other, b: time!, y: y! };
    };
    // Each numeric feature has the name of another one's column, or a name that outputs have.
    const features = { b: { column: "logits" }, logits: { column: "b" }, logits_2: {} };
    const source = (path: string) => ({ use: "csv", path });
    const { out, table, logits } = await trained(folder, rows(1), rows(2), {
      data: {
        ...{ train: source("day.csv"), test: source("other.csv"), features },
        transforms: [{ use: "normalize", feature: ["logits", "logits_2", "b"] }],
      },
      train: { epochs: 1, batch: 16 },
    });
    for (
      const [inputs, names] of [
        ["columns", ["b", "logits_2", "logits_3"]],
        ["ids", ["b", "logits_2", "logits_3"]],
      ] as const
    ) {
      const to = join(folder, inputs);
      const exported = await exportModel(out, to, { inputs, engine: "wasm" });
      assertEquals(exported.inputs.map(({ input }) => input.name).sort(), [...names]);
      await using model = await loadModel(to);
      assertClose((await model.predict(table)).logits, logits.light!);
    }
  });
});

Deno.test("exportModel() has the transforms of images inside, without augmentation", async () => {
  await openEngine("wasm");
  const { data, ...rest } = digitsPipeline() as { data: Record<string, unknown> };
  const features = { image: { column: "image" } };
  const pipeline = {
    ...rest,
    data: { ...data, features, transforms },
    optimizer: { use: "sgd", learningRate: 1e-6 },
    train: { epochs: 1, batch: 256 },
    outputs: ["checkpoint"],
  };
  await withPipeline(pipeline, async (file, folder) => {
    const out = join(folder, "run");
    await runFile(file, out, "wasm");
    const { logits } = await logitsOf(file, join(out, "checkpoints", "best.safetensors"));
    const to = join(folder, "exported");
    const { distance, inputs } = await exportModel(out, to, { engine: "wasm" });
    assert(distance! <= 1e-5);
    assertEquals(inputs.map(({ input }) => input.name), ["image"]);
    await using model = await loadModel(to);
    const test = tableFromIPC(await Deno.readFile(join(dataFolder, "digits-test.arrow")));
    assertClose((await model.predict(test)).logits, logits.light!);
    await using same = await loadModel(out, { engine: "wasm" });
    const samples = tableFromIPC(await Deno.readFile(join(to, "samples.arrow")));
    const [one, other] = [await model.predict(samples), await same.predict(samples)];
    assertClose(
      one.logits,
      other.answers.map((_, row) => [...other.logits.subarray(10 * row, 10 * row + 10)]),
    );
    assertEquals(
      one.answers.map((answer) => answer!.prediction),
      other.answers.map((answer) => answer!.prediction),
    );
  });
});

Deno.test("predict and export work for a user in an empty folder", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out, logits } = await trained(folder, someRows(1, 64), someRows(2, 40), clicks);
    const run = (...args: string[]) => rocket(args, { cwd: folder });
    const scored = await run(
      ...["predict", out, "other.csv", "--out", "scores.csv"],
      ...["--keep", "y,item", "--logits"],
    );
    assertEquals(scored.code, 0, scored.stderr);
    assertStringIncludes(scored.stderr, "scores.csv: 40 rows");
    const [header, ...lines] = (await Deno.readTextFile(join(folder, "scores.csv"))).trim().split(
      "\n",
    );
    assertEquals(header, "item,y,score,logit");
    assertClose(
      Float32Array.from(lines, (line) => Number(line.split(",")[3])),
      logits.light!,
    );
    const given = tableFromIPC(await Deno.readFile(join(folder, "other.arrow")));
    const lists = vectorFromArray(Array.from({ length: 40 }, (_, row) => [row, null]));
    const prices = given.getChild("price")!;
    const columns = Object.fromEntries(
      given.schema.fields.map(({ name }) => [name, given.getChild(name)!]),
    );
    await Deno.writeFile(
      join(folder, "more.arrow"),
      tableToIPC(new Table({ ...columns, lists }), "file"),
    );
    await Deno.writeTextFile(join(folder, "more.yaml"), "use: arrow\npath: more.arrow\n");
    const parquet = await run(
      ...["predict", out, "more.yaml", "--out", "scores.parquet", "--keep", "all", "--logits"],
      ...["--batch", "7"],
    );
    assertEquals(parquet.code, 0, parquet.stderr);
    assertStringIncludes(parquet.stderr, `; ${prices.nullCount} nulls`);
    const read = await openRows(join(folder, "scores.parquet"), { features: [] }, undefined);
    const [whole] = await Array.fromAsync(read.recordBatches());
    await read.close();
    assertClose(whole!.getChild("logit")!.toArray(), logits.light!);
    for (const [name, column] of Object.entries({ ...columns, lists })) {
      const values = whole!.getChild(name)!;
      assertEquals(String(values.type), String(column.type), name);
      assertEquals(values.toJSON().map(String), column.toJSON().map(String), name);
    }
    const exported = await run(
      "export",
      out,
      "--format",
      "onnx",
      "--out",
      "net",
      "--engine",
      "wasm",
    );
    assertEquals(exported.code, 0, exported.stderr);
    assertStringIncludes(exported.stdout, "64 sample rows: the logits differ");
    const again = await run("predict", "net", "other.arrow", "--out", "scores.arrow");
    assertEquals(again.code, 0, again.stderr);
    const table = tableFromIPC(await Deno.readFile(join(folder, "scores.arrow")));
    assertEquals(table.schema.fields.map(({ name }) => name), ["score"]);
    const wrong = await run("predict", "net", "other.arrow", "--out", "scores.txt");
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.stderr, "hint: name a file that ends in .arrow, .parquet, or .csv");
    await Deno.writeTextFile(join(folder, "few.csv"), "city,y\nRome,1\n");
    const few = await run("predict", "net", "few.csv", "--out", "few-scores.csv");
    assertEquals(few.code, 1, few.stderr);
    assertStringIncludes(few.stderr, "few.csv has no column price");
    // A source reads only the columns that were asked for, but the message names all.
    await Deno.writeTextFile(join(folder, "others.csv"), "town,y\nRome,1\n");
    await run("predict", "net", "other.arrow", "--out", "kept.parquet", "--keep", "y");
    for (const file of ["others.csv", "kept.parquet"]) {
      const none = await run("predict", out, file, "--out", "few-scores.csv");
      assertEquals(none.code, 1, none.stderr);
      assertMatch(none.stderr, /has no column "?(city|price)"?$/m);
      if (file === "kept.parquet") assertStringIncludes(none.stderr, "its columns are y, score\n");
    }
    assert(![...Deno.readDirSync(folder)].some(({ name }) => name.includes("few-scores")));
  });
});

/** A run with a transform without graph() between two others, and rows with their logits. */
async function trainedWithoutGraph(folder: string) {
  const plugin = `
    import { defineTransform, z } from "${new URL("../../plugin.ts", import.meta.url).href}";
    export default defineTransform({
      name: "fold",
      summary: "Folds a number.",
      options: z.object({}),
      create: (_, { features }) => ({
        features,
        apply: (batch) => ({ ...batch, features: { ...batch.features, price: {
          shape: [], values: Float64Array.from(batch.features.price.values, Math.abs),
        } } }),
      }),
    });`;
  await Deno.writeTextFile(join(folder, "fold.ts"), plugin);
  const data = clicks.data as Record<string, unknown>;
  const transforms = [
    { use: "scale", feature: "price", by: 0.125 },
    { use: "./fold.ts" },
    { use: "normalize", feature: ["price", "time"] },
  ];
  const features = { city: { ids: "train" }, price: { nulls: { fill: -3 } }, time: {} };
  const parts = { ...clicks, data: { ...data, features, transforms } };
  const allowPlugins = [join(folder, "fold.ts")];
  return { ...await trained(folder, someRows(1, 64), someRows(2, 40), parts), allowPlugins };
}

Deno.test("export begins the graph after the last transform without graph(), and says so", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out, table, logits } = await trainedWithoutGraph(folder);
    const exported = await rocket(
      ["export", out, "--format", "onnx", "--out", "net", "--engine", "wasm"],
      { cwd: folder },
    );
    assertEquals(exported.code, 0, exported.stderr);
    assertStringIncludes(exported.stdout, "fold.ts, which has no graph().\n");
    assertStringIncludes(exported.stdout, "A program must apply scale, ");
    const net = join(folder, "net");
    const readme = await Deno.readTextFile(join(net, "README.md"));
    assertStringIncludes(readme, "fold.ts`, which has no `graph()`");
    assertStringIncludes(readme, "  1. `scale`\n  2. `");
    assertStringIncludes(readme, "| `time` | double | [rows] |");
    const { graph, vocabularies } = JSON.parse(await Deno.readTextFile(join(net, "model.json")));
    assertEquals(graph.after, 2);
    assertEquals(
      graph.inputs.map((input: Record<string, unknown>) => [input.input, input.name, input.type]),
      [["city", "city", "int32"], ["price", "price", "double"], ["time", "time", "double"]],
    );
    const { InferenceSession, Tensor } = await loadOnnxRuntime();
    const session = await InferenceSession.create(join(net, "model.onnx"));
    // The program of a user: it reads the columns and applies both transforms.
    const column = (name: string) => [...table.getChild(name)!];
    const cities: string[] = vocabularies[graph.inputs[0].spec.vocabulary];
    const ids = column("city").map((city) => cities.indexOf(city));
    const prices = column("price").map((price) => Math.abs(0.125 * (price ?? -3)));
    const answer = await session.run({
      city: new Tensor("int32", Int32Array.from(ids), [40]),
      price: new Tensor("float64", Float64Array.from(prices), [40]),
      time: new Tensor("float64", Float64Array.from(column("time"), Number), [40]),
    });
    assertClose(answer.logits!.data as Float32Array, logits.light!);
    const samples = tableFromIPC(await Deno.readFile(join(net, "samples.arrow")));
    const values = (name: string) => samples.getChild(name)!.toArray();
    assert(values("price").every((price: number) => price >= 0));
    const same = await session.run({
      city: new Tensor("int32", values("city"), [64]),
      price: new Tensor("float64", values("price"), [64]),
      time: new Tensor("float64", values("time"), [64]),
    });
    assertClose(
      same.logits!.data as Float32Array,
      [...samples.getChild("logits")!].map((logit) => [...logit]),
    );
    await session.release();
    const refused = await rocket(["predict", "net", "other.arrow", "--out", "scores.csv"], {
      cwd: folder,
    });
    assertEquals(refused.code, 2, refused.stderr);
    assertStringIncludes(refused.stderr, "the graph in net begins after the transform");
    assertStringIncludes(refused.stderr, "hint: use the run folder");
  });
});

forNative("exportModel() begins a SavedModel after a transform without graph(), too", async () => {
  await inFolder(async (folder) => {
    const { out, allowPlugins } = await trainedWithoutGraph(folder);
    const options = { format: "saved-model", engine: "native", allowPlugins } as const;
    const { distance, inputs, outside } = await exportModel(out, join(folder, "saved"), options);
    assert(distance! <= 1e-5);
    assertEquals(inputs.map(({ input }) => input.name), ["city", "price", "time"]);
    assertEquals(outside.map((name) => name.split("/").at(-1)), ["scale", "fold.ts"]);
  });
});

forNative("exportModel() writes a SavedModel after the engine has computed it", async () => {
  await inFolder(async (folder) => {
    const { out } = await trained(folder, someRows(1, 64), someRows(2, 4), clicks);
    const to = join(folder, "saved");
    const exported = await exportModel(out, to, { format: "saved-model", engine: "native" });
    assert(exported.distance! <= 1e-5);
    const files = [...Deno.readDirSync(to)].map(({ name }) => name).sort();
    assertEquals(files, [
      "README.md",
      "model.json",
      "samples.arrow",
      "saved_model.pb",
      "variables",
    ]);
    const { size } = await Deno.stat(join(to, "variables", "variables.data-00000-of-00001"));
    const { variables } = JSON.parse(await Deno.readTextFile(join(to, "model.json")));
    const own = variables.filter(({ owner }: { owner: string }) => owner !== "booster");
    const sizeOf = ({ shape }: { shape: number[] }) => shape.reduce((a, b) => a * b, 4);
    assertEquals(size, own.map(sizeOf).reduce((a: number, b: number) => a + b, 0));
    const unchecked = { format: "saved-model", engine: "wasm" } as const;
    assertEquals((await exportModel(out, join(folder, "other"), unchecked)).distance, undefined);
  });
});

Deno.test("exportModel() writes a model repository with the configuration that Triton reads", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out, table, logits } = await trained(folder, someRows(1, 64), someRows(2, 4), clicks);
    const to = join(folder, "repository");
    const options = { layout: "repository", engine: "wasm" } as const;
    // Files must not be written through links.
    const elsewhere = join(folder, "elsewhere"), day = join(to, "day");
    for (const path of [elsewhere, to]) await Deno.mkdir(path);
    await Deno.symlink(elsewhere, day);
    const refused = (words: string) =>
      assertRejects(() => exportModel(out, to, options), UserError, words);
    await refused("day leads out of the folder");
    await Deno.remove(day);
    await Deno.mkdir(day);
    await Deno.symlink(elsewhere, join(day, "1"));
    await refused("1 is a link that leads out of");
    await Deno.remove(join(day, "1"));
    assertEquals([...Deno.readDirSync(elsewhere)], []);
    // The other models of a repository may be links.
    await Deno.symlink(elsewhere, join(to, "other"));
    assertEquals((await exportModel(out, to, options)).folder, join(to, "day", "1"));
    await using model = await loadModel(join(to, "day", "1"));
    assertClose((await model.predict(table)).logits, logits.light!);
    const lines = (await Deno.readTextFile(join(to, "day", "config.pbtxt"))).split("\n");
    assertEquals(lines.slice(0, 9), [
      'name: "day"',
      'backend: "onnxruntime"',
      "# Requests have any number of rows. It is the first size of each input.",
      "max_batch_size: 0",
      "input {",
      '  name: "city"',
      "  data_type: TYPE_STRING",
      "  dims: [ -1 ]",
      "}",
    ]);
    assertEquals(lines.slice(-6), [
      ...[
        "output {",
        '  name: "probabilities"',
        "  data_type: TYPE_FP32",
        "  dims: [ -1, 1 ]",
        "}",
      ],
      "",
    ]);
  });
});

Deno.test("exportModel() writes the weights of one net, those that it shares included", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out } = await trained(folder, someRows(1, 64), someRows(2, 4), clicks);
    const to = join(folder, "weights");
    const options = { format: "safetensors", engine: "wasm" } as const;
    const { file } = await exportModel(out, to, options);
    assertEquals(file, "light.safetensors");
    const best = await Deno.readFile(join(out, "checkpoints", "best.safetensors"));
    const all = decodeSafetensors(best).tensors;
    const own = decodeSafetensors(await Deno.readFile(join(to, file))).tensors;
    const names = [...all.keys()].filter((name) => !/^(?:booster|optimizer|losses)\//.test(name));
    assertEquals([...own.keys()].sort(), names.sort());
    for (const name of names) assertEquals(own.get(name), all.get(name));
    const samples = tableFromIPC(await Deno.readFile(join(to, "samples.arrow")));
    assert(samples.getChild("last")!.toArray() instanceof Int32Array);
  });
});

Deno.test("exportModel() refuses weights and folders that are not a run's", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out } = await trained(folder, someRows(1, 64), someRows(2, 40), clicks);
    const to = join(folder, "net"), best = join(out, "checkpoints", "best.safetensors");
    await assertRejects(() => exportModel(folder, to), UserError, "is not a run folder");
    await assertRejects(
      () => exportModel(out, to, { checkpoint: "bset" }),
      UserError,
      `the run ${out} has no checkpoint bset`,
    );
    const bytes = await Deno.readFile(best);
    bytes[bytes.length - 1]! ^= 1;
    await Deno.writeFile(best, bytes);
    await assertRejects(
      () => exportModel(out, to),
      UserError,
      "was changed after the run wrote it",
    );
    const json = best.replace(".safetensors", ".json");
    const { modelSha256, ...others } = JSON.parse(await Deno.readTextFile(json));
    await Deno.writeTextFile(json, JSON.stringify({ ...others, modelSha256: "0" }));
    await assertRejects(
      () => exportModel(out, to),
      UserError,
      "is from another run than model.json",
    );
    await Deno.writeFile(best, bytes.subarray(0, 100));
    const { sha256 } = await hashOf(best);
    await Deno.writeTextFile(json, JSON.stringify({ ...others, modelSha256, sha256 }));
    await assertRejects(() => exportModel(out, to), UserError, "cannot be read");
    await Deno.remove(json);
    await assertRejects(() => exportModel(out, to), UserError, "cannot be verified");
    assert(!await Deno.stat(to).then(() => true, () => false));
  });
});

Deno.test("predict refuses what does not belong together, and writes nothing", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const { out } = await trained(folder, someRows(1, 64), someRows(2, 40), clicks);
    const model = await Deno.readTextFile(join(out, "model.json"));
    const best = await Deno.readTextFile(join(out, "checkpoints", "best.json"));
    const rows = await Deno.readTextFile(join(folder, "other.csv"));
    interface Changeable {
      readonly vocabularies: Record<string, string[]>;
      readonly label: { readonly spec: { classes: number } };
      readonly network: { units: number };
    }
    const changed = (change: (model: Changeable) => void) => {
      const value = JSON.parse(model);
      change(value);
      return JSON.stringify(value);
    };
    const files: Record<string, string> = {
      "day-run/model.json": model,
      "day-run/checkpoints/best.json": best,
      "other.csv": rows,
    };
    const cases: [file: string, text: string, code: number, message: string][] = [
      ["day-run/model.json", model.slice(0, 900), 1, "model.json cannot be read: "],
      [
        "day-run/model.json",
        changed(({ vocabularies }) => vocabularies.city!.pop()),
        1,
        "the vocabulary of city has 2 values; expected 3",
      ],
      [
        "day-run/model.json",
        changed(({ network }) => network.units = 2),
        1,
        "network.units is 2, but the label needs 1",
      ],
      [
        "day-run/model.json",
        changed(({ label }) => label.spec.classes = 300_000_000),
        1,
        "label.spec.classes: Too big",
      ],
      [
        "day-run/checkpoints/best.json",
        best.replace(/"modelSha256":"./, '"modelSha256":"_'),
        1,
        "best.safetensors is from another run than model.json",
      ],
      ["other.csv", rows.replace("price", "prize"), 1, "other.csv has no column price"],
      [
        "other.csv",
        rows.replace(/(\n[^,]+,[^,]+,)[^,]+/, "$1seven"),
        1,
        'line 2 of other.csv: "seven" in the column shelf is not a valid int64',
      ],
    ];
    for (const [file, text, code, message] of cases) {
      for (const [name, right] of Object.entries(files)) {
        await Deno.writeTextFile(join(folder, name), name === file ? text : right);
      }
      const ended = await rocket(["predict", out, "other.csv", "--out", "scores.csv"], {
        cwd: folder,
      });
      assertStringIncludes(ended.stderr, message);
      assertEquals(ended.code, code, ended.stderr);
      const left = [...Deno.readDirSync(folder)].map(({ name }) => name);
      assert(!left.some((name) => name.includes("scores")), left.join());
    }
  });
});
