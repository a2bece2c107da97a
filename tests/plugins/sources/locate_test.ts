import { assertEquals } from "@std/assert";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import { join } from "node:path";
import type { SourceStage } from "../../../plugin.ts";
import arrow from "../../../plugins/sources/arrow.ts";
import csv from "../../../plugins/sources/csv.ts";
import parquet from "../../../plugins/sources/parquet.ts";
import { sourceOf, withFiles, writeParquet } from "../../support/formats.ts";

const arrowFile = (...x: number[]) => tableToIPC(tableFromArrays({ x: Int32Array.from(x) }));

/** Three files, of which the second one has no rows. */
const formats: Readonly<
  Record<string, { stage: SourceStage; write: (folder: string) => Promise<void> }>
> = {
  arrow: {
    stage: arrow,
    write: async (folder) => {
      await Deno.writeFile(join(folder, "0.arrow"), arrowFile(1, 2));
      await Deno.writeFile(join(folder, "1.arrow"), arrowFile());
      await Deno.writeFile(join(folder, "2.arrow"), arrowFile(3, 4, 5));
    },
  },
  parquet: {
    stage: parquet,
    write: async (folder) => {
      await writeParquet("FROM range(2) t(x)", join(folder, "0.parquet"));
      await writeParquet("FROM range(0) t(x)", join(folder, "1.parquet"));
      await writeParquet("FROM range(3) t(x)", join(folder, "2.parquet"));
    },
  },
  csv: {
    stage: csv,
    write: async (folder) => {
      await Deno.writeTextFile(join(folder, "0.csv"), "x\n1\n2\n");
      await Deno.writeTextFile(join(folder, "1.csv"), "x\n");
      await Deno.writeTextFile(join(folder, "2.csv"), "x\n3\n4\n5\n");
    },
  },
};

for (const [name, { stage, write }] of Object.entries(formats)) {
  Deno.test(`${name} reports the file that contains a row, and the row's number in this file`, async () => {
    await withFiles({}, async (folder) => {
      await write(folder);
      const path = [0, 1, 2].map((number) => `${number}.${name}`);
      const dataset = await sourceOf(stage, { path }, folder).open();
      for await (const _ of dataset.recordBatches());
      const found = Array.from({ length: 6 }, (_, row) => dataset.locate!(row));
      await dataset.close?.();
      assertEquals(found.map((it) => it && [it.file, it.row]), [
        [`0.${name}`, 0],
        [`0.${name}`, 1],
        [`2.${name}`, 0],
        [`2.${name}`, 1],
        [`2.${name}`, 2],
        undefined,
      ]);
    });
  });
}
