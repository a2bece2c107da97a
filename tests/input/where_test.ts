import { assertEquals } from "@std/assert";
import { tableFromArrays } from "apache-arrow";
import { join } from "node:path";
import { ArrowFileWriter } from "../../src/base/files/arrow_writer.ts";
import { featureSchema, labelSchema } from "../../src/pipeline/data_options.ts";
import log from "../../plugins/transforms/log.ts";
import { BatchMaker } from "../../src/input/batches.ts";
import { openSplit } from "../../src/input/split.ts";
import { TransformChain } from "../../src/input/transforms.ts";
import { arrowSource, sourceReference } from "../support/arrow.ts";
import { inFolder } from "../support/command_line.ts";

Deno.test("an error of a transform names split, file and row, in memory and streamed", () =>
  inFolder(async (folder) => {
    const first = Float32Array.from({ length: 10 }, (_, row) => row);
    const second = Float32Array.from(first, (x) => x === 7 ? -5 : x);
    const paths = [first, second].map((x, index) => {
      const path = join(folder, `part-${index}.arrow`);
      const table = tableFromArrays({ x, y: Int32Array.from(x, (_, row) => row % 2) });
      const writer = new ArrowFileWriter(path, table.schema);
      for (const batch of table.batches) writer.write(batch);
      writer.finish();
      return path;
    });
    for (const memory of [undefined, { bytes: 1, window: 64, left: 0 }]) {
      const whole = await openSplit(arrowSource(paths), {
        features: { x: featureSchema.parse({}) },
        label: labelSchema.parse("y"),
        nulls: undefined,
        texts: {},
        teachers: {},
        weight: undefined,
        columns: [],
        stage: sourceReference,
        places: undefined,
      }, { name: "test", ...(memory && { memory }) });
      // Row 17 of the source is at position 16 of these.
      const split = whole.subset(Uint32Array.from({ length: 19 }, (_, row) => row + 1));
      const plan = {
        stage: log,
        options: log.options.parse({}),
        reference: { kind: "transform", name: "log" },
        on: "all",
      } as const;
      const chain = TransformChain.of([plan], split.features);
      const maker = new BatchMaker({ test: split }, chain, 3);
      for (const training of [false, true]) {
        const pass = { split: "test", training, epoch: 2, size: 4, last: "keep" } as const;
        const messages: string[] = [];
        for (const address of maker.addresses(pass)) {
          await maker.make(address).catch((error) => messages.push(error.message));
        }
        assertEquals(messages, [
          `the feature x has -5 in row 7 of ${
            paths[1]
          } (test split), but log(-4) is not a finite number`,
        ]);
      }
      await whole.close();
    }
  }));
