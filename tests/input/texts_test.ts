import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { readPlan } from "../../src/run/read_plan.ts";
import type { Pipeline } from "../../src/pipeline/define.ts";
import { UserError } from "../../src/base/errors.ts";
import type { ColumnSpec } from "../../src/stages/batch.ts";
import { prepareData } from "../../src/input/prepare_data.ts";
import { withFiles } from "../support/problems.ts";

const files = {
  "missing.csv": "x,y\n1.5,0\n2,1\nNA,0\n3,1\n",
  "other.csv": "x,y\n7,0\nn/a,1\n8,1\n9,0\n",
  "plain.csv": "x,y\n1.5,0\n2,1\n4,0\n3,1\n",
  "repeated.csv": `x,y\n${"a,0\n".repeat(20)}1,1\n2,1\n3,1\n`,
};

/** What the feature x is, of splits in CSV files. */
async function featureOf(
  train: string,
  test: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<ColumnSpec> {
  return await withFiles(files, async (folder) => {
    const source = (name: string) => ({ use: "csv", path: join(folder, name), ...options });
    const plan = await readPlan({
      name: "texts",
      data: {
        train: source(train),
        test: source(test),
        features: { x: { nulls: "drop" } },
        label: "y",
      },
      network: { use: "mlp", light: [2], booster: [2] },
      losses: ["light", "booster"].map((on) => ({ use: "cross-entropy", on })),
      optimizer: { use: "sgd", learningRate: 1 },
      train: { epochs: 1, batch: 4 },
    } as unknown as Pipeline);
    const data = await prepareData(plan);
    try {
      return data.splits.train.features.x!;
    } finally {
      await data.close();
    }
  });
}

Deno.test("prepareData() reports the texts of all splits in a column that is mostly numbers", async () => {
  const missing = (texts: string, nullValues: string) =>
    `if ${texts} that a number is missing, write \`nullValues: [${nullValues}]\` in the sources of data, ` +
    "and choose how nulls are filled: `nulls: mean`";
  const { text } = await featureOf("missing.csv", "missing.csv");
  assertEquals([text!.value, text!.hint], ["NA", missing("NA means", '"", "NA"')]);
  assertEquals(
    text!.row.replace(/of .*missing/, "of missing"),
    "row 2 of missing.csv (train split)",
  );
  // Text in the test split makes a text of both, whose other values are not known in training.
  for (
    const [train, hint] of [
      ["plain.csv", missing("n/a means", '"", "n/a"')],
      ["missing.csv", missing("NA, n/a mean", '"", "NA", "n/a"')],
    ] as const
  ) {
    const error = await assertRejects(() => featureOf(train, "other.csv"), UserError);
    assertStringIncludes(
      error.message,
      'column x: has the value "7", which is not among the 4 values of the training rows',
    );
    assertStringIncludes(error.problems[0]!.hint!, `${hint}; write \`ids: train\``);
  }
  for (const train of ["missing.csv", "plain.csv"]) {
    const { dtype } = await featureOf(train, "other.csv", { nullValues: ["", "NA", "n/a"] });
    assertEquals(dtype, "float32");
  }
});

Deno.test("prepareData() counts all occurrences of values in a text column that may be numbers", async () => {
  const { text } = await featureOf("repeated.csv", "repeated.csv");
  assertEquals([text!.value, text!.hint], ["a", undefined]);
});
