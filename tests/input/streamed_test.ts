import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  FixedSizeList,
  Float32,
  type RecordBatch,
  Table,
  tableFromArrays,
  vectorFromArray,
} from "apache-arrow";
import fc from "fast-check";
import { join } from "node:path";
import { ArrowFileWriter } from "../../src/base/files/arrow_writer.ts";
import { featureSchema, labelSchema } from "../../src/pipeline/data_options.ts";
import { UserError } from "../../src/base/errors.ts";
import type { Batch } from "../../src/stages/batch.ts";
import type { Source } from "../../src/stages/source.ts";
import csv from "../../plugins/sources/csv.ts";
import type { Memory } from "../../src/input/memory.ts";
import { openSplit, type Split } from "../../src/input/split.ts";
import { arrowSource, sourceReference } from "../support/arrow.ts";
import { inFolder } from "../support/command_line.ts";

/** Rows whose feature `x` and label `y` tell their number, in record batches of some sizes. */
function counted(sizes: readonly number[], classes = 1_000_000): RecordBatch[] {
  let first = 0;
  return sizes.map((size) => {
    // A table without rows has no record batch.
    const rows = Array.from({ length: size || 1 }, (_, row) => first + row);
    first += size;
    const [batch] = tableFromArrays({
      x: Float32Array.from(rows, (row) => row / 2),
      pair: Float64Array.from(rows, (row) => row * 3),
      y: Int32Array.from(rows, (row) => row % classes),
    }).batches;
    return size === 0 ? batch!.slice(0, 0) : batch!;
  });
}

function write(path: string, batches: readonly RecordBatch[]): void {
  const writer = new ArrowFileWriter(path, batches[0]!.schema);
  for (const batch of batches) writer.write(batch);
  writer.finish();
}

/** No room at all, and windows of some rows of 16 bytes (x, pair, y). */
const noMemory = (window = 4): Memory => ({ bytes: 1, window: window * 16, left: 0 });

interface Tried {
  readonly memory?: Memory;
  readonly weight?: string;
  readonly nulls?: string;
  readonly reports?: string[];
}

function open(source: Source, { memory, weight, nulls, reports = [] }: Tried = {}): Promise<Split> {
  return openSplit(source, {
    features: {
      x: featureSchema.parse(nulls ? { nulls } : {}),
      pair: featureSchema.parse({}),
    },
    label: labelSchema.parse({ column: "y", kind: "class", classes: 1_000_000 }),
    nulls: undefined,
    texts: {},
    teachers: {},
    weight,
    columns: [],
    stage: sourceReference,
    places: undefined,
  }, { name: "train", memory, report: (line) => reports.push(line) });
}

/** The same source without what makes single rows readable, or record batches too. */
function limited(source: Source, only: "record batches" | "order"): Source {
  return {
    async open(request) {
      const { schema, fingerprint, rowCounts, recordBatch, recordBatches, close } = await source
        .open(request);
      const base = { schema, fingerprint, recordBatches, ...(close && { close }) };
      return only === "order" ? base : { ...base, rowCounts, recordBatch: recordBatch! };
    },
  };
}

const epochOf = async (split: Split, epoch: number, size: number, seed = 3): Promise<Batch[]> => {
  const batches: Batch[] = [];
  for (let start = 0; start < split.rows; start += size) {
    const end = Math.min(split.rows, start + size);
    batches.push(await split.shuffled({ seed, epoch }, start, end));
  }
  return batches;
};

const labels = (batches: readonly Batch[]) => batches.flatMap(({ label }) => [...label.values]);

const ascending = (rows: readonly number[]) => rows.toSorted((a, b) => a - b);

const count = (length: number) => Array.from({ length }, (_, row) => row);

const sizes = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 12 })
  .filter((sizes) => sizes.some((size) => size > 0));

Deno.test("a split streamed by rows has the same batches as in memory, in each epoch", () =>
  inFolder(async (folder) => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 20 }), async (sizes, size) => {
        const path = join(folder, "rows.arrow");
        write(path, counted(sizes));
        const inMemory = await open(arrowSource(path));
        const streamed = await open(arrowSource(path), { memory: noMemory() });
        assertEquals(streamed.shuffle, "whole");
        assertEquals(streamed.features, inMemory.features);
        assertEquals(streamed.label, inMemory.label);
        const { rows } = inMemory;
        assertEquals(streamed.rows, rows);
        assertEquals(await streamed.slice(0, rows), await inMemory.slice(0, rows));
        for (const epoch of [1, 2]) {
          assertEquals(await epochOf(streamed, epoch, size), await epochOf(inMemory, epoch, size));
        }
        await inMemory.close();
        await streamed.close();
      }),
      { numRuns: 25 },
    );
  }));

Deno.test("a split streamed in windows has each row once per epoch, in an order that depends on seed and epoch", () =>
  inFolder(async (folder) => {
    const window = fc.integer({ min: 1, max: 30 }), size = fc.integer({ min: 1, max: 20 });
    await fc.assert(
      fc.asyncProperty(sizes, window, size, async (sizes, window, size) => {
        const path = join(folder, "windows.arrow");
        write(path, counted(sizes));
        const source = limited(arrowSource(path), "record batches");
        const inMemory = await open(source);
        const streamed = await open(source, { memory: noMemory(window) });
        assertEquals(streamed.shuffle, { window });
        const { rows } = inMemory;
        const first = await epochOf(streamed, 1, size);
        assertEquals(ascending(labels(first)), count(rows));
        for (const { features, label } of first) {
          assertEquals([...features.x!.values], [...label.values].map((row) => row / 2));
          assertEquals([...features.pair!.values], [...label.values].map((row) => row * 3));
        }
        // Position by position, backwards, and by somebody who has read nothing else.
        const other = await open(source, { memory: noMemory(window) });
        for (let batch = first.length - 1; batch >= 0; batch--) {
          const start = batch * size, end = Math.min(rows, start + size);
          assertEquals(await other.shuffled({ seed: 3, epoch: 1 }, start, end), first[batch]);
        }
        assertEquals(ascending(labels(await epochOf(streamed, 2, size))), count(rows));
        assertEquals(await epochOf(streamed, 1, size), first);
        for (let start = 0; start < rows; start += size) {
          const end = Math.min(rows, start + size);
          assertEquals(await streamed.slice(start, end), await inMemory.slice(start, end));
        }
        for (const split of [inMemory, streamed, other]) await split.close();
      }),
      { numRuns: 25 },
    );
  }));

Deno.test("windows have another order in each epoch and for each seed", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows.arrow");
    write(path, counted(Array(40).fill(10)));
    const source = limited(arrowSource(path), "record batches");
    const split = await open(source, { memory: noMemory(50) });
    const [one, two] = [await epochOf(split, 1, 16), await epochOf(split, 2, 16)].map(labels);
    assertNotEquals(one, two);
    assertNotEquals(labels(await epochOf(split, 1, 16, 4)), one);
    // Five record batches at a time, whose rows come mixed.
    const sources = new Set(one!.slice(0, 50).map((row) => Math.floor(row / 10)));
    assertEquals(sources.size, 5);
    await split.close();
  }));

Deno.test("a subset of a streamed split is a split", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows.arrow");
    write(path, counted([7, 0, 9, 4]));
    const some = Uint32Array.of(0, 3, 6, 7, 8, 15, 19);
    for (const only of [undefined, "record batches"] as const) {
      const source = only ? limited(arrowSource(path), only) : arrowSource(path);
      const split = await open(source, { memory: noMemory() });
      const part = split.subset(some);
      assertEquals([...(await part.slice(1, 6)).label.values], [...some.subarray(1, 6)]);
      assertEquals(ascending(labels(await epochOf(part, 1, 3))), [...some]);
      await split.close();
    }
  }));

Deno.test("rows that are dropped because of a null are not streamed", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows.arrow");
    const table = new Table({
      x: vectorFromArray([1, null, 2, 3, null, 4], new Float32()),
      pair: vectorFromArray([1, 2, 3, 4, 5, 6], new Float32()),
      y: vectorFromArray(
        [1, 2, 3, 4, 5, 6].map((y) => y % 7 | 0),
        tableFromArrays({
          y: Int32Array.of(1),
        }).schema.fields[0]!.type,
      ),
    });
    write(path, table.batches);
    const split = await open(arrowSource(path), { memory: noMemory(), nulls: "drop" });
    // Nulls are in a bitmap: such rows are not read by themselves.
    assertEquals(split.shuffle, { window: 5 });
    assertEquals([...(await split.slice(0, split.rows)).label.values], [1, 3, 4, 6]);
    assertEquals(ascending(labels(await epochOf(split, 1, 2))), [1, 3, 4, 6]);
    await split.close();
  }));

Deno.test("a negative weight is refused with its row in the first pass, streamed or not", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows.arrow");
    const x = Float32Array.of(1, 2, 3, 4, -5, 6);
    write(path, tableFromArrays({ x, pair: x, y: Int32Array.of(0, 1, 2, 3, 4, 5) }).batches);
    for (const memory of [undefined, noMemory()]) {
      await assertRejects(
        () => open(arrowSource(path), { weight: "x", ...(memory && { memory }) }),
        UserError,
        `row 4 of ${path} (train split), column x: the weight is -5`,
      );
    }
  }));

Deno.test("rows that can only be read in order are copied to a file, which is removed", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows.arrow");
    write(path, counted([7, 9, 4]));
    const reports: string[] = [];
    const source = limited(arrowSource(path), "order");
    const inMemory = await open(source);
    const split = await open(source, { memory: noMemory(), reports });
    assertEquals(split.shuffle, "whole");
    assertEquals(await epochOf(split, 1, 6), await epochOf(inMemory, 1, 6));
    assertEquals(reports.length, 2);
    const [, copied] = /are copied to (\S+), which is removed at the end$/.exec(reports[0]!)!;
    assert((await Deno.stat(copied!)).isDirectory);
    await split.close();
    await assertRejects(() => Deno.stat(copied!), Deno.errors.NotFound);
    await inMemory.close();
  }));

Deno.test("csv is streamed through a copy, including strings", () =>
  inFolder(async (folder) => {
    const lines = count(500).map((row) => `${row},${row * 3},${row}`);
    await Deno.writeTextFile(join(folder, "rows.csv"), ["x,pair,y", ...lines].join("\n"));
    const source = csv.create(csv.options.parse({ path: "rows.csv", batchRows: 64 }), { folder });
    const inMemory = await open(source);
    const split = await open(source, { memory: noMemory() });
    for (const one of [1, 2]) {
      const order = labels(await epochOf(split, one, 64));
      assertEquals(ascending(order), count(500));
    }
    assertEquals(await split.slice(100, 300), await inMemory.slice(100, 300));
    await split.close();
    await inMemory.close();
  }));

Deno.test("fixed-size lists, booleans and strings have the same values streamed and in memory", () =>
  inFolder(async (folder) => {
    const path = join(folder, "rows.arrow");
    const list = new FixedSizeList(
      2,
      tableFromArrays({ item: Float32Array.of(1) }).schema.fields[0]!,
    );
    const rows = count(21);
    const table = new Table({
      image: vectorFromArray(rows.map((row) => [row, row + 0.5]), list),
      flag: vectorFromArray(rows.map((row) => row % 3 === 0)),
      y: vectorFromArray(rows.map((row) => `class ${row % 4}`)),
    });
    write(path, table.batches);
    for (const features of [{ image: {}, flag: {} }, { flag: {} }]) {
      const request = {
        features: Object.fromEntries(
          Object.keys(features).map((name) => [name, featureSchema.parse({})]),
        ),
        label: labelSchema.parse("y"),
        nulls: undefined,
        texts: {},
        teachers: {},
        weight: undefined,
        columns: [],
        stage: sourceReference,
        places: undefined,
      };
      const inMemory = await openSplit(arrowSource(path), request);
      const memory: Memory = { bytes: 1, window: 100, left: 0 };
      const split = await openSplit(arrowSource(path), request, { memory });
      assertEquals(split.shuffle, "whole");
      assertEquals(split.label, inMemory.label);
      assertEquals(await epochOf(split, 1, 5), await epochOf(inMemory, 1, 5));
      await split.close();
      await inMemory.close();
    }
  }));

for (const only of [undefined, "record batches"] as const) {
  const how = only ? "in windows" : "by rows";
  for (
    const [what, change, message] of [
      ["is removed", (path: string) => Deno.remove(path), "disappeared while it was read"],
      ["is cut off", (path: string) => Deno.truncate(path, 500), "changed while it was being read"],
      [
        "is written again",
        (path: string) => Deno.utime(path, 1, 1),
        "changed while it was being read",
      ],
    ] as const
  ) {
    Deno.test(`a file that ${what} while it is streamed ${how} is reported with its path`, () =>
      inFolder(async (folder) => {
        const path = join(folder, "rows.arrow");
        write(path, counted(Array(10).fill(50)));
        const source = only ? limited(arrowSource(path), only) : arrowSource(path);
        const split = await open(source, { memory: noMemory() });
        await split.shuffled({ seed: 1, epoch: 1 }, 0, 10);
        await change(path);
        const read = async () => await split.shuffled({ seed: 1, epoch: 1 }, 300, 320);
        const error = await assertRejects(read, UserError, message);
        assert(error.message.includes(path), error.message);
        await split.close();
      }));
  }
}
