import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { openRows, type ReadColumns } from "../../src/model/input_rows.ts";
import { withFiles } from "../support/problems.ts";

const csvOf = (options: Readonly<Record<string, unknown>>): ReadColumns => ({
  features: [{ column: "n", type: { text: "Float64", family: "numbers" } }],
  source: { use: "csv", options },
});

Deno.test("openRows() reads CSV files with the options of the run's source, for the columns that it needs", async () => {
  // model.json contains variables as the pipeline does.
  Deno.env.set("ROCKET_TEST_NULL", "NA");
  await withFiles({ "rows.csv": "n;t\nNA;a\n1.5;NA\n007;b\n" }, async (folder) => {
    const rows = await openRows(
      join(folder, "rows.csv"),
      csvOf({
        delimiter: ";",
        nullValues: ["${env:ROCKET_TEST_NULL}"],
        columns: { n: "float64", label: "string" },
      }),
      ["t"],
    );
    const values: unknown[] = [];
    for await (const batch of rows.recordBatches()) {
      for (const row of batch) values.push(row.toJSON());
    }
    await rows.close();
    assertEquals(values, [{ n: null, t: "a" }, { n: 1.5, t: null }, { n: 7, t: "b" }]);
  });
});

Deno.test("openRows() reports options that the source does not have", async () => {
  await withFiles({ "rows.csv": "n\n1\n" }, async (folder) => {
    await assertRejects(
      () => openRows(join(folder, "rows.csv"), csvOf({ delimiter: "long" }), []),
      UserError,
      "the options of the source csv in model.json are not valid: delimiter: expected one character",
    );
  });
});
