import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Field, Int32, makeData, RecordBatch, Schema, Struct } from "apache-arrow";
import { type Source, UserError } from "../../plugin.ts";
import { sizeOf } from "../../src/input/columns.ts";
import { layoutOf } from "../../src/input/layout.ts";
import { featureSchema, labelSchema } from "../../src/pipeline/data_options.ts";
import { openSplit } from "../../src/input/split.ts";
import { memorySource, open, sourceReference, valuesOf } from "../support/arrow.ts";
import { type Exact, interopFiles, interopSource } from "../support/interop.ts";

/** What takes the place of nulls, and no column has. */
const absent = { number: -77, text: "absent" };

/** The values of a row for a net, if they are numbers or texts that it can be given. */
function flatOf(value: Exact, size: number, none: number | string): (number | string)[] {
  if (value === null) return Array(size).fill(none);
  if (Array.isArray(value)) {
    return value.flatMap((item) => flatOf(item, size / Math.max(1, value.length), none));
  }
  if (typeof none === "string") return [value as string];
  // Exact texts are numbers, each of which becomes the number nearest to it.
  return [Number(value)];
}

/** Whether a double cannot hold a value, or it is no finite number. */
const isBeyond = (value: Exact): boolean =>
  Array.isArray(value)
    ? value.some(isBeyond)
    : typeof value === "string" && (/^-?\d{16,}$/.test(value) || /NaN|Infinity/.test(value));

for (const entry of interopFiles.filter(({ refused }) => refused === undefined)) {
  Deno.test(`a net receives the values of ${entry.file}, or the nearest numbers`, async () => {
    const batches = await batchesOf(interopSource(entry), Object.keys(entry.columns));
    let seen = 0;
    for (const [index, field] of batches[0]!.schema.fields.entries()) {
      const layout = layoutOf(field.type);
      if (!layout || layout.lists.includes(undefined)) continue;
      const values = entry.columns[field.name]!, text = layout.family === "strings";
      if (values.some(isBeyond) && !text || field.name === "permuted") continue;
      const none = text ? absent.text : absent.number;
      const source = memorySource(batches.map((batch) => labelled(batch, index)));
      const split = await open(source, {
        features: { f: { column: field.name, nulls: { fill: none } } },
        label: { column: "row", kind: "number" },
      });
      const size = sizeOf(layout.lists as number[]);
      const { vocabulary } = split.features.f!;
      const read = valuesOf(split, "f").map((value) => text ? vocabulary![value] : value);
      assertEquals(read, values.flatMap((value) => flatOf(value, size, none)), field.name);
      seen++;
    }
    const hopeless = /lossy\.parquet|int96|stored/.test(entry.file);
    assert(seen > 0 || hopeless, "no column was compared");
  });
}

async function batchesOf(source: Source, columns: readonly string[]): Promise<RecordBatch[]> {
  const dataset = await source.open({ columns });
  try {
    return await Array.fromAsync(dataset.recordBatches());
  } finally {
    await dataset.close?.();
  }
}

/** One column of a record batch, and a label. */
function labelled(batch: RecordBatch, index: number): RecordBatch {
  const rows = makeData({ type: new Int32(), data: new Int32Array(batch.numRows) });
  const fields = [batch.schema.fields[index]!, new Field("row", new Int32(), false)];
  const children = [batch.data.children[index]!, rows];
  const schema = new Schema(fields);
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(fields), length: batch.numRows, nullCount: 0, children }),
  );
}

const reread = interopFiles.filter(({ file }) => /dictionaries|replaced|delta|_rows/.test(file));

for (const entry of reread) {
  Deno.test(`rows of ${entry.file} are the same in memory, read again, and copied to the disk`, async () => {
    const whole = interopSource(entry);
    const ordered: Source = {
      async open(request) {
        const { schema, fingerprint, recordBatches, close } = await whole.open(request);
        return { schema, fingerprint, recordBatches, close: close! };
      },
    };
    const { schema } = (await batchesOf(whole, Object.keys(entry.columns)))[0]!;
    const readable = schema.fields.flatMap(({ name, type }) => {
      const layout = layoutOf(type), text = layout?.family === "strings";
      if (!layout || layout.lists.includes(undefined)) return [];
      if (entry.columns[name]!.some(isBeyond) && !text) return [];
      const nulls = { fill: text ? absent.text : absent.number };
      return [[name, featureSchema.parse({ nulls })] as const];
    });
    const [column] = readable[0]!;
    const request = {
      features: Object.fromEntries(readable),
      label: labelSchema.parse({ column, classes: 50, nulls: { fill: absent.text } }),
      stage: sourceReference,
      places: undefined,
      nulls: undefined,
      texts: {},
      teachers: {},
      weight: undefined,
      columns: [],
    };
    const read: Record<string, unknown>[] = [];
    for (const [source, bytes] of [[whole, undefined], [whole, 1], [ordered, 1]] as const) {
      const memory = bytes && { bytes, window: 64, left: 0 };
      const split = await openSplit(source, request, { report() {}, ...(memory && { memory }) });
      if (bytes && source === whole) {
        assertEquals(split.shuffle === "whole", entry.file === "pyarrow_rows.arrow");
      }
      const { features } = await split.slice(0, split.rows);
      read.push(Object.fromEntries(readable.map(([name]) => {
        const words = split.features[name]!.vocabulary;
        const values = Array.from(features[name]!.values);
        return [name, words ? values.map((value) => words[value]) : values];
      })));
      await split.close();
    }
    assertEquals(read[1], read[0]);
    assertEquals(read[2], read[0]);
  });
}

Deno.test("tensors with permuted axes are refused, and read after they are written in order", async () => {
  const entry = interopFiles.find(({ file }) => file === "pyarrow_permuted.arrow")!;
  const read = (column: string) =>
    open(interopSource(entry), {
      features: { f: { column, shape: [3, 2] } },
      label: { column: "number", kind: "number" },
    });
  const error = await assertRejects(() => read("permuted"), UserError);
  assertStringIncludes(
    error.problems[0]!.message,
    "the axes of the tensors in the column permuted are permuted to [1, 0]",
  );
  assertStringIncludes(error.problems[0]!.hint!, "numpy.ascontiguousarray");
  const split = await read("straight");
  assertEquals(valuesOf(split, "f").slice(0, 6), [0, 3, 1, 4, 2, 5]);
});
