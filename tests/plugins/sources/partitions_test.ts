import { assertEquals, assertRejects } from "@std/assert";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import { dirname, join } from "node:path";
import { type SourceStage, UserError } from "../../../plugin.ts";
import arrow from "../../../plugins/sources/arrow.ts";
import csv from "../../../plugins/sources/csv.ts";
import parquet from "../../../plugins/sources/parquet.ts";
import { readColumns, sourceOf, withFiles, writeParquet } from "../../support/formats.ts";

const stages: Readonly<Record<string, SourceStage>> = { arrow, parquet, csv };

/** Writes a file with one column, x. */
async function write(format: string, path: string, values: readonly number[]): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  if (format === "csv") await Deno.writeTextFile(path, `x\n${values.join("\n")}\n`);
  else if (format === "parquet") {
    await writeParquet(`SELECT unnest([${values}])::INTEGER AS x`, path);
  } else await Deno.writeFile(path, tableToIPC(tableFromArrays({ x: Int32Array.from(values) })));
}

for (const [format, stage] of Object.entries(stages)) {
  const read = async (files: Readonly<Record<string, readonly number[]>>, path: string) => {
    let columns: Record<string, unknown[]> = {};
    await withFiles({}, async (folder) => {
      for (const [name, values] of Object.entries(files)) {
        await write(format, join(folder, `${name}.${format}`), values);
      }
      await Deno.writeTextFile(join(folder, "_SUCCESS"), "");
      await Deno.writeTextFile(join(folder, "README.md"), "no data");
      columns = await readColumns(sourceOf(stage, { path }, folder));
    });
    return columns;
  };

  Deno.test(`${format} reads the files of a folder that have its extension, in the order of their names`, async () => {
    const files = { "d/b": [3], "d/a": [1, 2], "d/.c": [8], "d/_d": [9], "d/e/f": [7] };
    assertEquals(await read(files, "d"), { x: [1, 2, 3] });
    assertEquals(await read(files, "d/"), { x: [1, 2, 3] });
  });

  Deno.test(`${format} makes columns from Hive partitions in folders, globs and files`, async () => {
    const files = {
      "t/day=2026-11-02/shop=7/p": [3],
      "t/day=2026-11-01/shop=7/p": [1, 2],
      "t/day=2026-11-01/shop=__HIVE_DEFAULT_PARTITION__/p": [4],
      // Only addresses end at these characters.
      "u#1/day=2026-11-01/p": [5],
    };
    assertEquals(await read(files, "u#1"), { x: [5], day: [20758 * 86400] });
    const [first, second] = [20758 * 86400, 20759 * 86400];
    for (const path of ["t", "t/day=*/*/*", `t/**/*.${format}`]) {
      assertEquals(await read(files, path), {
        x: [1, 2, 4, 3],
        day: [first, first, first, second],
        shop: [7, 7, null, 7],
      });
    }
    assertEquals(await read(files, `t/day=2026-11-02/shop=7/p.${format}`), {
      x: [3],
      day: [second],
      shop: [7],
    });
  });

  Deno.test(`${format} reads partition values as text if they are not all numbers or all dates`, async () => {
    const files = { "k=a%20b%2Fc/p": [1], "k=2026-02-30/p": [2], "k=007/p": [3] };
    assertEquals(await read(files, "."), {
      x: [3, 2, 1],
      k: ["007", "2026-02-30", "a b/c"],
    });
  });

  Deno.test(`${format} prefers a column of the file to a partition, and refuses partitions that only some files have`, async () => {
    assertEquals(await read({ "x=5/p": [1] }, "x=5"), { x: [1] });
    await assertRejects(
      () => read({ "a=1/p": [1], "p": [2] }, "."),
      UserError,
      `./a=1/p.${format} gets the column a from the name of its folder, but ./p.${format} has no such column`,
    );
  });
}
