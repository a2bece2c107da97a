import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { ElementType, encodeModel } from "../../src/model/onnx/messages.ts";
import { inFolder, rocket } from "../support/command_line.ts";
import { pluginApi } from "../support/pipelines.ts";

const onnx = new URL("../reference/teacher.onnx", import.meta.url);

/** Rows with the inputs of the ONNX model, a key, and a label. */
const rows = [
  "a,b,word,key,y",
  ...Array.from(
    { length: 60 },
    (_, row) => `${row / 60},${row % 3},${row % 2 ? "yes" : "no"},${row},${row % 2}`,
  ),
].join("\n") + "\n";

/** A pipeline in which a net learns from a teacher. */
const taught = (teacher: Readonly<Record<string, unknown>>) => {
  const source = { use: "csv", path: "d.csv" };
  return stringify({
    name: "taught",
    seed: 1,
    data: {
      ...{ train: source, test: source, features: { a: {} } },
      label: { column: "y", kind: "binary" },
    },
    network: { use: "mlp", light: [4] },
    losses: [{ use: "kl", teacher }],
    optimizer: { use: "sgd", learningRate: 0.1 },
    train: { epochs: 1, batch: 20 },
    metrics: ["auc"],
    outputs: ["checkpoint"],
  });
};

Deno.test("no file of a run contains a value of a variable in the options of a teacher", async () => {
  const env = {
    ROCKET_TEST_DIR: "secretdir77",
    ROCKET_TEST_OUT: "logits",
    ROCKET_TEST_ROWS: "secretrows78",
    ROCKET_TEST_KEY: "key",
  };
  await inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "secretdir77"));
    await Deno.copyFile(onnx, join(folder, "secretdir77", "m.onnx"));
    await Deno.writeTextFile(join(folder, "d.csv"), rows);
    await Deno.writeTextFile(join(folder, "secretrows78.csv"), rows);
    const pipelines = {
      "a.yaml": { onnx: "${env:ROCKET_TEST_DIR}/m.onnx", output: "${env:ROCKET_TEST_OUT}" },
      "b.yaml": {
        ...{ onnx: "${env:ROCKET_TEST_DIR}/m.onnx", key: "${env:ROCKET_TEST_KEY}" },
        rows: { use: "csv", path: "${env:ROCKET_TEST_ROWS}.csv" },
      },
      "c.yaml": { run: "secretdir77-${env:ROCKET_TEST_OUT}" },
    };
    for (const [name, teacher] of Object.entries(pipelines)) {
      await Deno.writeTextFile(join(folder, name), taught(teacher));
      const out = name === "a.yaml" ? "secretdir77-logits" : `run-${name}`;
      const ran = await rocket([name, "--engine", "wasm", "--out", out], { cwd: folder, env });
      assertEquals(ran.code, 0, ran.stderr);
      const again = await rocket(["resume", out, "--epochs", "2"], { cwd: folder, env });
      assertEquals(again.code, 0, again.stderr);
      for (const file of await readdir(join(folder, out), { recursive: true })) {
        const path = join(folder, out, file);
        if (!(await Deno.stat(path)).isFile) continue;
        const content = new TextDecoder().decode(await Deno.readFile(path));
        assert(!/secretrows78|"logits"|secretdir77\/|secretdir77\\/.test(content), path);
      }
      const made = JSON.parse(await Deno.readTextFile(join(folder, out, "pipeline.json")));
      assertStringIncludes(Object.keys(made.teachers).join(), "${env:ROCKET_TEST_");
      // A teacher that has changed is still noticed.
      const written = JSON.stringify({
        ...made,
        teachers: Object.fromEntries(Object.keys(made.teachers).map((key) => [key, "another"])),
      });
      await Deno.writeTextFile(join(folder, out, "pipeline.json"), written);
      const other = await rocket(["resume", out, "--epochs", "3"], { cwd: folder, env });
      assertEquals(other.code, 1, other.stderr);
      assertStringIncludes(other.stderr, "has changed since the run began");
      await Deno.writeTextFile(join(folder, out, "pipeline.json"), JSON.stringify(made));
    }
  });
});

/** An ONNX model that multiplies the column `a` with a weight in another file. */
const weighted = (location: string) =>
  encodeModel({
    producer: { name: "", version: "" },
    operators: { "": 18 },
    metadata: {},
    name: "weighted",
    nodes: [{ op: "Mul", name: "m", inputs: ["a", "w"], outputs: ["logits"], attributes: {} }],
    tensors: [{
      ...{ name: "w", type: ElementType.float, shape: [1] },
      data: { location, offset: 0, length: 4 },
    }],
    inputs: [{ name: "a", type: ElementType.float, shape: ["rows"] }],
    outputs: [{ name: "logits", type: ElementType.float, shape: ["rows"] }],
  });

const weight = (value: number) => new Uint8Array(Float32Array.of(value).buffer);

Deno.test("a link that custom code left in the cache is named by the next command with custom code", async () => {
  const gradient = `
import { defineGradient, z } from ${JSON.stringify(pluginApi)};
export default defineGradient({
  name: "own", summary: "O.", options: z.object({}), create: () => [{ from: 0, to: 1, shared: 1 }],
});
`;
  await inFolder(async (outer) => {
    const folder = join(outer, "project"), victim = join(outer, "victim");
    for (const made of [folder, victim]) await Deno.mkdir(made);
    await Deno.writeTextFile(join(folder, "own.ts"), gradient);
    await Deno.writeTextFile(join(folder, "d.csv"), rows);
    await Deno.copyFile(onnx, join(folder, "m.onnx"));
    const pipeline = parse(taught({ onnx: "m.onnx" }));
    pipeline.losses[0].gradient = "./own.ts";
    await Deno.writeTextFile(join(folder, "p.yaml"), stringify(pipeline));
    const env = { ROCKET_CACHE: join(outer, "cache") };
    for (const name of ["teachers", "nets"]) {
      await Deno.mkdir(join(outer, "cache", name), { recursive: true });
      await Deno.symlink(victim, join(outer, "cache", name, "l"));
      const args = ["p.yaml", "--engine", "wasm", "--out", "run"];
      const ran = await rocket(args, { cwd: folder, env });
      assertEquals(ran.code, 0, ran.stderr);
      if (name === "teachers") {
        assertMatch(ran.stderr, /^permissions: .*write [^,]*victim/m);
        await Deno.remove(join(outer, "cache", name, "l"));
        await Deno.remove(join(folder, "run"), { recursive: true });
        continue;
      }
      // This one belongs to commands that use a trained net.
      assert(!/^permissions: .*victim/m.test(ran.stderr), ran.stderr);
      const model = join(folder, "run", "model.json"), text = await Deno.readTextFile(model);
      const changed = JSON.parse(text);
      changed.transforms.push({ use: join(folder, "own.ts") });
      await Deno.writeTextFile(model, JSON.stringify(changed));
      const predict = ["predict", "run", "d.csv", "--out", "o.csv", "--permissions"];
      const { stdout } = await rocket(predict, { cwd: folder, env });
      assertMatch(stdout, /'--allow-write=[^']*[/\\]victim[',]/);
    }
  });
});

/** The loss of the hint at the end of a run. */
async function lossOf(run: string): Promise<number> {
  const lines = (await Deno.readTextFile(join(run, "metrics.jsonl"))).trim().split("\n");
  const found = Object.entries(JSON.parse(lines[0]!)).find(([name]) => name.includes("kl"));
  return found![1] as number;
}

Deno.test("outputs of an ONNX model are computed again when a file with its weights changes", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "d.csv"), rows);
    await Deno.mkdir(join(folder, "weights"));
    for (const location of ["m.onnx_data", "weights/w.bin"]) {
      const name = `${location.length}`, env = { ROCKET_CACHE: join(folder, `cache-${name}`) };
      await Deno.writeFile(join(folder, "m.onnx"), weighted(location));
      await Deno.writeFile(join(folder, location), weight(1));
      await Deno.writeTextFile(join(folder, "p.yaml"), taught({ onnx: "m.onnx" }));
      const ran = async (out: string, words: string) => {
        const args = ["p.yaml", "--engine", "wasm", "--out", out];
        const { code, stdout, stderr } = await rocket(args, { cwd: folder, env });
        assertEquals(code, 0, stderr);
        assertStringIncludes(stdout + stderr, words);
        return await lossOf(join(folder, out));
      };
      const first = await ran(`a-${name}`, "was computed for 60 training rows");
      assertEquals(await ran(`b-${name}`, "is in the cache"), first);
      await Deno.writeFile(join(folder, location), weight(-3));
      assertNotEquals(await ran(`c-${name}`, "was computed for 60 training rows"), first);
      const args = ["resume", `a-${name}`, "--epochs", "2"];
      const { code, stderr } = await rocket(args, { cwd: folder, env });
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, "m.onnx has changed since the run began");
    }
  });
});

Deno.test("outputs of a teacher are not used for other rows of a file of the same name, size, and time", async () => {
  await inFolder(async (folder) => {
    const env = { ROCKET_CACHE: join(folder, "cache") }, at = new Date(1e12);
    // The fingerprint of a file of this size is made of its name, size, and time.
    const pad = "x".repeat(1_600_000), path = join(folder, "d.csv");
    const write = async (values: (row: number) => string) => {
      await Deno.writeTextFile(path, "a,b,word,y,pad\n");
      for (let row = 0; row < 180; row++) {
        const line = `${values(row)},1,no,${row % 2},${pad}\n`;
        await Deno.writeTextFile(path, line, { append: true });
      }
      await Deno.utime(path, at, at);
    };
    await Deno.copyFile(onnx, join(folder, "m.onnx"));
    await Deno.writeTextFile(join(folder, "p.yaml"), taught({ onnx: "m.onnx" }));
    const ran = async (out: string) => {
      const args = ["p.yaml", "--engine", "wasm", "--out", out];
      const { code, stdout, stderr } = await rocket(args, { cwd: folder, env });
      assertEquals(code, 0, stderr);
      return { told: stdout + stderr, loss: await lossOf(join(folder, out)) };
    };
    await write((row) => `0.${100 + row}`);
    const first = await ran("a");
    await write((row) => `0.${300 - row}`);
    const second = await ran("b");
    assertStringIncludes(second.told, "was computed for 180 training rows");
    assertNotEquals(second.loss, first.loss);
  });
});

Deno.test("logits of a net in the cache are not used after its checkpoint was changed", async () => {
  await inFolder(async (folder) => {
    const env = { ROCKET_CACHE: join(folder, "cache") };
    await Deno.writeTextFile(join(folder, "d.csv"), rows);
    await Deno.copyFile(onnx, join(folder, "m.onnx"));
    await Deno.writeTextFile(join(folder, "t.yaml"), taught({ onnx: "m.onnx" }));
    await Deno.writeTextFile(join(folder, "p.yaml"), taught({ run: "t" }));
    const ran = async (file: string, out: string) => {
      const args = [file, "--engine", "wasm", "--out", out];
      return await rocket(args, { cwd: folder, env });
    };
    for (const [file, out] of [["t.yaml", "t"], ["p.yaml", "a"], ["p.yaml", "b"]] as const) {
      const { code, stdout, stderr } = await ran(file, out);
      assertEquals(code, 0, stderr);
      if (out === "b") assertStringIncludes(stdout + stderr, "are in the cache");
    }
    const checkpoints = join(folder, "t", "checkpoints");
    for (const { name } of Deno.readDirSync(checkpoints)) {
      if (!name.endsWith(".safetensors")) continue;
      const bytes = await Deno.readFile(join(checkpoints, name));
      bytes.fill(7, bytes.length - 8);
      await Deno.writeFile(join(checkpoints, name), bytes);
    }
    const { code, stderr } = await ran("p.yaml", "c");
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "was changed after the run wrote it: its hash is different");
  });
});
