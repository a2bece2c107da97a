import { join } from "node:path";
import { Table, tableFromIPC, tableToIPC, TimestampSecond, vectorFromArray } from "apache-arrow";
import { writerUnloadable } from "../../src/model/parquet_file.ts";
import { evaluate } from "../../src/commands/evaluate.ts";
import { exportRun } from "../../src/commands/export.ts";
import { report } from "../../src/commands/report.ts";
import { undrawable } from "../../src/base/draw.ts";
import { predict } from "../../src/commands/predict.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { parseArguments } from "../../src/launch/command_line/arguments.ts";
import { type CommandOptions, readOptions } from "../../src/launch/command_line/options.ts";
import { exportModel } from "../../src/model/export_model.ts";
import { loadModel, type LoadModelOptions } from "../../src/model/load_model.ts";
import { keptNet } from "../../src/model/kept_net.ts";
import { refusedValue } from "../../src/model/misfit.ts";
import { inputsOfGraph } from "../../src/model/onnx/columns.ts";
import { hashOf } from "../../src/base/files/hash_of.ts";
import { unloadable, withTelemetry } from "../../src/run/model/onnx_runtime.ts";
import type { ModelFile } from "../../src/run/model/model_file.ts";
import { listenError } from "../../src/serve/server.ts";
import { editModel } from "../support/edit_model.ts";
import { type Rows, train, writeDay, writeRows } from "../support/hand_over.ts";
import { clicks, someRows, trained } from "../support/trained.ts";
import type { ProgramCase } from "./program_cases.ts";
import { changedRows } from "../../src/model/evaluation/rows.ts";

/**
 * Calls of what answers for trained nets that are refused.
 *
 * @param parent A folder to work in.
 */
export function* modelPrograms(parent: string): Iterable<ProgramCase> {
  const folder = join(parent, "models");
  Deno.mkdirSync(folder);
  let made: Promise<{ out: string }> | undefined;
  /** A run, which is trained once. */
  const run = async () => {
    made ??= (async () => {
      await openEngine("wasm", () => {});
      return await trained(folder, someRows(1, 32), someRows(2, 8), clicks);
    })();
    return (await made).out;
  };
  const other = (path: string) => join(folder, path);
  const copy = async (name: string) => {
    const to = other(name);
    await Deno.mkdir(join(to, "checkpoints"), { recursive: true });
    for (const file of ["pipeline.json", "model.json", ...await checkpointsOf(await run())]) {
      await Deno.copyFile(join(await run(), file), join(to, file));
    }
    return to;
  };
  const load = (from: () => Promise<string>, options: LoadModelOptions = {}) => async () => {
    await using _ = await loadModel(await from(), options);
  };
  const right = load(run);

  yield {
    name: "a checkpoint that a run has not",
    run: load(run, { checkpoint: "bset" }),
    mended: { "checkpoint/name": load(run, { checkpoint: "best" }) },
  };
  yield {
    name: "a value that an exported net cannot take",
    run() {
      throw refusedValue({ column: "age", row: 6, value: 300, type: "uint8" }, 7);
    },
    // The run folder takes all values.
    mended: { "model/misfit": right },
  };
  yield {
    name: "a run without checkpoints",
    run: load(async () => {
      const to = await copy("none");
      await Deno.remove(join(to, "checkpoints"), { recursive: true });
      return to;
    }),
    mended: { "checkpoint/none": right },
  };
  const exchanged = (hashes: string) => async () => {
    const path = join(await run(), "pipeline.json"), { sha256 } = await hashOf(path);
    await keptNet(path, hashes.replace("HASH", sha256)).refuseExchanged();
  };
  yield {
    name: "a converted net that was exchanged while it was loaded",
    run: exchanged("{}\n"),
    mended: { "model/exchanged": exchanged('{"pipeline.json":"HASH"}\n') },
  };
  yield {
    name: "weights that were changed",
    run: load(async () => {
      const to = await copy("changed"), path = join(to, "checkpoints", "best.safetensors");
      const bytes = await Deno.readFile(path);
      bytes[bytes.length - 1]! ^= 1;
      await Deno.writeFile(path, bytes);
      return to;
    }),
    mended: { "model/changed": right },
  };
  yield {
    name: "weights of another run",
    run: load(async () => {
      const to = await copy("mingled"), json = join(to, "checkpoints", "best.json");
      const text = await Deno.readTextFile(json);
      await Deno.writeTextFile(json, text.replace(/"modelSha256":"./, '"modelSha256":"_'));
      return to;
    }),
    mended: { "model/run": right },
  };
  yield {
    name: "a model.json in which two values have changed places",
    run: load(async () => {
      const to = await copy("edited"), path = join(to, "model.json");
      const text = await Deno.readTextFile(path);
      const swapped = text.replace(/"(\w+)",(\s+)"(Rome|Oslo|Bonn)"/, '"$3",$2"$1"');
      await Deno.writeTextFile(path, swapped);
      return to;
    }),
    mended: { "model/edited": right },
  };
  yield {
    name: "weights that are cut short",
    run: load(async () => {
      const to = await copy("short"), path = join(to, "checkpoints", "best.safetensors");
      await Deno.truncate(path, 100);
      const json = join(to, "checkpoints", "best.json"), { sha256 } = await hashOf(path);
      const text = await Deno.readTextFile(json);
      await Deno.writeTextFile(json, text.replace(/"sha256":"[^"]+"/, `"sha256":"${sha256}"`));
      return to;
    }),
    mended: { "model/whole": right },
  };
  yield {
    name: "a network that has other variables than the run had",
    run: load(async () => {
      const to = await copy("network");
      editModel(to, ({ variables }) => {
        variables.find(({ name }: { name: string }) => name === "light/head/kernel").name = "tail";
      });
      return to;
    }),
    mended: { "model/network": right },
  };
  yield {
    name: "a net that a run has not trained",
    run: load(async () => {
      const to = await copy("light");
      editModel(to, ({ network }) => {
        network.nets = ["light"];
      });
      return to;
    }, { net: "booster" }),
    mended: { "model/net": right },
  };
  const asked = (rows: unknown) => async () => {
    await using model = await loadModel(await run());
    await model.predict(rows as Record<string, unknown>[]);
  };
  const row = { city: "Rome", item: "apple", shelf: 7, page: "/", day: 1, price: 2, time: 3 };
  yield {
    name: "a row with a text for a number",
    run: asked([{ ...row, price: "much" }]),
    mended: { "model/row": asked([row]) },
  };
  const arrays = (length: number) => ({
    ...Object.fromEntries(
      ["city", "item", "last", "shelf", "page", "day"].map((name) => [name, Int32Array.of(0)]),
    ),
    price: Float32Array.of(0),
    time: new Float32Array(length),
  });
  yield {
    name: "arrays without one of the features",
    run: asked({ time: Float32Array.of(0) }),
    mended: { "model/arrays": asked(arrays(1)) },
  };
  yield {
    name: "arrays of different numbers of rows",
    run: asked(arrays(2)),
    mended: { "model/rows": asked(arrays(1)) },
  };

  let exported: Promise<string> | undefined;
  const export_ = async () => {
    exported ??= (async () => {
      await exportModel(await run(), other("exported"), { engine: "wasm" });
      return other("exported");
    })();
    return await exported;
  };
  yield {
    name: "a checkpoint of an export",
    run: load(export_, { checkpoint: "best" }),
    mended: { "model/export-option": load(export_) },
  };
  yield {
    name: "a graph and a model that are not of one export",
    run: load(async () => {
      const from = await export_(), to = other("mixed");
      await Deno.mkdir(to, { recursive: true });
      await Deno.copyFile(join(from, "model.json"), join(to, "model.json"));
      const net = await Deno.readFile(join(from, "model.onnx"));
      net[net.length >> 1]! ^= 1;
      await Deno.writeFile(join(to, "model.onnx"), net);
      return to;
    }),
    mended: { "model/export": load(export_) },
  };
  for (const message of ["--cached-only is specified", "no such library"]) {
    yield {
      name: `ONNX Runtime that cannot be loaded: ${message}`,
      run() {
        throw unloadable(new Error(message));
      },
    };
  }
  yield {
    name: "ONNX Runtime whose telemetry cannot be turned off",
    run() {
      throw withTelemetry(new Error("Requires env access"));
    },
  };
  const ofVocabulary = (family: string, vocabulary: string[], inputs: "columns" | "ids") => () =>
    inputsOfGraph({
      features: [{
        ...{ name: "a", column: "a", type: { family, text: "" }, options: {} },
        spec: { shape: [], dtype: "int32", vocabulary },
      }],
      nulls: { fills: {} },
    } as unknown as ModelFile, inputs);
  const long = Array.from({ length: 1_000_001 }, (_, id) => `v${id}`);
  yield {
    name: "a vocabulary that is too long for a graph",
    run: ofVocabulary("strings", long, "columns"),
    mended: { "export/vocabulary": ofVocabulary("strings", long, "ids") },
  };
  yield {
    name: "a text among whole numbers, which a graph cannot have",
    run: ofVocabulary("whole numbers", ["1", "none"], "columns"),
    mended: { "export/odd-value": ofVocabulary("whole numbers", ["1", "none"], "ids") },
  };
  const large = ["1", String(2n ** 63n)];
  yield {
    name: "a number that is too large for a graph",
    run: ofVocabulary("whole numbers", large, "columns"),
    mended: { "export/odd-value": ofVocabulary("whole numbers", large, "ids") },
  };
  yield {
    name: "a text with NUL, which a graph cannot compare",
    run: ofVocabulary("strings", ["cat", "cat\0dog"], "columns"),
    mended: { "export/nul": ofVocabulary("strings", ["cat", "cat\0dog"], "ids") },
  };
  const graphOf =
    (name: string, apply: number, graph?: string, what: "net" | "run" = "net") => async () => {
      const plugin = `
      import { defineTransform, tf, z } from "${new URL("../../plugin.ts", import.meta.url).href}";
      export default defineTransform({
        name: "${name}",
        summary: "Multiplies.",
        options: z.object({}),
        create: (_, { features }) => ({
          features,
          apply: (batch) => ({ ...batch, features: { ...batch.features, n: {
            shape: [], values: Float32Array.from(batch.features.n.values, (n) => n * ${apply}),
          } } }),
          ${graph === undefined ? "" : `graph: ({ n }) => ({ n: tf.mul(n, ${graph}) }),`}
        }),
      });`;
      await Deno.writeTextFile(other(`${name}.ts`), plugin);
      await openEngine("wasm", () => {});
      const rows: Rows = { n: [1, 2, 3, 4], y: [0, 1, 0, 1] };
      const network = { use: "mlp", shared: [2], light: [2], booster: [3] };
      const file = await writeDay(folder, name, rows, {
        network,
        data: { features: { n: {} }, transforms: [{ use: `./${name}.ts` }] },
        train: { epochs: 1, batch: 4 },
      });
      const { out } = await train(file);
      const allowPlugins = [other(`${name}.ts`)];
      const net = other(`${name}-net`);
      await exportModel(out, net, { engine: "wasm", allowPlugins });
      return { net, run: out }[what];
    };
  yield {
    name: "a transform that reads values while it is recorded as a graph",
    run: graphOf("reading-graph", 2, "n.dataSync()[0]"),
    mended: { "export/stage": graphOf("a-graph", 2, "2") },
  };
  yield {
    name: "an export whose graph begins after a transform",
    run: load(graphOf("no-graph", 2)),
    mended: {
      "model/transform-outside": load(graphOf("no-graph-run", 2, undefined, "run"), {
        allowPlugins: [other("no-graph-run.ts")],
      }),
    },
  };
  yield {
    name: "a transform that computes something else in a graph",
    run: graphOf("other-graph", 2, "3"),
    mended: { "export/differs": graphOf("same-graph", 2, "2") },
  };

  const command = (
    run: (words: string[], options: CommandOptions) => Promise<number>,
    line: () => Promise<string[]>,
  ) =>
  async () => {
    const parsed = parseArguments(await line());
    await run(parsed.words.slice(1), { ...readOptions(parsed), quiet: true });
  };
  const served = (...more: string[]) =>
    command(() => Promise.resolve(0), () => Promise.resolve(["serve", "run", ...more]));
  yield {
    name: "a port that there is not",
    run: served("--port", "70000"),
    mended: { "command/port": served("--port", "8000") },
  };
  yield {
    name: "a host that stands for many",
    run: served("--host", "*"),
    mended: { "command/host": served("--host", "127.0.0.1") },
  };
  const listens = (error: Error) => () => Promise.reject(listenError(error, "192.0.2.1", 8000));
  yield {
    name: "a port that another program uses",
    run: listens(new Deno.errors.AddrInUse("Address already in use")),
    mended: { "serve/port": served("--port", "0") },
  };
  yield {
    name: "an address of another machine",
    run: listens(new Deno.errors.AddrNotAvailable("Cannot assign requested address")),
    mended: { "serve/host": served("--host", "127.0.0.1") },
  };
  const scores = (...more: string[]) =>
    command(predict, async () => ["predict", await run(), other("other.csv"), ...more]);
  const written = scores("--out", other("scores.csv"));
  yield { name: "scores without a file", run: scores(), mended: { "predict/out": written } };
  yield {
    name: "scores in a file of another format",
    run: scores("--out", other("scores.txt")),
    mended: { "predict/format": written },
  };
  yield {
    name: "scores in the file of the rows",
    run: scores("--out", other("other.csv")),
    mended: { "model/out": written },
  };
  yield {
    name: "scores of no rows",
    run: command(predict, async () => ["predict", await run(), "--out", other("scores.csv")]),
    mended: { "predict/usage": written },
  };
  yield {
    name: "a column to keep that there is not",
    run: scores("--out", other("scores.csv"), "--keep", "itme"),
    mended: { "predict/keep": scores("--out", other("scores.csv"), "--keep", "item") },
  };
  yield {
    name: "rows in a file that nothing reads",
    run: command(
      predict,
      async () => ["predict", await run(), "rows.txt", "--out", other("scores.csv")],
    ),
    mended: { "model/input": written },
  };
  const lists = async () => {
    await run();
    const table = tableFromIPC(await Deno.readFile(other("other.arrow")));
    const list = vectorFromArray(Array.from({ length: table.numRows }, () => [1, 2]));
    const whole = new Table({
      ...Object.fromEntries(
        table.schema.fields.map(({ name }) => [name, table.getChild(name)!]),
      ),
      list,
    });
    await Deno.writeFile(other("lists.arrow"), tableToIPC(whole, "file"));
    return other("lists.arrow");
  };
  const kept = (out: string) =>
    command(
      predict,
      async () => ["predict", await run(), await lists(), "--keep", "list", "--out", other(out)],
    );
  yield {
    name: "a list in a CSV file",
    run: kept("lists.csv"),
    mended: { "csv/nested": kept("lists-scores.arrow") },
  };
  const seconds = async () => {
    await run();
    const table = tableFromIPC(await Deno.readFile(other("other.arrow")));
    const step = vectorFromArray(Array(table.numRows).fill(5000), new TimestampSecond());
    const whole = new Table({
      ...Object.fromEntries(
        table.schema.fields.map(({ name }) => [name, table.getChild(name)!]),
      ),
      step,
    });
    await Deno.writeFile(other("steps.arrow"), tableToIPC(whole, "file"));
    return other("steps.arrow");
  };
  const steps = (out: string) =>
    command(
      predict,
      async () => ["predict", await run(), await seconds(), "--keep", "step", "--out", other(out)],
    );
  yield {
    name: "a type that Parquet files cannot contain",
    run: steps("steps.parquet"),
    mended: { "parquet/type": steps("steps-scores.arrow") },
  };
  yield {
    name: "the package that writes Parquet files is not there",
    run: () => Promise.reject(writerUnloadable(new Error("it is not in the cache"))),
  };
  const entryOf = (text: string) =>
    command(predict, async () => {
      await run();
      await Deno.writeTextFile(other("entry.yaml"), text);
      return ["predict", await run(), other("entry.yaml"), "--out", other("scores.csv")];
    });
  yield {
    name: "rows of a YAML file without a source",
    run: entryOf("path: other.csv\n"),
    mended: { "model/entry": entryOf("use: csv\npath: other.csv\n") },
  };
  const evaluates = (...more: string[]) =>
    command(evaluate, async () => ["evaluate", await run(), other("other.csv"), ...more]);
  yield {
    name: "an evaluation of nothing",
    run: command(evaluate, () => Promise.resolve(["evaluate"])),
    mended: { "evaluate/usage": evaluates() },
  };
  yield {
    name: "a file for wrong rows without their number",
    run: evaluates("--out", other("errors.csv")),
    mended: { "evaluate/errors": evaluates("--out", other("errors.csv"), "--errors", "100") },
  };
  yield {
    name: "wrong rows without a file",
    run: evaluates("--errors", "3"),
    mended: { "evaluate/out": evaluates("--out", other("errors.csv"), "--errors", "3") },
  };
  yield {
    name: "the rows with the largest losses in the file of the run's own test rows",
    run: command(
      evaluate,
      async () => ["evaluate", await run(), "--errors", "3", "--out", other("other.csv")],
    ),
    mended: { "model/out": evaluates("--out", other("errors.csv"), "--errors", "3") },
  };
  let several: Promise<string> | undefined;
  /** A run with several labels. */
  const ofLabels = async () => {
    several ??= (async () => {
      const own = other("labels");
      await Deno.mkdir(own);
      await openEngine("wasm", () => {});
      const data = { ...clicks.data as object, label: undefined, labels: { y: "y", day: "day" } };
      const losses = ["light", "booster"].map((on) => ({ use: "cross-entropy", on, label: "y" }));
      await writeRows(join(own, "other.csv"), someRows(2, 16));
      const file = await writeDay(own, "day", someRows(1, 32), {
        ...clicks,
        data,
        losses,
        metrics: [],
      });
      return (await train(file)).out;
    })();
    return await several;
  };
  yield {
    name: "the rows with the largest losses of several labels",
    run: command(evaluate, async () => [
      ...["evaluate", await ofLabels(), other("other.csv"), "--errors", "3"],
      ...["--out", other("errors.csv")],
    ]),
    mended: {
      "evaluate/errors-labels": command(
        evaluate,
        async () => ["evaluate", await ofLabels(), other("other.csv")],
      ),
    },
  };
  yield {
    name: "groups of a column that there is not",
    run: evaluates("--by", "itme"),
    mended: { "evaluate/column": evaluates("--by", "item") },
  };
  yield {
    name: "an evaluation of an export",
    run: command(evaluate, async () => ["evaluate", await export_(), other("other.csv")]),
    mended: { "evaluate/export": evaluates() },
  };
  yield {
    name: "groups of lists",
    run: command(evaluate, async () => ["evaluate", await run(), await lists(), "--by", "list"]),
    mended: { "evaluate/by-type": evaluates("--by", "item") },
  };
  yield {
    name: "as many groups as rows",
    async run() {
      await run();
      const one = await Deno.readTextFile(other("other.csv"));
      const [head, first] = one.split("\n"), at = head!.split(",").indexOf("time");
      const lines = Array.from({ length: 10_001 }, (_, time) => {
        const cells = first!.split(",");
        cells[at] = String(time);
        return cells.join();
      });
      await Deno.writeTextFile(other("many.csv"), [head, ...lines].join("\n") + "\n");
      const words = ["evaluate", await run(), other("many.csv"), "--by", "time"];
      await command(evaluate, () => Promise.resolve(words))();
    },
    mended: { "evaluate/by-many": evaluates("--by", "item") },
  };
  yield {
    name: "an evaluation of a file without rows",
    async run() {
      await run();
      const [head] = (await Deno.readTextFile(other("other.csv"))).split("\n");
      await Deno.writeTextFile(other("empty.csv"), `${head}\n`);
      const words = ["evaluate", await run(), other("empty.csv")];
      await command(evaluate, () => Promise.resolve(words))();
    },
    mended: { "evaluate/empty": evaluates() },
  };
  yield {
    name: "an evaluation on rows that have changed since they were divided",
    run: () => Promise.reject(changedRows({ file: "p.yaml" })),
  };
  const reports = (...more: string[]) =>
    command(report, async () => ["report", await run(), ...more]);
  const reported = reports("--out", other("report.html"));
  yield {
    name: "a report of nothing",
    run: command(report, () => Promise.resolve(["report", "--out", other("report.html")])),
    mended: { "report/runs": reported },
  };
  yield {
    name: "a report without a file",
    run: reports(),
    mended: { "report/out": reported },
  };
  yield {
    name: "a picture of a run without losses",
    run: reports("--out", other("report.svg")),
    mended: { "report/picture": reported },
  };
  yield {
    name: "packages for pictures that cannot be loaded",
    run() {
      throw undrawable(new Error("--cached-only is specified"));
    },
  };
  const exports = (...more: string[]) =>
    command(exportRun, async () => ["export", await run(), "--engine", "wasm", ...more]);
  yield {
    name: "an export without a format",
    run: exports("--out", other("net")),
    mended: { "export/option": exports("--out", other("net"), "--format", "onnx") },
  };
  const into = (out: () => Promise<string>) => async () =>
    await exports("--out", await out(), "--format", "safetensors")();
  yield {
    name: "an export into a run folder",
    run: into(run),
    mended: { "export/run": into(() => Promise.resolve(other("net"))) },
  };
  yield {
    name: "a model repository of weights alone",
    run: exports("--out", other("net"), "--format", "safetensors", "--layout", "repository"),
    mended: { "export/layout": exports("--out", other("net"), "--format", "safetensors") },
  };
}

async function checkpointsOf(run: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(join(run, "checkpoints"))) {
    names.push(join("checkpoints", name));
  }
  return names;
}
