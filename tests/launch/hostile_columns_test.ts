import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { inFolder, rocket } from "../support/command_line.ts";

const names = ["a", "score", "row", "why", "light_loss", "y"];

/** Rows whose columns have names of columns that `predict` and `evaluate` add. */
const rows = [
  names.join(),
  ...Array.from({ length: 60 }, (_, row) => `${row / 60},${7 + row},mine,because,9,${row % 2}`),
].join("\n") + "\n";

const source = { use: "csv", path: "d.csv" };
const pipeline = stringify({
  ...{ name: "columns", seed: 1 },
  data: {
    ...{ train: source, test: source, features: { a: {}, score: {} } },
    label: { column: "y", kind: "binary" },
  },
  network: { use: "mlp", light: [4] },
  losses: [{ use: "binary-cross-entropy", on: "light" }],
  optimizer: { use: "sgd", learningRate: 0.01 },
  train: { epochs: 1, batch: 20 },
  metrics: ["auc"],
  outputs: ["checkpoint", "metrics"],
});

Deno.test("columns of a data file with the names of predictions do not take their place", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "p.yaml"), pipeline);
    await Deno.writeTextFile(join(folder, "d.csv"), rows);
    const run = async (...args: string[]) => {
      const { code, stderr } = await rocket(args, { cwd: folder });
      assertEquals(code, 0, stderr);
      return stderr;
    };
    const table = async (file: string) => {
      const lines = (await Deno.readTextFile(join(folder, file))).trim().split("\n");
      const [head, ...rows] = lines.map((line) => line.split(","));
      return (name: string) => rows.map((row) => row[head!.indexOf(name)]);
    };
    await run("p.yaml", "--engine", "wasm", "--out", "run");

    const said = await run("predict", "run", "d.csv", "--out", "o.csv", "--keep", "all");
    assertStringIncludes(said, "warning: columns of the input have names of columns that Rocket");
    assertStringIncludes(said, "score is written as score_2");
    const predicted = await table("o.csv");
    assertEquals(predicted("score_2"), Array.from({ length: 60 }, (_, row) => `${7 + row}`));
    await run("predict", "run", "d.csv", "--out", "alone.csv");
    assertEquals(predicted("score"), (await table("alone.csv"))("score"));

    // SQL does not distinguish these names: `SELECT score` would return the first column.
    const upper = rows.trim().split("\n").map((line, row) => `${row ? 5 : "SCORE"},${line}`);
    await Deno.writeTextFile(join(folder, "u.csv"), upper.join("\n") + "\n");
    await run("predict", "run", "u.csv", "--out", "p.csv", "--keep", "SCORE,a");
    const [head] = (await Deno.readTextFile(join(folder, "p.csv"))).split("\n");
    assertEquals(head, "SCORE_2,a,score");

    const found = await run("evaluate", "run", "--errors", "5", "--out", "e.csv");
    assertStringIncludes(found, "row is written as row_2, why is written as why_2");
    const errors = await table("e.csv");
    assertEquals(new Set(errors("row_2")), new Set(["mine"]));
    assertEquals(new Set(errors("light_loss_2")), new Set(["9"]));
    for (const [index, row] of errors("row").entries()) {
      const label = Number(row) % 2, score = Number(predicted("score")[Number(row)]);
      const loss = -Math.log(label ? score : 1 - score);
      const difference = Math.abs(Number(errors("light_loss")[index]) - loss);
      assertEquals(difference < 1e-4 * Math.max(1, loss), true, `${loss}, row ${row}`);
    }

    await run("report", "run", "--out", "report.html");
    const page = await Deno.readTextFile(join(folder, "report.html"));
    for (const text of ["because", "mine"]) assertStringIncludes(page, text);
  }));
