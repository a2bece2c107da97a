import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { rocket } from "../support/command_line.ts";
import { withFiles } from "../support/formats.ts";

/** Names of properties that all objects inherit. */
const inherited = ["toString", "valueOf", "constructor", "hasOwnProperty", "isPrototypeOf"];

const header = [...inherited, "toLocaleString", "propertyIsEnumerable", "__defineGetter__"];
const classes = ["toString", "__proto__", "valueOf"];
const rows = Array.from({ length: 90 }, (_, row) => {
  const numbers = [row % 7, row % 11, row % 13].map((value, at) =>
    (row + at) % 9 === 0 ? "" : String(value)
  );
  return [...numbers, inherited[row % 5], row % 4, row % 17, row % 6, classes[row % 3]].join(",");
});

const pipeline = `name: inherited
data:
  all: { use: csv, path: rows.csv }
  split: { test: 0.25, validation: 0.2, by: { group: toLocaleString } }
  nulls: mean
  features:
    toString: {}
    valueOf: { nulls: { fill: 1 } }
    constructor: { nulls: median }
    hasOwnProperty: { ids: train }
    isPrototypeOf: { ids: train }
  label: __defineGetter__
  weight: propertyIsEnumerable
  transforms: [{ use: one-hot, feature: hasOwnProperty }, { use: normalize, feature: constructor }]
network: { use: ctr, embedding: 4, light: { hidden: [4] }, booster: { hidden: [8] } }
losses:
  - { use: cross-entropy, on: light, name: toString }
  - { use: cross-entropy, on: booster, name: valueOf }
  - { use: mse-hint, name: constructor }
optimizer: { use: sgd, learningRate: 0.1 }
train: { epochs: 1, batch: 16 }
metrics: [{ use: accuracy, by: toLocaleString }, { use: confusion, name: hasOwnProperty }]
`;

Deno.test("columns, classes, losses, and metrics may have the names of inherited properties", () => {
  const files = {
    "rows.csv": [header.join(","), ...rows].join("\n"),
    "p.yaml": pipeline,
  };
  return withFiles(files, async (cwd) => {
    for (
      const args of [
        ["run", "p.yaml", "--engine", "wasm", "--out", "run"],
        ["predict", "run", "rows.csv", "--out", "of-run.csv"],
        ["evaluate", "run", "--engine", "wasm"],
        ["report", "run", "--out", "run.html"],
        ["export", "run", "--format", "onnx", "--out", "onnx"],
        ["export", "run", "--format", "saved-model", "--out", "saved-model"],
        ["predict", "onnx", "rows.csv", "--out", "of-export.csv"],
      ]
    ) {
      const { code, stderr } = await rocket(args, { cwd });
      assertEquals([code, stderr.includes("error")], [0, false], `${args.join(" ")}: ${stderr}`);
    }
    const predicted = await Deno.readTextFile(join(cwd, "of-run.csv"));
    assertEquals(predicted.split("\n")[0], "prediction,score");
    assertEquals(await Deno.readTextFile(join(cwd, "of-export.csv")), predicted);
  });
});
