import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { convert } from "../../data/convert.ts";
import { UserError } from "../../plugin.ts";
import arrow from "../../plugins/sources/arrow.ts";
import { sourceOf, withFiles } from "../support/formats.ts";
import { exactColumns, interopFiles, interopFolder } from "../support/interop.ts";

for (const { file, columns, options } of interopFiles) {
  const names = Object.keys(columns);
  // What types a CSV file has is for the source to be told.
  if (names.length === 0 || options || file.startsWith("hive_")) continue;
  Deno.test(`convert creates an Arrow file from ${file} with the same values, for any batch size`, async () => {
    for (const batchRows of [undefined, 2]) {
      await withFiles({}, async (folder) => {
        const to = join(folder, "out.arrow");
        await convert({ from: join(interopFolder, file), to, columns: names, batchRows });
        assertEquals(await exactColumns(sourceOf(arrow, { path: to })), columns as never);
      });
    }
  });
}

Deno.test("convert rejects two columns with the same name if one of them is kept", async () => {
  const from = join(interopFolder, "pyarrow_same_names.arrow");
  await withFiles({}, async (folder) => {
    const to = join(folder, "out.arrow");
    for (const columns of [undefined, ["x"], ["y", "x"]]) {
      const error = await assertRejects(() => convert({ from, to, columns }), UserError);
      assertEquals(error.message, "the data has two columns with the name x");
      assertEquals(error.problems[0]!.hint, "keep only the other columns: --columns y");
    }
    await convert({ from, to, columns: ["y"] });
    assertEquals(await exactColumns(sourceOf(arrow, { path: to })), { y: [5, 6] });
  });
});
