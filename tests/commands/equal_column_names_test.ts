import { assertEquals, assertStringIncludes } from "@std/assert";
import { Field, RecordBatch, Schema, Table, tableFromIPC, tableToIPC } from "apache-arrow";
import { join } from "node:path";
import { rocket } from "../support/command_line.ts";
import { dataFolder, digitsPipeline, runFile, withPipeline } from "../support/pipelines.ts";

/** Returns rows of the digits with the label twice more, in two columns of the same name. */
async function rowsWithEqualNames(): Promise<Table> {
  const digits = tableFromIPC(await Deno.readFile(join(dataFolder, "digits-test.arrow")));
  const own = digits.slice(0, 20).select(["digit", "image"]);
  const [batch] = own.batches, labels = batch!.data.children[own.schema.names.indexOf("digit")]!;
  const fields = [
    ...batch!.schema.fields,
    ...["l", "l"].map((name) => new Field(name, labels.type)),
  ];
  const data = batch!.data.clone();
  Object.assign(data, { children: [...batch!.data.children, labels, labels] });
  return new Table([new RecordBatch(new Schema(fields), data)]);
}

Deno.test("commands refuse rows with two columns of the same name if they read these columns", () => {
  const pipeline = digitsPipeline({ train: { epochs: 1, batch: 256 }, outputs: ["checkpoint"] });
  return withPipeline(pipeline, async (file, cwd) => {
    await runFile(file, join(cwd, "run"), "wasm");
    await Deno.writeFile(join(cwd, "l.arrow"), tableToIPC(await rowsWithEqualNames(), "file"));
    const predict = ["predict", "run", "l.arrow", "--out", "out.csv"];
    const evaluate = ["evaluate", "run", "l.arrow"];
    for (
      const args of [
        [...predict, "--keep", "l"],
        [...predict, "--keep", "all"],
        [...evaluate, "--by", "l"],
        [...evaluate, "--errors", "2", "--out", "out.csv"],
        ["new", "project", "own", "--from", "l.arrow", "--label", "digit"],
      ]
    ) {
      const { code, stderr } = await rocket(args, { cwd });
      assertEquals(code === 0, false, `${args}: ${stderr}`);
      assertStringIncludes(stderr, "the data has several columns with the name l\n", `${args}`);
      assertStringIncludes(stderr, "hint: give each column of the data file a unique name");
    }
    for (const args of [[...predict, "--keep", "digit"], evaluate]) {
      const { code, stderr } = await rocket(args, { cwd });
      assertEquals(code, 0, stderr);
    }
  });
});
