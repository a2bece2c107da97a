import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { inFolder, rocket } from "../support/command_line.ts";

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
