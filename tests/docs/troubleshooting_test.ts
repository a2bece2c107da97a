import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { LineProcess, type Outcome } from "../corpus/outcome.ts";
import { inFolder, root } from "../support/command_line.ts";
import { blocks } from "./documents.ts";

const files = {
  "flowers.yaml": `name: flowers
data:
  train: { use: csv, path: flowers.csv }
  test: { use: csv, path: flowers.csv }
  features:
    width: {}
    color: { ids: train }
  label: species
  transforms: [{ use: one-hot, feature: color }]
network: { use: mlp, light: [4], booster: [16] }
losses:
  - { use: cross-entropy, on: light }
  - { use: cross-entropy, on: booster }
  - { use: mse-hint }
optimizer: { use: adam, learningRate: 0.01 }
train: { epochs: 2, batch: 4 }
metrics: [accuracy]
`,
  "flowers.csv": `width,color,price,species
1.4,white,2.5,iris
4.7,blue,3.5,rose
1.3,red,2,iris
4.5,white,4,rose
`,
  "gaps.csv": "width,color,species\n1.4,white,iris\n,blue,rose\n",
  "new.csv": "width,species\n1.4,iris\n",
  "../shared_loss.ts": "export default {};\n",
};

/** A problem of the document: the change of the pipeline file that causes it, and the command. */
interface Case {
  readonly title: string;
  readonly change?: readonly [from: string, to: string];
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const check = ["check", "flowers.yaml", "--engine", "wasm"];
const run = ["run", "flowers.yaml", "--engine", "wasm", "--quiet", "--out", "runs/flowers"];

const cases: readonly Case[] = [
  { title: "A file is not found", change: ["path: flowers.csv", "path: flower.csv"], args: check },
  { title: "An option is unknown", change: ["mse-hint", "mse-hint, wieght: 0.1"], args: check },
  { title: "A column does not exist", change: ["    width:", "    with:"], args: check },
  { title: "Values are missing", change: ["flowers.csv", "gaps.csv"], args: check },
  {
    title: "A text column is read by a net that needs numbers",
    change: ["  transforms: [{ use: one-hot, feature: color }]\n", ""],
    args: check,
  },
  {
    title: "The label is a number, but the loss needs a class",
    change: ["label: species", "label: price"],
    args: check,
  },
  {
    title: "A custom stage is outside the project",
    change: ["mse-hint", "../shared_loss.ts"],
    args: check,
  },
  { title: "The run folder exists already", args: run },
  {
    title: "A loss is not finite",
    change: ["learningRate: 0.01", "learningRate: 1e30"],
    args: [...run.slice(0, -1), "runs/large"],
  },
  {
    title: "A file for predictions lacks a column",
    args: ["predict", "runs/flowers", "new.csv", "--out", "scores.csv", "--engine", "wasm"],
  },
  {
    title: "A folder is not a run folder",
    args: ["predict", "runs/flower", "flowers.csv", "--out", "scores.csv"],
  },
  {
    title: "The native engine cannot be used",
    args: ["check", "flowers.yaml", "--engine", "native"],
    env: { ROCKET_TENSORFLOW: "tensorflow" },
  },
];

Deno.test("docs/troubleshooting.md has the messages that Rocket prints", async () => {
  const document = await Deno.readTextFile(join(root, "docs", "troubleshooting.md"));
  const titles = Array.from(document.matchAll(/^## (.*)$/gm), ([, title]) => title);
  assertEquals(titles, cases.map(({ title }) => title));
  const shown = blocks.filter(({ path, language }) =>
    path === "docs/troubleshooting.md" && language === "text"
  );
  assertEquals(shown.length, cases.length);
  const rocket = new LineProcess("child.ts", { flags: ["-A"] });
  const ask = async (line: object): Promise<Outcome> =>
    JSON.parse(await rocket.ask(JSON.stringify(line)));
  try {
    await inFolder(async (parent) => {
      const folder = join(await Deno.realPath(parent), "flowers");
      await Deno.mkdir(folder);
      for (const [name, text] of Object.entries(files)) {
        await Deno.writeTextFile(join(folder, name), text);
      }
      const trained = await ask({ folder, args: run });
      assertEquals(trained.code, 0, trained.stderr);
      for (const [index, { title, change, args, env }] of cases.entries()) {
        const pipeline = files["flowers.yaml"];
        const changed = change ? pipeline.replaceAll(...change) : pipeline;
        assert(!change || changed !== pipeline, title);
        await Deno.writeTextFile(join(folder, "flowers.yaml"), changed);
        const { code, stderr } = await ask({ folder, args, env });
        assert(code !== 0, title);
        const [, error] = /^(error: [^]*)/m.exec(stderr)!;
        assertEquals(
          error!.replaceAll(`${folder}/`, "").replaceAll(parent, "..").trim(),
          shown[index]!.text.trim(),
          title,
        );
      }
    });
  } finally {
    await rocket.end();
  }
});
