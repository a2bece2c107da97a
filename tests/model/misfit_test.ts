import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  Float64,
  Int32,
  Table,
  tableFromIPC,
  tableToIPC,
  Uint8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { join } from "node:path";
import { inFolder, rocket } from "../support/command_line.ts";

const write = (path: string, columns: Record<string, Vector>) =>
  Deno.writeFile(path, tableToIPC(new Table(columns), "file"));

/** Rows whose label is whether a byte is large. */
const bytes = Array.from({ length: 60 }, (_, row) => row * 37 % 251);

Deno.test("predict of an export refuses values that its inputs would change, with their row", () =>
  inFolder(async (folder) => {
    const rows = {
      n: vectorFromArray(bytes, new Uint8()),
      y: vectorFromArray(bytes.map((byte) => byte > 100 ? 1 : 0), new Int32()),
    };
    await write(join(folder, "rows.arrow"), rows);
    await Deno.writeTextFile(
      join(folder, "p.yaml"),
      `name: bytes
data:
  train: { use: arrow, path: rows.arrow }
  test: { use: arrow, path: rows.arrow }
  features: { n: {} }
  label: { column: y, kind: binary }
  transforms: [{ use: scale, by: 0.01 }]
network: { use: mlp, light: [4] }
losses: [{ use: binary-cross-entropy, on: light }]
optimizer: { use: adam, learningRate: 0.05 }
train: { epochs: 2, batch: 20, baseline: none }
metrics: [auc]
`,
    );
    const run = async (args: readonly string[], expected = 0) => {
      const { code, stdout, stderr } = await rocket(args, { cwd: folder });
      assertEquals(code, expected, stdout + stderr);
      return stderr;
    };
    await run(["p.yaml", "--out", "run", "--engine", "wasm", "--quiet"]);
    await run(["export", "run", "--format", "onnx", "--out", "exported"]);
    const predictions = async (model: string, file: string) => {
      await run(["predict", model, file, "--out", `${model}.arrow`]);
      return tableFromIPC(await Deno.readFile(join(folder, `${model}.arrow`)));
    };
    // A wider type is no problem as long as the values fit.
    await write(join(folder, "wide.arrow"), { n: vectorFromArray([7, 255], new Int32()) });
    const [own, other] = [
      await predictions("run", "wide.arrow"),
      await predictions("exported", "wide.arrow"),
    ];
    assertEquals(own.toArray().length, 2);
    assertEquals(
      JSON.stringify(own.toArray()).slice(0, 20),
      JSON.stringify(other.toArray()).slice(0, 20),
    );
    for (const value of [300, -1]) {
      await write(join(folder, "other.arrow"), { n: vectorFromArray([7, 7, value], new Int32()) });
      await predictions("run", "other.arrow");
      const text = await run(["predict", "exported", "other.arrow", "--out", "x.arrow"], 1);
      assertStringIncludes(text, `row 2: the column n has ${value}`);
      assertStringIncludes(text, "it takes uint8");
    }
    await write(join(folder, "parts.arrow"), { n: vectorFromArray([7, 2.5], new Float64()) });
    const text = await run(["predict", "exported", "parts.arrow", "--out", "x.arrow"], 1);
    assertStringIncludes(text, "n");
  }));
