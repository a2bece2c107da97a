import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { rocket } from "../support/command_line.ts";
import { withFiles } from "../support/formats.ts";

const rows = Array.from(
  { length: 60 },
  (_, row) => `${row},${row % 9 === 4 ? "NA" : row * 0.5},${["x", "NA", "é, z"][row % 3]}`,
);
const line = (row: string, label: string) => row.replace(/[^,]*, z$/, '"$&"') + label;
const pipeline = `name: own
data:
  all: { use: csv, path: all.csv }
  nullValues: [NA, "\${env:ROCKET_TEST_NULL}"]
  types: { "mean radius (mm)": float32 }
  split: { test: 0.2, validation: 0.1, by: { stratify: kind } }
  features: ["*", "!id"]
  prepare: auto
  nulls: median
  label: kind
network: { use: mlp, light: [4], booster: [8] }
losses: [{ use: cross-entropy, on: light }, { use: cross-entropy, on: booster }]
optimizer: { use: adam, learningRate: 0.01 }
train: { epochs: 1, batch: 16 }
metrics: [accuracy]
outputs: [checkpoint]
`;

Deno.test("a run on one CSV file with strings and missing values predicts rows of such a file", async () => {
  const label = (row: number) => row % 2 === 0 ? ",ill" : ",well";
  const files = {
    "all.csv": ["id,mean radius (mm),part,kind", ...rows.map((row, at) => line(row, label(at)))]
      .join("\n"),
    // Without the label, and with a part that the training rows do not have.
    "new.csv": "id,mean radius (mm),part\n1,NA,x\n2,3.5,NA\n3,1,new\n",
    "p.yaml": pipeline,
  };
  await withFiles(files, async (cwd) => {
    const env = { ROCKET_TEST_NULL: "secret-null" };
    const ran = await rocket(["run", "--engine", "wasm", "--out", "run", "p.yaml"], { cwd, env });
    assertEquals(ran.code, 0, ran.stderr);
    // Options that `data` has for all sources keep their variables, like those of a source.
    for (const file of ["pipeline.json", "model.json"]) {
      const text = await Deno.readTextFile(join(cwd, "run", file));
      assertStringIncludes(text, "${env:ROCKET_TEST_NULL}");
      assert(!text.includes(env.ROCKET_TEST_NULL), file);
    }
    const HOME = join(cwd, "home");
    await Deno.mkdir(HOME);
    const found = await rocket(["predict", "run", "new.csv", "--out", "scores.csv"], {
      cwd,
      env: { ...env, HOME },
    });
    assertEquals(found.code, 0, found.stderr);
    // The telemetry of ONNX Runtime would store an id of the machine in the home folder.
    assertEquals([...Deno.readDirSync(HOME)], []);
    assertStringIncludes(found.stdout + found.stderr, "3 rows");
    assertStringIncludes(found.stdout + found.stderr, "2 nulls");
    const [head, ...scores] = (await Deno.readTextFile(join(cwd, "scores.csv"))).trim().split("\n");
    assertEquals([head, scores.length], ["prediction,score", 3]);
    for (const score of scores) assertEquals(/^(ill|well),0\.\d+$/.test(score), true, score);
  });
});
