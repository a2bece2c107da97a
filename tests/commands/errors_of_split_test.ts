import { assert, assertEquals } from "@std/assert";
import { Int32, Table, tableFromIPC, tableToIPC, vectorFromArray } from "apache-arrow";
import { join } from "node:path";
import { inFolder, rocket } from "../support/command_line.ts";

Deno.test("evaluate --errors numbers rows as in the source if a run has divided it", () =>
  inFolder(async (folder) => {
    const rows = Array.from({ length: 200 }, (_, row) => row);
    const table = new Table({
      number: vectorFromArray(rows, new Int32()),
      x: vectorFromArray(rows.map((row) => row * 37 % 11), new Int32()),
      y: vectorFromArray(rows.map((row) => row * 7 % 5 > 2 ? 1 : 0), new Int32()),
    });
    await Deno.writeFile(join(folder, "rows.arrow"), tableToIPC(table, "file"));
    await Deno.writeTextFile(
      join(folder, "p.yaml"),
      `name: divided
data:
  all: { use: arrow, path: rows.arrow }
  split: { test: 0.3 }
  features: { x: {} }
  label: { column: y, kind: binary }
network: { use: mlp, light: [4] }
losses: [{ use: binary-cross-entropy, on: light }]
optimizer: { use: adam, learningRate: 0.05 }
train: { epochs: 1, batch: 20, baseline: none }
metrics: [auc]
`,
    );
    const run = async (args: readonly string[]) => {
      const { code, stdout, stderr } = await rocket(args, { cwd: folder });
      assertEquals(code, 0, stdout + stderr);
      return stdout;
    };
    await run(["p.yaml", "--out", "run", "--engine", "wasm", "--quiet"]);
    const args = ["evaluate", "run", "--engine", "wasm", "--errors", "20"];
    const told = JSON.parse(await run([...args, "--out", "errors.arrow", "--json"]));
    const wrong = tableFromIPC(await Deno.readFile(join(folder, "errors.arrow"))).toArray()
      .map((row) => row.toJSON());
    assertEquals(wrong.length, 20);
    for (const { row, number } of wrong) assertEquals(Number(row), number);
    // There are 60 test rows, so a number among them would be smaller.
    assert(wrong.some(({ number }) => number >= 60));
    assertEquals(
      told.wrong.map(({ row }: { row: number }) => row),
      wrong.map(({ number }) => number),
    );
  }));
